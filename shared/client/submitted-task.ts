import { ClientError } from './client-error.ts'
import { JobItems } from './job-items.ts'
import { planJob } from './job-plan.ts'
import type { JobState } from './job-state.ts'
import { type ClientParts, JobPoster, type OpenItem } from './job-window.ts'
import type { JobInput } from './map-input.ts'
import { type MapOptions, MapRun } from './map-run.ts'
import { jsonForm } from './output-form.ts'
import type { ItemResult } from './result-line.ts'

/** One task that a relay has taken. */
export interface SubmittedTask {
  readonly taskId: string
  /** The task is the only one of a job of its own. */
  readonly jobId: string
  /** Waits for its end. A relay that has lost the task meanwhile is given it again. */
  result(): Promise<ItemResult>
}

export async function handIn(
  parts: ClientParts,
  program: Uint8Array,
  input: JobInput,
  options: MapOptions,
  signal: AbortSignal,
): Promise<SubmittedTask> {
  const { state, plan } = planJob(parts, program, options, options.job)
  const items: OpenItem[] = []
  const { crypto, clock } = parts
  await new JobItems({ crypto, clock, plan, state, inputs: [input] }).take((item) => {
    items.push(item)
    return false
  }, signal)
  const poster = new JobPoster(parts, state.jobId, program)
  await poster.uploadProgram(signal)
  await poster.post(items, () => {}, signal)
  const [item] = items
  if (item!.state === 'refused') throw new ClientError('Refused', item!.refusal)
  const { taskId } = item!.submission.task
  return {
    taskId,
    jobId: state.jobId,
    result: () => resultOf(parts, program, input, { ...options, keep: true, job: state }),
  }
}

async function resultOf(
  parts: ClientParts,
  program: Uint8Array,
  input: JobInput,
  options: MapOptions & { readonly job: JobState },
): Promise<ItemResult> {
  for await (const result of new MapRun(parts, program, [input], options, jsonForm)) return result
  throw new ClientError('BadAnswer', 'The relay gave no result')
}
