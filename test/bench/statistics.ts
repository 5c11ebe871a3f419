/** The middle value, or the mean of the two in the middle. Throws on an empty list and on values that are no numbers. */
export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5)
}

/** The value below which the share lies (0 to 1), interpolated between neighbours. Throws as `median` does. */
export function quantile(samples: readonly number[], share: number): number {
  if (samples.length === 0) throw new RangeError('No samples were measured')
  if (samples.some((sample) => !Number.isFinite(sample))) throw new RangeError('A sample is no number')
  if (!(share >= 0 && share <= 1)) throw new RangeError(`A share is from 0 to 1, not ${share}`)
  const sorted = samples.toSorted((a, b) => a - b)
  const at = share * (sorted.length - 1)
  const below = Math.floor(at)
  const lower = sorted[below]!
  return lower + (at - below) * (sorted[Math.ceil(at)]! - lower)
}

/** The mean of ratios: what twice as fast and half as fast leave at 1. Throws on none and on what is not above 0. */
export function geometricMean(ratios: readonly number[]): number {
  if (ratios.length === 0) throw new RangeError('No ratios were measured')
  if (ratios.some((ratio) => !(ratio > 0))) throw new RangeError('A ratio is not above 0')
  return Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length)
}
