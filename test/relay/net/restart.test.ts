import { afterEach, describe, expect, test } from 'vitest'
import type { PeerId } from '../../../shared/kernel/ids.ts'
import {
  generateKey,
  startAgent,
  startOpen,
  stopNodes,
  testNetworkId,
  untilReserved,
} from '../../host/network-nodes.ts'
import type { RelayProcess } from './spawn-relay.ts'
import { spawnRelay } from './spawn-relay.ts'

const echoMark = 0xee
let relay: RelayProcess
const seed = '77'.repeat(32)

afterEach(async () => {
  await stopNodes()
  await relay.kill('SIGKILL')
})

describe('a relay that is killed and started again', () => {
  test('is down at once for those connected, and up again when they dial, with reservations', async () => {
    relay = await spawnRelay({ seed, networkId: testNetworkId })
    const self = relay.peer as PeerId
    const address = relay.addresses[0]!
    const [a, b] = [await startOpen(await generateKey()), await startAgent()]
    for (const node of [a, b]) await node.network.dial({ addresses: [address] })
    await untilReserved(a)
    const { tcp, ws } = relay.ports
    await relay.kill('SIGKILL')
    await Promise.all([a, b].map((node) => node.seen.untilLogged(`down ${self} gone`)))
    expect(a.network.send(self, Uint8Array.of(1))).toBe(false)
    await expect(a.network.dial({ addresses: [address] })).rejects.toMatchObject({ code: 'DialFailed' })

    relay = await spawnRelay({ seed, networkId: testNetworkId, tcpPort: tcp, wsPort: ws })
    for (const node of [a, b]) expect(await node.network.dial({ addresses: [address] })).toBe(self)
    a.network.send(self, Uint8Array.of(echoMark))
    await a.seen.until(() => a.seen.from(self).length === 1, 'echo')
    await untilReserved(a)
    expect(await b.network.dial({ peer: a.peer })).toBe(a.peer)
  })
})
