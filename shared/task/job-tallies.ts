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

  accepted(task: Task): void {
    this.#change(task, (tally) => {
      tally.accepted++
    })
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
    const tally = this.#jobs.get(jobId) ?? { submitter, accepted: 0, completed: 0, failed: 0, executions: 0 }
    change(tally)
    this.#jobs.delete(jobId)
    this.#jobs.setDroppingOldest(jobId, tally)
  }
}
