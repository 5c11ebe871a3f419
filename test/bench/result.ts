import { availableParallelism, cpus } from 'node:os'
import { median } from './statistics.ts'

/** What a result is to reach: a share of the baseline's speed, or bounds of its own median in its unit. */
export type Target = { readonly ratioMin: number } | { readonly min: number } | { readonly max: number }

/** Of durations and factors of size less is better, of rates and shares more. */
export type Unit = 'ms' | 'µs' | 'runs/s' | 'tasks/s' | 'writes/s' | 'MB/s' | 'share' | 'times'

/** One line of a bench, as FORMATS has it under "bench NAME --json". */
export interface BenchResult {
  readonly name: string
  readonly unit: Unit
  readonly median: number
  readonly min: number
  readonly max: number
  readonly baseline: { readonly name: string; readonly median: number } | null
  /** Speed as a share of the baseline's: 2 is twice as fast; null without a baseline. */
  readonly ratio: number | null
  readonly target: Target | null
  /** Null without a target. */
  readonly met: boolean | null
}

/** What should have been measured and was not, and why. */
export interface Missing {
  readonly name: string
  readonly reason: string
}

export interface Machine {
  readonly cpus: number
  readonly cpu: string
  readonly node: string
  readonly platform: string
}

export interface BenchReport {
  readonly bench: string
  readonly machine: Machine
  /** Times that everything was measured after warming up. */
  readonly runs: number
  readonly results: readonly BenchResult[]
  readonly missing: readonly Missing[]
}

export interface Measured {
  readonly name: string
  readonly unit: Unit
  /** At least one, in the unit. */
  readonly samples: readonly number[]
  readonly baseline?: { readonly name: string; readonly samples: readonly number[] }
  readonly target?: Target
}

export function resultOf({ name, unit, samples, baseline, target = undefined }: Measured): BenchResult {
  const middle = median(samples)
  const base = baseline === undefined ? null : { name: baseline.name, median: median(baseline.samples) }
  const ratio = base === null ? null : isBetterLow(unit) ? base.median / middle : middle / base.median
  return {
    name,
    unit,
    median: rounded(middle),
    min: rounded(Math.min(...samples)),
    max: rounded(Math.max(...samples)),
    baseline: base === null ? null : { name: base.name, median: rounded(base.median) },
    ratio: ratio === null ? null : rounded(ratio),
    target: target ?? null,
    met: target === undefined ? null : isMet(target, middle, ratio),
  }
}

function isBetterLow(unit: Unit): boolean {
  return unit === 'ms' || unit === 'µs' || unit === 'times'
}

function isMet(target: Target, middle: number, ratio: number | null): boolean {
  if ('min' in target) return middle >= target.min
  if ('max' in target) return middle <= target.max
  if (ratio === null) throw new RangeError('A target for the ratio needs a baseline')
  return ratio >= target.ratioMin
}

/** Four digits: the fifth is noise on any machine. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4))
}

export function thisMachine(): Machine {
  return {
    cpus: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
  }
}
