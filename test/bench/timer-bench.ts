import { alternate } from './alternate.ts'
import type { Bench } from './bench.ts'
import { resultOf } from './result.ts'

/** How finely the benches can measure on this machine: below some hundred times this, repeat the work. */
export const timerBench: Bench = {
  name: 'timer',
  about: 'what measuring itself takes, to judge the others by',
  runs: 200,
  parts: ['timer'],
  async measure({ runs }) {
    const { nothing } = await alternate({ nothing: () => {} }, { runs, warmUps: 50 })
    const samples = nothing.map((milliseconds) => 1_000 * milliseconds)
    return { results: [resultOf({ name: 'timer empty turn', unit: 'µs', samples })], missing: [] }
  },
}
