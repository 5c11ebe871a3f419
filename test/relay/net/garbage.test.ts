import { randomBytes } from 'node:crypto'
import { connect as connectTcp } from 'node:net'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Connection, Libp2p, MultiaddrConnection } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createAgentNode } from '../../../relay/net/agent-node.ts'
import { concatBytes } from '../../../shared/kernel/bytes.ts'
import type { PeerId } from '../../../shared/kernel/ids.ts'
import { testNetworkId } from '../../host/network-nodes.ts'
import { Recorder } from '../../host/recorder.ts'
import type { RelayProcess } from './spawn-relay.ts'
import { spawnRelay } from './spawn-relay.ts'

const echoMark = 0xee
let relay: RelayProcess
const attackers: Libp2p[] = []

beforeEach(async () => {
  relay = await spawnRelay({ seed: '42'.repeat(32), networkId: testNetworkId })
})

afterEach(async () => {
  await Promise.all(attackers.splice(0).map((node) => node.stop()))
  await relay.kill('SIGKILL')
})

/** The relay runs on, serves a newcomer, and complained of nothing. */
async function expectAlive(): Promise<void> {
  expect(relay.process.exitCode, relay.stderr()).toBeNull()
  for (const address of relay.addresses) {
    const agent = createAgentNode({ privateKey: await generateKeyPair('Ed25519'), networkId: testNetworkId })
    const seen = new Recorder()
    await agent.start(seen)
    await agent.dial({ addresses: [address] })
    const self = relay.peer as PeerId
    agent.send(self, Uint8Array.of(echoMark, 1, 2, 3))
    await seen.until(() => seen.from(self).length === 1, 'echo')
    await agent.stop()
  }
  expect(relay.stderr()).toBe('')
}

/** A node with a key and nothing of ours. `tamper` gets every raw connection after noise. */
async function attacker(tamper?: (connection: MultiaddrConnection) => void): Promise<Connection> {
  const muxer = yamux()
  const node = await createLibp2p({
    privateKey: await generateKeyPair('Ed25519'),
    transports: [tcp(), webSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [
      () => {
        const factory = muxer()
        return {
          ...factory,
          protocol: factory.protocol,
          createStreamMuxer: (connection) => {
            tamper?.(connection as unknown as MultiaddrConnection)
            return factory.createStreamMuxer(connection)
          },
        }
      },
    ],
    connectionMonitor: { enabled: false },
    services: { identify: identify() },
  })
  attackers.push(node)
  return await node.dial(multiaddr(relay.addresses[attackers.length % 2]!))
}

/** Sends chunks on a bare TCP connection and waits until it is closed by either side. */
function throwAt(port: number, chunks: readonly (string | Uint8Array)[], hangUp: boolean): Promise<void> {
  return new Promise((resolve) => {
    const socket = connectTcp(port, '127.0.0.1', () => {
      for (const chunk of chunks) socket.write(chunk)
      if (hangUp) socket.end()
      else setTimeout(() => socket.destroy(), 300)
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve())
    socket.resume()
  })
}

const prefixed = (body: Uint8Array) => {
  const length = body.length < 128 ? [body.length] : [(body.length & 127) | 128, body.length >> 7]
  return concatBytes(Uint8Array.from(length), body)
}

describe('a relay outlives', () => {
  test('random bytes on its TCP and WebSocket ports', async () => {
    const multistream = new TextEncoder().encode('\x13/multistream/1.0.0\n')
    const upgrade =
      'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
    const chunks: (string | Uint8Array)[][] = [
      [],
      [randomBytes(1)],
      [randomBytes(100_000)],
      [multistream, randomBytes(1_000)],
      [multistream, '\x07/noise\n', randomBytes(1_000)],
      [multistream, '\x07/noise\n', Uint8Array.of(0, 32), randomBytes(32)],
      ['GET / HTTP/1.1\r\n\r\n'],
      [`GET / HTTP/1.1\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`],
      [upgrade],
      [upgrade, randomBytes(5_000)],
      // A masked frame of which the length says 2^63 - 1 bytes.
      [upgrade, Uint8Array.of(0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4)],
      [upgrade, Uint8Array.of(0x82, 0x80 + 20, 0, 0, 0, 0), multistream, randomBytes(300)],
      // The start of a TLS handshake.
      [Uint8Array.of(0x16, 3, 1, 2, 0), randomBytes(200)],
    ]
    const throws = Object.values(relay.ports).flatMap((port) =>
      chunks.flatMap((list) => [throwAt(port, list, true), throwAt(port, list, false)]),
    )
    await Promise.all(throws)
    await expectAlive()
  })

  test('random bytes in the place of a muxer', async () => {
    for (let round = 0; round < 12; round++) {
      const connection = await attacker((raw) => {
        setTimeout(() => raw.send(randomBytes(10 + 900 * round)), 20)
      })
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, 1_000)
        connection.addEventListener('close', () => {
          clearTimeout(timer)
          resolve(undefined)
        })
      })
    }
    await expectAlive()
  })

  test('random bytes on every protocol it speaks', async () => {
    const first = await attacker()
    const protocols = await spokenProtocols()
    for (const expected of ['/peer/1', '/kad/1', '/hop', '/ipfs/id/1.0.0', '/ping/', '/meshsub/']) {
      expect(protocols.some((name) => name.includes(expected))).toBe(true)
    }
    for (const protocol of protocols) {
      for (const [at, size] of [0, 1, 5, 40, 120, 3_000, 70_000].entries()) {
        for (const body of [randomBytes(size), prefixed(randomBytes(Math.min(size, 16_000)))]) {
          const connection = first.status === 'open' ? first : await attacker()
          await throwOn(connection, protocol, body, at % 2 === 0)
        }
      }
    }
    await expectAlive()
  })

  test('valid messages with bytes changed', async () => {
    const seeds: [string, Uint8Array][] = [
      ['/libp2p/circuit/relay/0.2.0/hop', Uint8Array.of(8, 0)],
      [
        '/libp2p/circuit/relay/0.2.0/hop',
        concatBytes(Uint8Array.of(8, 1, 18, 4, 10, 2), Uint8Array.of(0, 0)),
      ],
      ['/tabmesh/abababab/kad/1', concatBytes(Uint8Array.of(8, 4, 18, 34, 18, 32), randomBytes(32))],
      ['/tabmesh/abababab/kad/1', concatBytes(Uint8Array.of(8, 2, 18, 34, 18, 32), randomBytes(32))],
      ['/tabmesh/abababab/kad/1', concatBytes(Uint8Array.of(8, 0, 18, 3), new TextEncoder().encode('/x/'))],
      [
        '/meshsub/1.2.0',
        concatBytes(Uint8Array.of(10, 24, 8, 1, 18, 20), new TextEncoder().encode('tabmesh/abababab/tal')),
      ],
      ['/ipfs/id/push/1.0.0', concatBytes(Uint8Array.of(26, 5), randomBytes(5))],
    ]
    let connection = await attacker()
    for (const [protocol, seed] of seeds) {
      for (let change = 0; change < 25; change++) {
        const body = Uint8Array.from(seed)
        if (change > 0) body[(change * 7) % body.length] = (change * 37) % 256
        if (connection.status !== 'open') connection = await attacker()
        await throwOn(connection, protocol, prefixed(body), change % 2 === 0)
      }
    }
    await expectAlive()
  })
})

/** What the relay said of itself by identify. */
async function spokenProtocols(): Promise<string[]> {
  const node = attackers[0]!
  const id = node.getPeers()[0]!
  for (;;) {
    const { protocols } = await node.peerStore.get(id)
    if (protocols.length > 3) return protocols
    await new Promise<unknown>((resolve) => {
      node.addEventListener('peer:update', resolve, { once: true })
    })
  }
}

async function throwOn(
  connection: Connection,
  protocol: string,
  body: Uint8Array,
  hangUp: boolean,
): Promise<void> {
  try {
    const stream = await connection.newStream(protocol, { signal: AbortSignal.timeout(2_000) })
    const answered = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 30)
      stream.addEventListener('close', () => {
        clearTimeout(timer)
        resolve()
      })
    })
    stream.send(body)
    if (hangUp) await stream.close({ signal: AbortSignal.timeout(1_000) })
    await answered
    stream.abort(new Error('enough'))
  } catch {
    // The relay closed the stream or the connection first: its good right.
  }
}
