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
    throw new Problem(
      409,
      'NoQuorum',
      `Task ${taskId} is ${finished.status} and no quorum stands behind that`,
    )
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
  for await (const finished of endsOf(api, job)) {
    const task = receiptTask(finished)
    if (task === undefined) continue
    yield receiptText.task(task, isFirst)
    isFirst = false
  }
  yield receiptText.tail
}

async function* endsOf(
  api: RelayApi,
  { id, submitter }: { readonly id: JobId | TaskId; readonly submitter: PeerId },
): AsyncGenerator<FinishedTask> {
  let from = 0
  for (;;) {
    const rows = await api.finishedOf(id, from, rowsAtOnce)
    for (const row of rows) if (row.task.submitter === submitter) yield row
    const last = rows.at(-1)
    if (last === undefined || rows.length < rowsAtOnce) return
    from = last.task.index + 1
  }
}
