import type { Bench } from './bench.ts'
import { httpBench } from './http/http-bench.ts'
import { runtimeBench } from './runtime/runtime-bench.ts'
import { storeBench } from './store/store-bench.ts'
import { tasksBench } from './tasks/tasks-bench.ts'
import { timerBench } from './timer-bench.ts'

/** All that `npm run bench -- NAME` knows. */
export const benches: readonly Bench[] = [httpBench, runtimeBench, storeBench, tasksBench, timerBench]
