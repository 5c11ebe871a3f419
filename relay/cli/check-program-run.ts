import type { ProgramRun, RunResult } from '../../shared/runtime/program-runner.ts'
import { createProgramPool } from '../agent/program-pool.ts'

/** One run as the checking process sees it. */
export interface CheckedRun {
  readonly result: RunResult
  readonly milliseconds: number
}

/** What comes back: a run each, or why there was none. */
export type CheckedRuns = readonly CheckedRun[] | { readonly failure: string }

type Asked = { readonly runs: readonly ProgramRun[]; readonly warm: boolean }

/** Runs whatever its parent sends, once, and ends. */
process.once('message', async (asked: Asked) => {
  const answer = await runAll(asked).catch((error: unknown): CheckedRuns => {
    return { failure: error instanceof Error ? error.message : String(error) }
  })
  // A parent that has gone meanwhile wants to know nothing more.
  if (process.connected) process.send!(answer, () => process.connected && process.disconnect())
})
process.once('disconnect', () => process.exit())

/** `warm`: every item is run before, so that nothing is new. */
async function runAll({ runs, warm }: Asked): Promise<CheckedRuns> {
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
  return results
}
