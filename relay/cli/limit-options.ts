import { defaultLimits, type Limits } from '../../shared/task/task.ts'

/** What a program may be given beyond, or below, the defaults. */
export interface LimitOptions {
  readonly fuel?: number
  readonly memoryMib?: number
  readonly outputMib?: number
  /** Seconds. */
  readonly maxDuration?: number
}

const mib = 2 ** 20

export function limitsOf({ fuel, memoryMib, outputMib, maxDuration }: LimitOptions): Limits {
  return {
    ...defaultLimits,
    ...(fuel === undefined ? {} : { fuel }),
    ...(memoryMib === undefined ? {} : { memoryBytes: memoryMib * mib }),
    ...(outputMib === undefined ? {} : { outputBytes: outputMib * mib }),
    ...(maxDuration === undefined ? {} : { maxDurationSeconds: maxDuration }),
  }
}
