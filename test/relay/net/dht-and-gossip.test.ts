import { afterEach, describe, expect, test } from 'vitest'
import type { TestNode } from '../../host/network-nodes.ts'
import { startAgent, startRelay, stopNodes, tcpAddress, wsAddress } from '../../host/network-nodes.ts'

afterEach(stopNodes)

const key = new TextEncoder().encode('a program by its hash')
const text = (frame: Uint8Array) => new TextDecoder().decode(frame)
const bytes = (words: string) => new TextEncoder().encode(words)

/** Three relays in a row, an agent at either end. */
async function network(): Promise<{ relays: TestNode[]; near: TestNode; far: TestNode }> {
  const relays = [await startRelay(), await startRelay(), await startRelay()]
  await relays[0]!.network.dial({ addresses: [tcpAddress(relays[1]!)] })
  await relays[1]!.network.dial({ addresses: [wsAddress(relays[2]!)] })
  const [near, far] = [await startAgent(), await startAgent()]
  await near.network.dial({ addresses: [tcpAddress(relays[0]!)] })
  await far.network.dial({ addresses: [wsAddress(relays[2]!)] })
  return { relays, near, far }
}

describe('NET-04 the DHT of three relays', () => {
  test('a provider announced at one end is found from the other', async () => {
    const { near, far } = await network()
    await near.network.provide(key)
    await expect.poll(() => far.network.findProviders(key, 5), { timeout: 10_000 }).toEqual([near.peer])
  })

  test('a relay that is not connected is found by its id, and can be dialled by it', async () => {
    const { relays, near } = await network()
    const last = relays[2]!
    await expect
      .poll(() => near.network.findPeer(last.peer), { timeout: 10_000 })
      .toContain(tcpAddress(last).replace(`/p2p/${last.peer}`, ''))
    expect(await near.network.dial({ peer: last.peer })).toBe(last.peer)
  })

  test('what no one has is not found, and nothing throws', async () => {
    const { near } = await network()
    const stranger = await startAgent()
    expect(await near.network.findPeer(stranger.peer)).toBeUndefined()
    expect(await near.network.findProviders(bytes('nobody has this'), 5)).toEqual([])
    expect(await stranger.network.findProviders(key, 5)).toEqual([])
    expect(await stranger.network.findPeer(near.peer)).toBeUndefined()
    await stranger.network.provide(key)
  })
})

describe('gossip', () => {
  test('reaches every subscriber over two hops, once', async () => {
    const { relays, near, far } = await network()
    for (const node of [...relays, near, far]) node.network.subscribe('talk')
    let said = 0
    await expect
      .poll(
        async () => {
          await near.network.publish('talk', bytes(`word ${said++}`))
          return far.seen.gossips.length
        },
        { timeout: 15_000, interval: 200 },
      )
      .toBeGreaterThan(0)
    await near.network.publish('talk', bytes('the last word'))
    await far.seen.until(
      () => far.seen.gossips.some(({ frame }) => text(frame) === 'the last word'),
      'last word',
    )
    const words = far.seen.gossips.map(({ frame }) => text(frame))
    expect(new Set(words).size).toBe(words.length)
    expect(far.seen.gossips.at(-1)).toMatchObject({ topic: 'talk', from: relays[2]!.peer })
    expect(near.seen.gossips).toEqual([])
  })

  test('reaches all of fifty that have no neighbour but one relay', async () => {
    const relay = await startRelay()
    relay.network.subscribe('talk')
    const leaves = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const leaf = await startAgent()
        leaf.network.subscribe('talk')
        await leaf.network.dial({ addresses: [tcpAddress(relay)] })
        return leaf
      }),
    )
    const [speaker, ...others] = leaves
    const heard = () =>
      others.filter(({ seen }) => seen.gossips.some(({ frame }) => text(frame) === 'to all')).length
    // The first words may come before everyone has said what he listens to.
    await expect
      .poll(
        async () => {
          await speaker!.network.publish('talk', bytes(`${Math.random()}`))
          return others.every(({ seen }) => seen.gossips.length > 0)
        },
        { timeout: 15_000, interval: 300 },
      )
      .toBe(true)
    await speaker!.network.publish('talk', bytes('to all'))
    await expect.poll(heard, { timeout: 3_000 }).toBe(others.length)
  })

  test('goes no further than a node that will not accept it', async () => {
    const { relays, near, far } = await network()
    for (const node of [...relays, near, far]) node.network.subscribe('talk')
    relays[1]!.seen.verdict = 'reject'
    await expect
      .poll(
        async () => {
          await near.network.publish('talk', bytes(`${Math.random()}`))
          return relays[1]!.seen.gossips.length
        },
        { timeout: 15_000, interval: 200 },
      )
      .toBeGreaterThan(2)
    expect(relays[2]!.seen.gossips).toEqual([])
    expect(far.seen.gossips).toEqual([])
  })

  test('is for small messages', async () => {
    const agent = await startAgent()
    await expect(agent.network.publish('talk', new Uint8Array(64 * 1024 + 1))).rejects.toThrow(RangeError)
    await agent.network.publish('talk', new Uint8Array(64 * 1024))
  })
})
