import type { PeerId, TaskId } from '../kernel/ids.ts'
import type { ConductReason, CoordinatorOut, LossReason } from './coordinator-ports.ts'
import type { TaskRecord } from './task-record.ts'

/** REP-02, in points. */
const points: Readonly<Record<ConductReason, number>> = {
  task_success: 5,
  task_failure: -5,
  disagreement: -10,
  time_limit: -10,
  timeout: -15,
  fraud: -25,
}

/** Says what a worker did that counts for or against it. */
export function note(out: CoordinatorOut, worker: PeerId, taskId: TaskId, reason: ConductReason): void {
  out.event({ type: 'conduct', worker, taskId, reason, points: points[reason] })
}

/** What losses cost once the quorum has shown that the task could be done, and in its time. */
const costs: Partial<Record<LossReason, ConductReason>> = { host: 'task_failure', wallClock: 'time_limit' }

/** REP-02: to be called when a quorum stands. Without one nobody knows whose doing a breakdown was. */
export function noteLosses(out: CoordinatorOut, record: TaskRecord): void {
  for (const { worker, lost } of record.attempts) {
    const reason = lost === null ? undefined : costs[lost.reason]
    if (reason !== undefined) note(out, worker, record.submission.task.taskId, reason)
  }
}
