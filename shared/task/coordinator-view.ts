import type { BoundedMap } from '../kernel/bounded.ts'
import type { Hash, JobId, PeerId, TaskId } from '../kernel/ids.ts'
import type { TaskReport } from './coordinator-ports.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { FinishedTasks } from './finished-tasks.ts'
import type { JobTallies, JobTally } from './job-tallies.ts'
import type { AttemptKey } from './messages.ts'
import { blobsOf } from './payload.ts'
import type { ReadyQueue } from './ready-queue.ts'
import type { Roster } from './roster.ts'
import type { Priority, TaskStatus } from './task.ts'
import { isLive, type TaskRecord } from './task-record.ts'

export interface CoordinatorTables {
  readonly tasks: BoundedMap<TaskId, TaskRecord>
  readonly finished: FinishedTasks
  readonly queue: ReadyQueue
  readonly roster: Roster
  readonly dispatcher: Dispatcher
  readonly jobs: JobTallies
  readonly totals: Readonly<Record<TaskStatus, number>>
  readonly disagreements: BoundedMap<PeerId, number>
}

export interface CoordinatorCounts {
  readonly tasks: Readonly<Record<TaskStatus, number>>
  readonly queue: Readonly<Record<Priority, number>>
  readonly workers: { readonly count: number; readonly slots: number; readonly busy: number }
  readonly disagreements: Readonly<Record<string, number>>
}

export type JobReport = Readonly<JobTally> & { readonly missingWorkers: number }

/** What a coordinator says of its state to those who ask; it changes nothing. */
export class CoordinatorView {
  readonly #tables: CoordinatorTables

  constructor(tables: CoordinatorTables) {
    this.#tables = tables
  }

  report(taskId: TaskId): TaskReport | undefined {
    const record = this.#tables.tasks.get(taskId)
    if (record === undefined) return undefined
    const { task } = record.submission
    const missing = this.#tables.dispatcher.missingWorkers(record)
    return {
      taskId,
      jobId: task.jobId,
      submitter: task.submitter,
      status: record.status,
      submittedAt: task.submittedAt,
      attempts: record.attempts.length,
      ...(missing > 0 ? { missing: { workers: missing } } : {}),
    }
  }

  finishedKeyOf(taskId: TaskId): string | undefined {
    return this.#tables.finished.get(taskId)?.key
  }

  job(id: JobId): JobReport | undefined {
    const tally = this.#tables.jobs.get(id)
    if (tally === undefined) return undefined
    for (const record of this.#tables.queue.all()) {
      if (record.submission.task.jobId !== id) continue
      return { ...tally, missingWorkers: this.#tables.dispatcher.missingWorkers(record) }
    }
    return { ...tally, missingWorkers: 0 }
  }

  /** The jobs of one submitter that are still counted, the latest last. */
  jobsOf(submitter: PeerId): (readonly [JobId, JobReport])[] {
    return [...this.#tables.jobs.of(submitter)].map(([id, tally]) => [id, { ...tally, missingWorkers: 0 }])
  }

  /** Whether this attempt is out with the worker: an answer to it, with so many bytes of output, would count. */
  awaits(worker: PeerId, key: AttemptKey, outputBytes: number): boolean {
    const record = this.#tables.tasks.get(key.taskId)
    const attempt = record?.attemptNumbered(key.attempt)
    if (attempt === undefined || attempt.worker !== worker || !isLive(attempt)) return false
    return outputBytes <= record!.submission.task.limits.outputBytes
  }

  /** Whether the task has no answer in its round yet, whose commitment would be kept. */
  wantsCommitment(taskId: TaskId): boolean {
    const record = this.#tables.tasks.get(taskId)
    return record !== undefined && !record.finished && record.answeredInRound().length === 0
  }

  /** Programs, inputs and outputs of unfinished tasks that are blobs. */
  *blobs(): Iterable<Hash> {
    for (const { submission, attempts } of this.#tables.tasks.values()) {
      yield* blobsOf(submission)
      for (const { answer } of attempts) {
        if (answer?.answer.output?.kind === 'blob') yield answer.answer.output.hash
      }
    }
  }

  unfinishedOf(jobId: JobId): TaskId[] {
    const ids: TaskId[] = []
    for (const record of this.#tables.tasks.values()) {
      if (!record.finished && record.submission.task.jobId === jobId) ids.push(record.submission.task.taskId)
    }
    return ids
  }

  counts(): CoordinatorCounts {
    const tasks = { ...this.#tables.totals }
    for (const record of this.#tables.tasks.values()) if (!record.finished) tasks[record.status]++
    let slots = 0
    let busy = 0
    for (const worker of this.#tables.roster.all()) {
      slots += worker.slots
      for (const { attempt } of worker.outstanding.values()) if (attempt.state === 'running') busy++
    }
    return {
      tasks,
      queue: {
        critical: this.#tables.queue.size('critical'),
        normal: this.#tables.queue.size('normal'),
        low: this.#tables.queue.size('low'),
      },
      workers: { count: this.#tables.roster.offering, slots, busy },
      disagreements: Object.fromEntries(this.#tables.disagreements.entries()),
    }
  }
}
