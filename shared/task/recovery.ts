import type { BoundedMap } from '../kernel/bounded.ts'
import type { Hash, Instant, PeerId, Sha256, TaskId } from '../kernel/ids.ts'
import type { Row } from '../kernel/machine.ts'
import type { CoordinatorOut } from './coordinator-ports.ts'
import { type CoordinatorRow, finishedKeyOf, readRow, rowKeys } from './coordinator-rows.ts'
import { taskDigest } from './digest.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { FinishedTasks } from './finished-tasks.ts'
import type { Histories } from './histories.ts'
import type { JobTallies } from './job-tallies.ts'
import type { Leases } from './leases.ts'
import type { FinishedTask } from './messages.ts'
import type { TaskStatus } from './task.ts'
import { type StateRow, type SubmissionRow, TaskRecord } from './task-record.ts'

export interface RecoveryParts {
  readonly sha256: Sha256
  readonly tasks: BoundedMap<TaskId, TaskRecord>
  readonly finished: FinishedTasks
  readonly jobs: JobTallies
  readonly histories: Histories
  readonly leases: Leases
  readonly dispatcher: Dispatcher
  readonly totals: Record<TaskStatus, number>
  readonly nextOrder: () => number
  /** A task that is open here has ended at another coordinator. */
  readonly endAs: (record: TaskRecord, finished: FinishedTask, now: Instant, out: CoordinatorOut) => void
}

/** Rows to state: a coordinator's own after a restart, and another's whose tasks it takes over. */
export class Recovery {
  readonly #parts: RecoveryParts
  readonly #states = new Map<TaskId, StateRow>()
  readonly #submissions: SubmissionRow[] = []

  constructor(parts: RecoveryParts) {
    this.#parts = parts
  }

  /** Some of the own rows, in key order; `restored` when there are no more. */
  restore(rows: Iterable<Row>): void {
    const { finished, jobs, totals } = this.#parts
    for (const row of rows) {
      const read = readRow(row)
      if (read?.kind === 'awaited') finished.awaited(read.taskId)
      else if (read?.kind === 'job') jobs.restore(read.jobId, read.submitter)
      else if (read?.kind === 'history') this.#parts.histories.restore(read.peer, read.history)
      else if (read?.kind === 'state') this.#states.set(read.taskId, read.row)
      else if (read?.kind === 'task') this.#submissions.push(read.row)
      else if (read !== undefined) {
        finished.restore(read.finished, this.#digestOf(read.finished))
        this.#countEnd(read.finished, totals)
      }
    }
  }

  /** Gives the number after the last one that a restored task has. */
  restored(now: Instant): number {
    let order = 1
    const { tasks, finished, leases, dispatcher, jobs } = this.#parts
    finished.restored()
    for (const row of this.#submissions.sort((a, b) => a.order - b.order)) {
      const { task } = row.submission
      const record = TaskRecord.restore(
        taskDigest(task, this.#parts.sha256),
        row,
        this.#states.get(task.taskId),
      )
      tasks.mustSet(task.taskId, record)
      jobs.accepted(task)
      order = row.order + 1
      for (const attempt of record.live()) leases.resume(record, attempt, now)
      dispatcher.enqueue(record)
    }
    this.#states.clear()
    this.#submissions.length = 0
    return order
  }

  /**
   * Takes over what stands in the rows of a coordinator that is no more. Adopting the same rows again changes nothing.
   * What has ended anywhere has ended; what is open at both goes on as it is here; attempts that were out there are
   * lost at nobody's cost, and answers that were counted there stay counted.
   */
  adopt(
    rows: readonly Row[],
    now: Instant,
    out: CoordinatorOut,
  ): { readonly tasks: number; readonly finished: number } {
    const read = rows.map(readRow).filter((row) => row !== undefined)
    const awaited = new Set(ofKind(read, 'awaited').map(({ taskId }) => taskId))
    const states = new Map(ofKind(read, 'state').map(({ taskId, row }) => [taskId, row]))
    for (const { jobId, submitter } of ofKind(read, 'job')) this.#adoptJob(jobId, submitter, out)
    let ended = 0
    for (const { finished } of ofKind(read, 'done'))
      if (this.#adoptEnd(finished, awaited.has(finished.task.taskId), now, out)) ended++
    this.#parts.finished.restored()
    let open = 0
    const submissions = ofKind(read, 'task').sort((a, b) => a.row.order - b.row.order)
    for (const { taskId, row } of submissions) if (this.#adoptOpen(row, states.get(taskId), now, out)) open++
    return { tasks: open, finished: ended }
  }

  #adoptJob(jobId: Parameters<JobTallies['get']>[0], submitter: PeerId, out: CoordinatorOut): void {
    if (this.#parts.jobs.get(jobId) !== undefined) return
    this.#parts.jobs.restore(jobId, submitter)
    out.save(rowKeys.job(jobId), submitter)
  }

  #adoptEnd(finished: FinishedTask, isAwaited: boolean, now: Instant, out: CoordinatorOut): boolean {
    const { taskId } = finished.task
    const digest = this.#digestOf(finished)
    if (this.#parts.finished.get(taskId) !== undefined) return false
    const record = this.#parts.tasks.get(taskId)
    if (record !== undefined) {
      // The same id for another task is another's doing: the one that is here goes on.
      if (record.digest !== digest || record.finished) return false
      this.#parts.endAs(record, finished, now, out)
      return true
    }
    if (isAwaited) {
      this.#parts.finished.awaited(taskId)
      out.save(rowKeys.awaited(taskId), true)
    }
    this.#parts.finished.restore(finished, digest)
    this.#countEnd(finished, this.#parts.totals)
    out.save(finishedKeyOf(finished), finished)
    return true
  }

  #adoptOpen(row: SubmissionRow, state: StateRow | undefined, now: Instant, out: CoordinatorOut): boolean {
    const { tasks, finished, jobs, dispatcher, nextOrder } = this.#parts
    const { task } = row.submission
    if (tasks.has(task.taskId) || finished.get(task.taskId) !== undefined) return false
    const digest = taskDigest(task, this.#parts.sha256)
    const record = TaskRecord.restore(digest, { ...row, order: nextOrder() }, state)
    record.loseAll('coordinatorLost', now)
    tasks.mustSet(task.taskId, record)
    jobs.accepted(task)
    out.save(rowKeys.submission(task.taskId), record.submissionRow())
    out.save(rowKeys.state(task.taskId), record.stateRow())
    dispatcher.enqueue(record)
    return true
  }

  #countEnd(finished: FinishedTask, totals: Record<TaskStatus, number>): void {
    totals[finished.status]++
    this.#parts.jobs.accepted(finished.task)
    this.#parts.jobs.finished(finished)
  }

  #digestOf(finished: FinishedTask): Hash {
    return taskDigest(finished.task, this.#parts.sha256)
  }
}

const ofKind = <K extends CoordinatorRow['kind']>(
  rows: readonly CoordinatorRow[],
  kind: K,
): Extract<CoordinatorRow, { kind: K }>[] =>
  rows.filter((row): row is Extract<CoordinatorRow, { kind: K }> => row.kind === kind)
