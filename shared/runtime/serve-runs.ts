import type { Hash } from '../kernel/ids.ts'
import { Recent } from '../kernel/recent.ts'
import type { ProgramRun, RunResult } from './program-runner.ts'
import type { RunRequest, WorkerReply } from './sandbox-messages.ts'
import { programsHeld } from './sandbox-messages.ts'

/** What runs programs inside a sandbox, one at a time. */
export interface Runtime {
  /** Never rejects. */
  run(run: ProgramRun): Promise<RunResult>
  /** Makes ahead what the next run is likely to need, after a run; never rejects. */
  prepare(after: ProgramRun): Promise<void>
}

type Post = (reply: WorkerReply, transfer: ArrayBuffer[]) => void

/** The worker's end of a conversation: answers each request by `post`. */
export function serveRuns(runtime: Runtime, post: Post): (request: RunRequest) => Promise<void> {
  const held = new Recent<Hash, Uint8Array>(programsHeld)
  return async ({ id, programHash, program: sent, input, seed, limits }) => {
    const program = sent ?? held.get(programHash)
    if (program === undefined) {
      const message = 'The sandbox does not hold the program that it was asked to run'
      return post({ kind: 'result', id, result: { kind: 'none', reason: 'host', message } }, [])
    }
    if (sent !== undefined) held.set(programHash, sent)
    const run = { programHash, program, input, seed, limits }
    const result = await runtime.run(run)
    post({ kind: 'result', id, result }, result.kind === 'ok' ? [result.output.buffer as ArrayBuffer] : [])
    await runtime.prepare(run)
  }
}
