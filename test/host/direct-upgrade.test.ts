import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { DirectUpgrade } from '../../shared/host/direct-upgrade.ts'
import type { PeerId } from '../../shared/kernel/ids.ts'

/** Peers on relayed paths; dials are written down and end as the test says. */
class World {
  readonly relayed = new Set<PeerId>()
  readonly dials: PeerId[] = []
  underWay = 0
  mostAtOnce = 0
  outcome: (peer: PeerId) => Promise<void> = () => Promise.reject(new Error('no way through'))
  readonly upgrade = new DirectUpgrade({
    relayedAddress: (peer) => (this.relayed.has(peer) ? `/p2p-circuit/p2p/${peer}` : undefined),
    dialDirect: async (peer) => {
      this.dials.push(peer)
      this.underWay++
      this.mostAtOnce = Math.max(this.mostAtOnce, this.underWay)
      try {
        await this.outcome(peer)
      } finally {
        this.underWay--
      }
    },
  })

  want(...names: string[]): void {
    for (const name of names) {
      this.relayed.add(name as PeerId)
      this.upgrade.wanted(name as PeerId)
    }
  }
}

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('NET-08 upgrading relayed links', () => {
  test('dials once when that succeeds', async () => {
    const world = new World()
    world.outcome = async (peer) => {
      world.relayed.delete(peer)
    }
    world.want('a', 'a')
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(world.dials).toEqual(['a'])
  })

  test('tries again soon, and then at growing distances', async () => {
    const world = new World()
    world.want('a')
    const triesBy = async (ms: number) => {
      await vi.advanceTimersByTimeAsync(ms)
      return world.dials.length
    }
    expect(await triesBy(0)).toBe(1)
    expect(await triesBy(500)).toBe(2)
    expect(await triesBy(2_000)).toBe(3)
    expect(await triesBy(10_000)).toBe(4)
    expect(await triesBy(59_000)).toBe(4)
    expect(await triesBy(1_000)).toBe(5)
    expect(await triesBy(120_000)).toBe(6)
    expect(await triesBy(240_000)).toBe(7)
    expect(await triesBy(480_000)).toBe(8)
    expect(await triesBy(600_000)).toBe(9)
    expect(await triesBy(600_000)).toBe(10)
  })

  test('dials at most three at a time, and everyone in the end', async () => {
    const world = new World()
    world.outcome = (peer) =>
      new Promise((resolve) =>
        setTimeout(() => {
          world.relayed.delete(peer)
          resolve()
        }, 1_000),
      )
    const names = Array.from({ length: 10 }, (_, at) => `peer ${at}`)
    world.want(...names)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(world.mostAtOnce).toBe(3)
    expect(world.dials).toEqual(names)
  })

  test('does not dial a peer that went, or became direct, while it waited', async () => {
    const world = new World()
    world.want('a')
    await vi.advanceTimersByTimeAsync(1)
    world.relayed.delete('a' as PeerId)
    world.upgrade.settled('a' as PeerId)
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(world.dials).toEqual(['a'])
    world.want('a')
    await vi.advanceTimersByTimeAsync(1)
    expect(world.dials).toHaveLength(2)
  })

  test('a peer without WebRTC is not asked again', async () => {
    const world = new World()
    world.outcome = () => Promise.reject(Object.assign(new Error('no'), { name: 'UnsupportedProtocolError' }))
    world.want('headless')
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(world.dials).toEqual(['headless'])
  })

  test('stops before the browser runs out of connections', async () => {
    const world = new World()
    world.want(...Array.from({ length: 400 }, (_, at) => `peer ${at}`))
    await vi.advanceTimersByTimeAsync(24 * 3_600_000)
    expect(world.dials.length).toBeGreaterThanOrEqual(150)
    expect(world.dials.length).toBeLessThan(160)
  })

  test('does nothing after it was stopped', async () => {
    const world = new World()
    world.want('a')
    await vi.advanceTimersByTimeAsync(1)
    world.upgrade.stop()
    world.want('b')
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(world.dials).toEqual(['a'])
  })
})
