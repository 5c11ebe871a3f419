import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ReplayWindow, rememberMs } from '../../shared/envelope/replay-window.ts'
import type { Instant } from '../../shared/kernel/ids.ts'

const minute = 60_000 as Instant
const at = (ms: number) => ms as Instant

describe('SEC-04 replay window', () => {
  test('takes an id once', () => {
    const window = new ReplayWindow()
    expect(window.take('a', at(0))).toBe(true)
    expect(window.take('a', at(0))).toBe(false)
    expect(window.take('b', at(0))).toBe(true)
  })

  test('remembers an id for ten minutes at least, whatever came between', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 3 * minute }), { maxLength: 40 })
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: rememberMs - 1 }), (gaps, age) => {
        const window = new ReplayWindow()
        let now = 0
        for (const [i, gap] of gaps.entries()) {
          now += gap
          window.take(`before ${i}`, at(now))
        }
        expect(window.take('id', at(now))).toBe(true)
        const seenAt = now
        for (const [i, gap] of gaps.entries()) {
          if (now + gap > seenAt + age) break
          now += gap
          window.take(`after ${i}`, at(now))
        }
        expect(window.take('id', at(seenAt + age))).toBe(false)
      }),
    )
  })

  test('lets ids go after twenty minutes, so that it does not grow with the life of a node', () => {
    const window = new ReplayWindow()
    for (let i = 0; i < 3_600; i++) window.take(`${i}`, at(i * 1_000))
    expect(window.size).toBeLessThanOrEqual(1_200)
    expect(window.take('0', at(3_600_000))).toBe(true)
  })

  test('holds two generations at most, however many come at one time; the latest stay', () => {
    const window = new ReplayWindow(500)
    for (let i = 0; i < 1_300; i++) {
      window.take(`${i}`, at(0))
      expect(window.size).toBeLessThanOrEqual(1_000)
    }
    for (let i = 800; i < 1_300; i++) expect(window.take(`${i}`, at(0))).toBe(false)
  })

  test('a clock that goes back forgets nothing', () => {
    const window = new ReplayWindow()
    window.take('a', at(20 * minute))
    window.take('b', at(minute))
    expect(window.take('a', at(0))).toBe(false)
    expect(window.take('b', at(0))).toBe(false)
  })
})
