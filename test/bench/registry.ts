import type { Bench } from './bench.ts'
import { runtimeBench } from './runtime/runtime-bench.ts'
import { timerBench } from './timer-bench.ts'

/** All that `npm run bench -- NAME` knows. */
export const benches: readonly Bench[] = [runtimeBench, timerBench]
