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
}

const jobsMax = 10_000

/** Progress of the latest jobs; a job that nothing happens to for long makes room first. */
export class JobTallies {
  readonly #jobs = new BoundedMap<JobId, JobTally>('jobs', jobsMax)

  get(id: JobId): JobTally | undefined {
    return this.#jobs.get(id)
  }

  /** The job's submitter, from before a restart. */
  restore(jobId: JobId, submitter: PeerId): void {
    this.#jobs.setDroppingOldest(jobId, newTally(submitter))
  }

  /** True when the job is new: its submitter is to be kept, as only that peer's tasks count in it. */
  accepted(task: Task): boolean {
    const isNew = task.jobId !== null && !this.#jobs.has(task.jobId)
    this.#change(task, (tally) => {
      tally.accepted++
    })
    return isNew
  }

  finished({ task, status, attempts }: FinishedTask): void {
    this.#change(task, (tally) => {
      if (status === 'completed') tally.completed++
      else tally.failed++
      tally.executions += attempts
    })
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
})
