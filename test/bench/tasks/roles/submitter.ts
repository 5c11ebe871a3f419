import { clientCrypto } from '../../../../relay/cli/client-identity.ts'
import { connect } from '../../../../shared/client/client.ts'
import type { Answers } from './answers.ts'

export interface SubmitterGiven {
  readonly folder: string
  readonly relay: string
}

export interface JobGiven {
  readonly program: Uint8Array
  readonly taskType: string
  readonly tasks: number
  /** The input of every task; its index where there is none. */
  readonly input?: number
}

/** Hands in jobs by the client library, over HTTP, and takes their results. */
export async function submitterRole({ folder, relay }: SubmitterGiven): Promise<Answers> {
  const client = await connect({ relay, crypto: await clientCrypto(folder) })
  return {
    /** Milliseconds from the first task's making to the last result. Rejects when one did not complete. */
    job: async ({ program, taskType, tasks, input }: JobGiven): Promise<number> => {
      const inputs = Array.from({ length: tasks }, (_, index) => input ?? index)
      const start = performance.now()
      let taken = 0
      for await (const result of client.map(program, inputs, { taskType })) {
        if (result.status !== 'completed') throw new Error(`a task failed: ${JSON.stringify(result)}`)
        taken++
      }
      if (taken !== tasks) throw new Error(`${taken} results of ${tasks} tasks`)
      return performance.now() - start
    },
  }
}
