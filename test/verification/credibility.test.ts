import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeCanonical, encodeCanonical } from '../../shared/kernel/codec.ts'
import type { Instant } from '../../shared/kernel/ids.ts'
import type { VerificationPolicy } from '../../shared/task/task.ts'
import {
  type Credibility,
  canaryShare,
  errorRate,
  groupErrorRate,
  noCredibility,
  rateOfUnknown,
  replicasFor,
  spotCheckShare,
  withVerdict,
} from '../../shared/verification/credibility.ts'
import { startMs } from '../support/task-fixtures.ts'

const dayMs = 24 * 60 * 60_000
const start = startMs as Instant
const at = (days: number) => (startMs + days * dayMs) as Instant

function earned(agreed: number, from: Credibility = noCredibility, now = start): Credibility {
  let history = from
  for (let n = 0; n < agreed; n++) history = withVerdict(history, 'agreed', now)
  return history
}

describe('TSK-09 what is believed of a worker', () => {
  test('is little at first, and grows with every answer that others confirmed', () => {
    expect(errorRate(noCredibility, start)).toBe(rateOfUnknown)
    expect(rateOfUnknown).toBe(0.25)
    expect(errorRate(earned(96), start)).toBeCloseTo(0.01, 10)
    expect(errorRate(earned(996), start)).toBeCloseTo(0.001, 10)
  })

  test('is nothing for a day after a disagreement, and then less than it was by far', () => {
    const history = withVerdict(earned(1_000), 'disagreed', start)
    expect(errorRate(history, start)).toBe(0.5)
    expect(errorRate(history, (start + dayMs - 1) as Instant)).toBe(0.5)
    expect(errorRate(earned(1_000, history), start)).toBe(0.5)
    const next = errorRate(history, at(1))
    expect(next).toBeGreaterThan(20 * errorRate(earned(1_000), at(1)))
    expect(next).toBeLessThan(0.03)
  })

  test('a disagreement costs more than a thousand agreements of such a worker earn again', () => {
    const before = errorRate(earned(1_000), start)
    const later = withVerdict(earned(1_000), 'disagreed', start)
    expect(errorRate(earned(1_000, later, at(1)), at(1))).toBeGreaterThan(5 * before)
  })

  test('fades: in thirty days half of it is gone, in the end all', () => {
    const history = earned(1_000)
    expect(errorRate(history, at(30))).toBeCloseTo(1 / 504, 5)
    expect(errorRate(history, at(60))).toBeCloseTo(1 / 254, 5)
    expect(errorRate(history, at(3_650))).toBeCloseTo(rateOfUnknown, 3)
    expect(errorRate(withVerdict(earned(50), 'disagreed', start), at(3_650))).toBeCloseTo(rateOfUnknown, 3)
  })

  test('fades the same however often one looks or adds', () => {
    let daily = earned(1_000)
    for (let day = 1; day <= 30; day++) daily = withVerdict(daily, 'agreed', at(day))
    let alone = 0
    for (let day = 1; day <= 30; day++) alone += 2 ** ((day - 30) / 30)
    expect(daily.agreed).toBeCloseTo(500 + alone, 6)
  })

  test('does not grow younger where a clock goes back', () => {
    const history = earned(10, noCredibility, at(5))
    expect(errorRate(history, start)).toBe(errorRate(history, at(5)))
  })

  test('is a value that a row carries', () => {
    const history = withVerdict(earned(7), 'disagreed', at(3))
    expect(decodeCanonical(encodeCanonical(history))).toEqual(history)
  })

  test('no history leaves the bounds, and one more agreement never makes it worse', () => {
    const steps = fc.array(fc.record({ agreed: fc.boolean(), days: fc.nat(40) }), { maxLength: 60 })
    fc.assert(
      fc.property(steps, (all) => {
        let history = noCredibility
        let day = 0
        for (const { agreed, days } of all) {
          day += days
          history = withVerdict(history, agreed ? 'agreed' : 'disagreed', at(day))
          const rate = errorRate(history, at(day))
          expect(rate).toBeGreaterThan(0)
          expect(rate).toBeLessThanOrEqual(0.5)
          expect(errorRate(withVerdict(history, 'agreed', at(day)), at(day))).toBeLessThanOrEqual(rate)
          expect(errorRate(withVerdict(history, 'disagreed', at(day)), at(day))).toBe(0.5)
        }
      }),
    )
  })
})

describe('TSK-09 what is believed of a group that agrees', () => {
  test('is that not all of it erred alike', () => {
    expect(groupErrorRate([])).toBe(0.5)
    expect(groupErrorRate([0.01])).toBeCloseTo(0.01, 12)
    expect(groupErrorRate([0.1, 0.1])).toBeCloseTo(0.01 / 0.82, 12)
    expect(groupErrorRate([0.25, 0.25, 0.25])).toBeCloseTo(1 / 28, 12)
  })

  test('never falls by one who is not believed, nor rises by anyone', () => {
    const rates = fc.array(fc.double({ min: 0, max: 0.5, noNaN: true }), { maxLength: 7 })
    fc.assert(
      fc.property(rates, fc.double({ min: 0, max: 1, noNaN: true }), (group, one) => {
        const [before, now] = [groupErrorRate(group), groupErrorRate([...group, one])]
        expect(now).toBeLessThanOrEqual(before + 1e-12)
        if (one >= 0.5) expect(now).toBeCloseTo(before, 12)
      }),
    )
  })
})

describe('TSK-09 how many replicas are handed out at first', () => {
  const fixed: VerificationPolicy = { replicas: 5, quorum: 3, comparator: 'exact' }
  const adaptive: VerificationPolicy = { ...fixed, errorTarget: 0.01 }

  test.each([
    ['one who is believed', [0.01, 0.25], 1],
    ['two that are together', [0.05, 0.05, 0.05], 2],
    ['one after others that are not', [0.25, 0.25, 0.01], 3],
    ['newcomers', [0.25, 0.25, 0.25, 0.25, 0.25], 5],
    ['too few', [0.25], 5],
    ['nobody', [], 5],
    ['nobody believed', [0.5, 0.5, 0.5, 0.5, 0.5, 0.5], 5],
  ])('%s', (_, rates, expected) => {
    expect(replicasFor(adaptive, rates)).toBe(expected)
    expect(replicasFor(fixed, rates)).toBe(5)
  })
})

test('TSK-09 who is believed is looked at all the same', () => {
  expect(spotCheckShare).toBeGreaterThan(0)
  expect(canaryShare).toBeGreaterThan(0)
  // Wrong answers before a turned worker is seen, against the verified answers that it needs for a rate of r.
  for (const rate of [0.1, 0.01, 0.001]) {
    const needed = 1 / rate - 1 / rateOfUnknown
    const share = 0.1 * (1 / spotCheckShare / (needed + 1 / spotCheckShare))
    expect(share).toBeLessThanOrEqual(rate)
  }
})
