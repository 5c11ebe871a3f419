import { describe, expect, test } from 'vitest'
import { resultOf, thisMachine } from './result.ts'

describe('a result', () => {
  test('of a duration is faster than its baseline when it is shorter', () => {
    const result = resultOf({
      name: 'sum',
      unit: 'ms',
      samples: [4, 5, 6],
      baseline: { name: 'plain', samples: [10, 10, 11] },
      target: { ratioMin: 1 },
    })
    expect(result).toEqual({
      name: 'sum',
      unit: 'ms',
      median: 5,
      min: 4,
      max: 6,
      baseline: { name: 'plain', median: 10 },
      ratio: 2,
      target: { ratioMin: 1 },
      met: true,
    })
  })

  test('of a rate is slower than its baseline when it is lower', () => {
    const baseline = { name: 'plain', samples: [200] }
    const result = resultOf({
      name: 'sum',
      unit: 'runs/s',
      samples: [50],
      baseline,
      target: { ratioMin: 0.5 },
    })
    expect([result.ratio, result.met]).toEqual([0.25, false])
  })

  test('without baseline and target says so', () => {
    expect(resultOf({ name: 'sum', unit: 'ms', samples: [1] })).toMatchObject({
      baseline: null,
      ratio: null,
      target: null,
      met: null,
    })
  })

  test.each([
    { target: { max: 5 }, samples: [5], met: true },
    { target: { max: 5 }, samples: [1, 5.1, 9], met: false },
    { target: { min: 1000 }, samples: [1000], met: true },
    { target: { min: 1000 }, samples: [999.9], met: false },
  ])('a median of $samples against $target: $met', ({ target, samples, met }) => {
    expect(resultOf({ name: 'sum', unit: 'ms', samples, target }).met).toBe(met)
  })

  test('a target is judged by what was measured, not by its rounding', () => {
    expect(resultOf({ name: 'sum', unit: 'ms', samples: [5.00001], target: { max: 5 } })).toMatchObject({
      median: 5,
      met: false,
    })
  })

  test('has numbers of four digits', () => {
    const { median, min } = resultOf({ name: 'sum', unit: 'ms', samples: [0.000123456, 1234.5678, 2000] })
    expect([median, min]).toEqual([1235, 0.0001235])
  })

  test('cannot be made of nothing, of NaN, or of a target for a ratio that there is not', () => {
    expect(() => resultOf({ name: 'sum', unit: 'ms', samples: [] })).toThrow('No samples')
    expect(() => resultOf({ name: 'sum', unit: 'ms', samples: [Number.NaN] })).toThrow('no number')
    const baseline = { name: 'plain', samples: [] }
    expect(() => resultOf({ name: 'sum', unit: 'ms', samples: [1], baseline })).toThrow('No samples')
    expect(() => resultOf({ name: 'sum', unit: 'ms', samples: [1], target: { ratioMin: 1 } })).toThrow(
      'baseline',
    )
  })
})

test('the machine is described', () => {
  const machine = thisMachine()
  expect(machine.cpus).toBeGreaterThan(0)
  expect(machine.node).toMatch(/^\d+\.\d+\.\d+$/)
  expect(machine.cpu).not.toBe('')
})
