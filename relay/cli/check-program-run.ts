import type { ProgramRun, RunResult } from '../../shared/runtime/program-runner.ts'
import { createProgramPool } from '../agent/program-pool.ts'

/** One run as the checking process sees it. */
export interface CheckedRun {
  readonly result: RunResult
  readonly milliseconds: number
}

/** Runs whatever its parent sends, once, and ends. `warm`: every item is run before, so that nothing is new. */
process.once('message', async ({ runs, warm }: { runs: readonly ProgramRun[]; warm: boolean }) => {
  const pool = await createProgramPool({ slots: 1 })
  const never = new AbortController().signal
  if (warm) for (const run of runs) await pool.run(run, never)
  const results: CheckedRun[] = []
  for (const run of runs) {
    const startedAt = performance.now()
    const result = await pool.run(run, never)
    results.push({ result, milliseconds: performance.now() - startedAt })
  }
  await pool.close()
  process.send!(results, () => process.disconnect())
})
