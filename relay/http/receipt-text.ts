import type { Hash, JobId, PeerId, TaskId } from '../../shared/kernel/ids.ts'
import type { FinishedTask } from '../../shared/task/messages.ts'
import { receiptTask, receiptText } from '../../shared/task/receipt.ts'
import { Problem } from './problem.ts'
import type { RelayApi } from './relay-api.ts'

const rowsAtOnce = 256

/** The receipt of one task. Throws a Problem when no quorum stands behind its end. */
export function receiptOf(networkId: Hash, finished: FinishedTask): string {
  const task = receiptTask(finished)
  if (task === undefined) {
    const { taskId } = finished.task
    throw new Problem('NoQuorum', `Task ${taskId} is ${finished.status} and no quorum stands behind that`)
  }
  return receiptText.head(networkId) + receiptText.task(task, true) + receiptText.tail
}

/** The receipt of a job in parts: of all its tasks so far that a quorum stands behind, in the order of its items. */
export async function* receiptParts(
  api: RelayApi,
  job: { readonly id: JobId | TaskId; readonly submitter: PeerId },
): AsyncGenerator<string> {
  let isFirst = true
  yield receiptText.head(api.networkId)
  for await (const finished of endsOfJob(api, job)) {
    const task = receiptTask(finished)
    if (task === undefined) continue
    yield receiptText.task(task, isFirst)
    isFirst = false
  }
  yield receiptText.tail
}

/** The ends of a job that are in the store, in the order of its items, from one index on. */
export async function* endsOfJob(
  api: RelayApi,
  { id, submitter }: { readonly id: JobId | TaskId; readonly submitter: PeerId },
  first = 0,
): AsyncGenerator<FinishedTask> {
  let from = first
  let seen = new Set<TaskId>()
  for (;;) {
    const rows = await api.finishedOf(id, from, rowsAtOnce)
    const fresh = rows.filter(({ task }) => !seen.has(task.taskId))
    for (const row of fresh) if (row.task.submitter === submitter) yield row
    const last = rows.at(-1)
    if (last === undefined || rows.length < rowsAtOnce) return
    // Several tasks may have one index: the next page begins with it again.
    const { index } = last.task
    from = fresh.length > 0 ? index : index + 1
    seen = new Set(rows.filter(({ task }) => task.index === index).map(({ task }) => task.taskId))
  }
}
