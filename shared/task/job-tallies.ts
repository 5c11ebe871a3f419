import { BoundedMap } from '../kernel/bounded.ts'
import type { JobId, PeerId } from '../kernel/ids.ts'
import type { FinishedTask } from './messages.ts'
import type { Task } from './task.ts'

/** Progress of a job: derived from its tasks, never saved. */
export interface JobTally {
  readonly submitter: PeerId
  accepted: number
  completed: number
  /** Failed, timed out and cancelled. */
  failed: number
  executions: number
  /** Of the task that says to be the first; ISO 8601 UTC. Empty before any is known. */
  submittedAt: string
  /** Of the task that ended last, Unix ms. */
  lastEndAt: number | null
  /** Tasks whose ends were archived. */
  archived: number
}

const jobsMax = 10_000

/** Progress of the latest jobs; a job that nothing happens to for long makes room first. */
export class JobTallies {
  readonly #jobs = new BoundedMap<JobId, JobTally>('jobs', jobsMax)

  get(id: JobId): JobTally | undefined {
    return this.#jobs.get(id)
  }

  /** Jobs of this submitter, the one that something happened to last at the end. */
  *of(submitter: PeerId): Iterable<readonly [JobId, Readonly<JobTally>]> {
    for (const [id, tally] of this.#jobs.entries()) if (tally.submitter === submitter) yield [id, tally]
  }

  /** The job's submitter, from before a restart; another's word for a job that is known changes nothing. */
  restore(jobId: JobId, submitter: PeerId): void {
    if (!this.#jobs.has(jobId)) this.#jobs.setDroppingOldest(jobId, newTally(submitter))
  }

  /** True when the job is new: its submitter is to be kept, as only that peer's tasks count in it. */
  accepted(task: Task): boolean {
    const isNew = task.jobId !== null && !this.#jobs.has(task.jobId)
    this.#change(task, (tally) => {
      tally.accepted++
      if (tally.submittedAt === '' || task.submittedAt < tally.submittedAt)
        tally.submittedAt = task.submittedAt
    })
    return isNew
  }

  finished({ task, status, attempts, transitions }: FinishedTask): void {
    this.#change(task, (tally) => {
      if (status === 'completed') tally.completed++
      else tally.failed++
      tally.executions += attempts
      tally.lastEndAt = Math.max(tally.lastEndAt ?? 0, transitions.at(-1)?.[1] ?? 0)
    })
  }

  /** Another coordinator has it. */
  withdrawn(task: Task): void {
    this.#change(task, (tally) => {
      tally.accepted--
    })
  }

  /** True when nothing of the job is left here, so that its submitter need not be known any more. */
  archived(jobId: JobId): boolean {
    const tally = this.#jobs.get(jobId)
    if (tally === undefined) return true
    tally.archived++
    return tally.archived >= tally.accepted && this.#jobs.delete(jobId)
  }

  #change({ jobId, submitter }: Task, change: (tally: JobTally) => void): void {
    if (jobId === null) return
    const tally = this.#jobs.get(jobId) ?? newTally(submitter)
    if (tally.submitter !== submitter) return
    change(tally)
    this.#jobs.delete(jobId)
    this.#jobs.setDroppingOldest(jobId, tally)
  }
}

const newTally = (submitter: PeerId): JobTally => ({
  submitter,
  accepted: 0,
  completed: 0,
  failed: 0,
  executions: 0,
  submittedAt: '',
  lastEndAt: null,
  archived: 0,
})
