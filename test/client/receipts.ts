import type { JsonValue } from '../../shared/client/item-splitter.ts'
import { inputBytes } from '../../shared/client/map-input.ts'
import { newSubmission, newUuid, type TaskPlan } from '../../shared/client/new-submission.ts'
import { toHex } from '../../shared/kernel/bytes.ts'
import type { JobId } from '../../shared/kernel/ids.ts'
import type { FinishedTask } from '../../shared/task/messages.ts'
import { type Receipt, receiptTask, receiptText } from '../../shared/task/receipt.ts'
import { type LoopbackOptions, LoopbackRelay } from '../relay/http/loopback-relay.ts'
import { newKey, sha256 } from '../relay/http/test-keys.ts'

export interface RanJob {
  readonly relay: LoopbackRelay
  readonly finished: readonly FinishedTask[]
  readonly receipt: Receipt
}

/** Runs one job through a whole network and takes its receipt. */
export async function runJob(
  items: readonly JsonValue[],
  options: LoopbackOptions & { readonly plan?: Partial<TaskPlan> } = {},
): Promise<RanJob> {
  const relay = await LoopbackRelay.start(options)
  const submitter = await newKey()
  const program = new TextEncoder().encode('program')
  const jobId = newUuid(submitter) as JobId
  const plan: TaskPlan = {
    networkId: relay.networkId,
    programHash: await relay.blobs.put(program),
    programSizeBytes: program.length,
    taskType: 'javascript',
    jobId,
    ...options.plan,
  }
  const submissions = await Promise.all(
    items.map((item, index) => newSubmission(plan, index, inputBytes(item), submitter, new Date())),
  )
  const done = new Promise<void>((resolve) => {
    let open = items.length
    relay.onFinished(() => {
      if (--open === 0) resolve()
    })
  })
  const admitted = await relay.submit(submitter.self, submissions)
  if (admitted.some((each) => !each.accepted)) throw new Error(JSON.stringify(admitted))
  await done
  const finished = await relay.finishedOf(jobId, 0, items.length)
  return { relay, finished, receipt: JSON.parse(receiptTextOf(relay, finished)) }
}

export function receiptTextOf(
  relay: Pick<LoopbackRelay, 'networkId'>,
  finished: readonly FinishedTask[],
): string {
  const tasks = finished.map((each) => receiptTask(each)).filter((task) => task !== undefined)
  const parts = tasks.map((task, at) => receiptText.task(task, at === 0))
  return receiptText.head(relay.networkId) + parts.join('') + receiptText.tail
}

export const hashOf = (text: string): string => toHex(sha256(new TextEncoder().encode(text)))
