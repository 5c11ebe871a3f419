import { describe, expect, test } from 'vitest'
import { geometricMean, median, quantile } from './statistics.ts'

describe('median and quantiles', () => {
  test.each([
    { samples: [7], middle: 7 },
    { samples: [3, 1, 2], middle: 2 },
    { samples: [4, 1, 3, 2], middle: 2.5 },
    { samples: [10, 9, 100, -5, 0], middle: 9 },
  ])('the median of $samples is $middle', ({ samples, middle }) => {
    expect(median(samples)).toBe(middle)
  })

  test.each([
    { share: 0, value: 1 },
    { share: 0.25, value: 2 },
    { share: 0.95, value: 4.8 },
    { share: 1, value: 5 },
  ])('below $value lies $share of 1 to 5', ({ share, value }) => {
    expect(quantile([5, 3, 1, 4, 2], share)).toBeCloseTo(value, 12)
  })

  test('numbers are sorted as numbers, and the samples stay as they were', () => {
    const samples = [10, 9, 2]
    expect(median(samples)).toBe(9)
    expect(samples).toEqual([10, 9, 2])
  })

  test.each([
    { name: 'none', samples: [] },
    { name: 'one that is NaN', samples: [1, Number.NaN] },
    { name: 'one that is infinite', samples: [1, Number.POSITIVE_INFINITY] },
  ])('refuses samples with $name', ({ samples }) => {
    expect(() => median(samples)).toThrow(RangeError)
  })

  test.each([-0.1, 1.1, Number.NaN])('refuses the share %d', (share) => {
    expect(() => quantile([1], share)).toThrow(/from 0 to 1/)
  })
})

describe('the mean of ratios', () => {
  test('twice as fast and half as fast leave nothing', () => {
    expect(geometricMean([2, 0.5])).toBeCloseTo(1, 12)
    expect(geometricMean([0.25, 1, 1, 1])).toBeCloseTo(Math.SQRT1_2, 12)
  })

  test.each([{ ratios: [] }, { ratios: [1, 0] }, { ratios: [-1] }, { ratios: [Number.NaN] }])(
    'refuses $ratios',
    ({ ratios }) => {
      expect(() => geometricMean(ratios)).toThrow(RangeError)
    },
  )
})
