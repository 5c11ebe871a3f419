import { toHex } from '../kernel/bytes.ts'
import type { Hash } from '../kernel/ids.ts'
import { checkSameJob, type JobState, newJobState } from './job-state.ts'
import type { ClientParts } from './job-window.ts'
import type { TaskPlan } from './new-submission.ts'
import type { TaskOptions } from './task-options.ts'

/** A job that begins, or the one to go on with. Throws a ClientError `OtherJob` when that is another. */
export function planJob(
  { crypto, http }: Pick<ClientParts, 'crypto' | 'http'>,
  program: Uint8Array,
  options: TaskOptions,
  job: JobState | undefined,
): { readonly state: JobState; readonly plan: TaskPlan } {
  const { networkId } = http.network
  const programHash = toHex(crypto.sha256(program)) as Hash
  const fresh = newJobState(crypto, networkId, programHash, options)
  if (job !== undefined) checkSameJob(job, fresh)
  const state = job ?? fresh
  const { jobId, task } = state
  const programSizeBytes = program.length
  return { state, plan: { networkId, programHash, programSizeBytes, jobId, fixed: state, ...task } }
}
