import type { JobReport, Report, TaskReport } from '../../shared/client/reports.ts'
import { Signal } from '../../shared/client/signal.ts'
import { BoundedMap } from '../../shared/kernel/bounded.ts'
import type { TaskId } from '../../shared/kernel/ids.ts'
import type { CheckedResult, EndOf, Job, OpenItem } from './job.ts'

interface End extends EndOf {
  readonly result: CheckedResult
  readonly completedAt: string
}

/** Ends kept of one job; of more, the first are forgotten. */
const endsMax = 4_096

/** What can be told of a job of this page, by its own id and those of its tasks. */
export class KeptJob {
  readonly #ends = new BoundedMap<string, End>('ends of a job', endsMax)
  readonly #changed = new Signal()
  #job: Job | undefined
  #attempts = 0
  #failed = 0
  #completed = 0

  of(job: Job): void {
    this.#job = job
  }

  get jobId(): string {
    return this.#made.jobId
  }

  knows(id: string): boolean {
    return id === this.jobId || this.#ends.get(id) !== undefined || this.#made.open.has(id as TaskId)
  }

  /** Called before the item counts as ended. */
  note(result: CheckedResult, of: EndOf): void {
    const completedAt = new Date().toISOString()
    this.#ends.setDroppingOldest(result.taskId, { ...of, result, completedAt })
    this.#attempts += of.attempts
    if (result.status === 'completed') this.#completed++
    else this.#failed++
  }

  /** Something became of it. */
  tell(): void {
    this.#changed.fire()
  }

  /** Resolves when something became of it. */
  async changed(): Promise<void> {
    let isTold = false
    const told = this.#changed.until(() => isTold)
    isTold = true
    await told
  }

  async firstTask(): Promise<string> {
    await this.#changed.until(() => this.#made.open.size > 0)
    const [taskId] = this.#made.open.keys()
    return taskId!
  }

  /** Ends what has not ended; that stands as cancelled. */
  cancel(): void {
    const open = [...this.#made.open]
    this.#made.cancel()
    for (const [taskId, item] of open)
      this.note(cancelled(taskId, item), { attempts: 0, submittedAt: item.submittedAt })
    this.tell()
  }

  resultOf(taskId: string): CheckedResult | undefined {
    return this.#ends.get(taskId)?.result
  }

  /** In the order of the items: of the task, or of all of them. */
  ended(id: string): readonly CheckedResult[] {
    if (id !== this.jobId) return this.resultOf(id) === undefined ? [] : [this.resultOf(id)!]
    return [...this.#ends.values()].map(({ result }) => result).sort((a, b) => a.index - b.index)
  }

  report(id: string): Report {
    return id === this.jobId ? this.#jobReport() : this.#taskReport(id)
  }

  /** Whether nothing more can come of what has ended so far. */
  isComplete(id: string): boolean {
    return id !== this.jobId || !this.#made.wantsRoom
  }

  get #made(): Job {
    if (this.#job === undefined) throw new Error('the job was not made')
    return this.#job
  }

  #jobReport(): JobReport {
    const { progress } = this.#made
    const missing = progress.missingWorkers > 0 ? { missing: { workers: progress.missingWorkers } } : {}
    const counts = { completed: this.#completed, failed: this.#failed, executions: this.#attempts }
    return {
      jobId: this.jobId,
      accepted: this.#completed + this.#failed + this.#openCount,
      ...counts,
      ...missing,
    }
  }

  get #openCount(): number {
    return [...this.#made.open.keys()].filter((taskId) => this.#ends.get(taskId) === undefined).length
  }

  #taskReport(taskId: string): TaskReport {
    const { jobId } = this
    const end = this.#ends.get(taskId)
    if (end === undefined) {
      const { submittedAt } = this.#made.open.get(taskId as TaskId)!
      return { taskId, jobId, status: 'pending', submittedAt, attempts: 0 }
    }
    const { result, attempts, submittedAt, completedAt } = end
    const isCancelled = result.status === 'failed' && result.error.kind === 'cancelled'
    const status = isCancelled ? 'cancelled' : result.status
    return { taskId, jobId, status, submittedAt, completedAt, attempts }
  }
}

const cancelled = (taskId: TaskId, { index }: OpenItem): CheckedResult => ({
  ...{ index, taskId, status: 'failed', receipt: null },
  error: { kind: 'cancelled', message: 'cancelled by its submitter' },
})
