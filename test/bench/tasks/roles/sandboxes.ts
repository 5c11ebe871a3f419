import { createProgramPool } from '../../../../relay/agent/program-pool.ts'
import { runOf } from '../../../support/program-run.ts'
import type { Answers } from './answers.ts'

export interface SandboxesGiven {
  readonly slots: number
}

export interface RunsGiven {
  readonly program: Uint8Array
  readonly input: number
  readonly runs: number
}

/** Runs that wait for a sandbox, for each: it is never idle, and short ones go there together. */
const ahead = 32

/** The agents' pool of sandboxes without a network: what running costs by itself. */
export async function sandboxesRole({ slots }: SandboxesGiven): Promise<Answers> {
  const pool = await createProgramPool({ slots })
  return {
    run: async ({ program, input, runs }: RunsGiven): Promise<void> => {
      const run = runOf(program, input)
      const { signal } = new AbortController()
      let left = runs
      const lane = async (): Promise<void> => {
        while (left-- > 0) {
          const result = await pool.run(run, signal)
          if (result.kind !== 'ok') throw new Error(`a run ended with ${JSON.stringify(result)}`)
        }
      }
      await Promise.all(Array.from({ length: slots * ahead }, lane))
    },
    stop: () => pool.close(),
  }
}
