import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { DialPace } from '../../shared/host/dial-pace.ts'
import { peerA, peerB } from '../support/scripted-run.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** Dials as fast as it may, as the services of libp2p do. */
function dialOn(pace: DialPace, peer = peerA): { readonly dials: number; readonly asked: number } {
  const state = { dials: 0, asked: 0 }
  void (async () => {
    for (;;) {
      state.asked++
      if (await pace.allows(peer)) state.dials++
    }
  })()
  return state
}

test('NET-05 services dial a peer that is away once in ten seconds, and each peer by itself', async () => {
  const pace = new DialPace()
  const [a, b] = [dialOn(pace, peerA), dialOn(pace, peerB)]
  await vi.advanceTimersByTimeAsync(0)
  expect([a.dials, b.dials]).toEqual([1, 1])
  await vi.advanceTimersByTimeAsync(60_000)
  expect([a.dials, b.dials]).toEqual([7, 7])
  // Those that are refused do not ask without pause, and hold no dial of others up for long.
  expect(a.asked).toBeLessThan(150)
})

test('NET-05 our own dial is held up by nothing, also where theirs waits', async () => {
  const pace = new DialPace()
  await pace.allows(peerA)
  let theirs: boolean | undefined
  void pace.allows(peerA).then((allowed) => {
    theirs = allowed
  })
  await vi.advanceTimersByTimeAsync(100)
  expect(theirs).toBeUndefined()
  const ours = await pace.ours(peerA, async () => [await pace.allows(peerA), await pace.allows(peerA)])
  expect(ours).toEqual([true, true])
  expect(theirs).toBe(true)
  const after = dialOn(pace)
  await vi.advanceTimersByTimeAsync(9_900)
  expect(after.dials).toBe(0)
})
