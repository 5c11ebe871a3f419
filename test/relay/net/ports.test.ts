import type { AddressInfo, Server } from 'node:net'
import { createServer } from 'node:net'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { afterEach, describe, expect, test } from 'vitest'
import { firstFreePort, portCandidates } from '../../../relay/net/ports.ts'
import type { RelayNode } from '../../../relay/net/relay-node.ts'
import { createRelayNode } from '../../../relay/net/relay-node.ts'
import { testNetworkId } from '../../host/network-nodes.ts'
import { Recorder } from '../../host/recorder.ts'

const host = '127.0.0.1'
const blockers: Server[] = []
const relays: RelayNode[] = []

afterEach(async () => {
  await Promise.all(relays.splice(0).map((relay) => relay.stop()))
  await Promise.all(blockers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))))
})

function occupy(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ host, port }, () => {
      blockers.push(server)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

/** The first of `count` neighbouring ports, all taken for the length of the test. */
async function occupyRow(count: number): Promise<number> {
  for (;;) {
    const first = await occupy(0)
    const row = Array.from({ length: count - 1 }, (_, at) => occupy(first + 1 + at))
    const results = await Promise.allSettled(row)
    if (results.every(({ status }) => status === 'fulfilled')) return first
  }
}

async function relayOn(ports: {
  tcpPort: number
  wsPort: number
  preferred?: { tcp?: number; ws?: number }
}) {
  const relay = createRelayNode({
    privateKey: await generateKeyPair('Ed25519'),
    networkId: testNetworkId,
    listenHost: host,
    ...ports,
  })
  relays.push(relay)
  await relay.start(new Recorder())
  return relay
}

describe('NET-02 ports', () => {
  test('the one got last time comes first, then the one asked for, then the next five', () => {
    expect(portCandidates(9000, 9003)).toEqual([9003, 9000, 9001, 9002, 9004, 9005])
    expect(portCandidates(9000, undefined)).toEqual([9000, 9001, 9002, 9003, 9004, 9005])
    expect(portCandidates(0, undefined)).toEqual([0])
    expect(portCandidates(0, 40_000)).toEqual([40_000, 0])
    expect(portCandidates(65_534, undefined)).toEqual([65_534, 65_535])
  })

  test('a port in use is passed over, and so is one given away already', async () => {
    const first = await occupyRow(2)
    const next = await firstFreePort(host, portCandidates(first, undefined), new Set())
    expect(next).toBeGreaterThan(first + 1)
    expect(next).toBeLessThanOrEqual(first + 5)
    const other = await firstFreePort(host, portCandidates(first, undefined), new Set([next!]))
    expect(other).not.toBe(next)
  })

  test('a relay takes the next port when the first is in use, and reports the one it got', async () => {
    const first = await occupyRow(1)
    const relay = await relayOn({ tcpPort: first, wsPort: first })
    const { tcp, ws } = relay.ports()
    expect(new Set([first, tcp, ws]).size).toBe(3)
    expect(tcp).toBeLessThanOrEqual(first + 5)
    expect(ws).toBeLessThanOrEqual(first + 5)
    expect(relay.addresses()).toEqual([
      `/ip4/${host}/tcp/${tcp}/p2p/${relay.self}`,
      `/ip4/${host}/tcp/${ws}/ws/p2p/${relay.self}`,
    ])
  })

  test('a relay comes back on the ports it had', async () => {
    const before = await relayOn({ tcpPort: 0, wsPort: 0 })
    const preferred = before.ports()
    await before.stop()
    const after = await relayOn({ tcpPort: 0, wsPort: 0, preferred })
    expect(after.ports()).toEqual(preferred)
  })

  test('when the port and the next five are taken it fails with the words of the requirement', async () => {
    const first = await occupyRow(6)
    await expect(relayOn({ tcpPort: first, wsPort: 0 })).rejects.toMatchObject({
      name: 'NetworkError',
      code: 'ListenFailed',
      message: 'Failed to bind to network port',
    })
    await expect(relayOn({ tcpPort: 0, wsPort: first })).rejects.toMatchObject({ code: 'ListenFailed' })
  })

  test('an address the machine has not fails the same way', async () => {
    const relay = createRelayNode({
      privateKey: await generateKeyPair('Ed25519'),
      networkId: testNetworkId,
      listenHost: '192.0.2.1',
      tcpPort: 0,
      wsPort: 0,
    })
    await expect(relay.start(new Recorder())).rejects.toMatchObject({ code: 'ListenFailed' })
    expect(() => relay.ports()).toThrow('does not listen')
  })
})
