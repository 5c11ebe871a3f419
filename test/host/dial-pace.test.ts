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
function dialOn(pace: DialPace, peer = peerA): { readonly dials: number } {
  const state = { dials: 0 }
  void (async () => {
    for (;;) {
      await pace.turn(peer)
      state.dials++
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
})

test('NET-05 our own dial is held up by nothing, also where theirs waits', async () => {
  const pace = new DialPace()
  await pace.turn(peerA)
  let joined = false
  void pace.turn(peerA).then(() => {
    joined = true
  })
  await vi.advanceTimersByTimeAsync(100)
  expect(joined).toBe(false)
  const dialled = await pace.ours(peerA, async () => {
    await pace.turn(peerA)
    return 'dialled'
  })
  expect(dialled).toBe('dialled')
  expect(joined).toBe(true)
  const after = dialOn(pace)
  await vi.advanceTimersByTimeAsync(9_900)
  expect(after.dials).toBe(0)
})
