import type { JobInput } from '../../shared/client/map-input.ts'
import type { CryptoPort } from '../../shared/host/crypto-port.ts'
import type { Hash, TaskId } from '../../shared/kernel/ids.ts'
import type { BlobStore } from '../../shared/storage/blob-store.ts'
import type { FinishedTask, Submission } from '../../shared/task/messages.ts'
import type { SubmitterCommand, SubmitterEvent } from '../../shared/task/submitter.ts'
import { defaultSubmitterConfig } from '../../shared/task/submitter.ts'
import type { Task } from '../../shared/task/task.ts'
import { Job, type JobParts, type NodeJobOptions } from './job.ts'

export interface JobsParts {
  readonly networkId: Hash
  readonly crypto: CryptoPort
  readonly blobs: BlobStore
  readonly command: (command: SubmitterCommand) => void
  readonly changed: () => void
}

/** The jobs of this tab, sharing one submitter machine and its window. */
export class Jobs {
  readonly #parts: JobsParts
  readonly #owners = new Map<TaskId, Job>()
  readonly #running = new Set<Job>()
  #reserved = 0
  #missingWorkers = 0

  constructor(parts: JobsParts) {
    this.#parts = parts
  }

  /** Workers the next task lacks, as the coordinator last said; 0 when none. */
  get missingWorkers(): number {
    return this.#owners.size === 0 ? 0 : this.#missingWorkers
  }

  /** Tasks under way. */
  get open(): number {
    return this.#owners.size
  }

  /** Runs the program on every input. Throws a JobError when it cannot be submitted at all. */
  map(program: Uint8Array, inputs: readonly JobInput[] | undefined, options: NodeJobOptions): Job {
    const job = new Job(this.#jobParts(), program, inputs, options)
    this.#running.add(job)
    void job.fill()
    return job
  }

  /** Ends one task; its end comes as any other. */
  cancel(taskId: TaskId): void {
    if (this.#owners.has(taskId)) this.#parts.command({ type: 'submitter/cancel', taskIds: [taskId] })
  }

  handle(event: SubmitterEvent): void {
    switch (event.type) {
      case 'resultReceived':
        return this.#ended(event.finished)
      case 'submissionRefused':
        return this.#take(event.taskId)?.refused(event.taskId, event.code, event.message)
      case 'workersMissing':
        this.#missingWorkers = event.missingWorkers
        return this.#parts.changed()
      case 'submissionAccepted':
        return this.#owners.get(event.taskId)?.accepted(event.taskId)
    }
  }

  /** Of tasks on the disk, those of other jobs than these: nobody waits for them any more. */
  dropOthers(
    jobIds: ReadonlySet<string>,
    { open, ended }: { readonly open: readonly Submission[]; readonly ended: readonly FinishedTask[] },
  ): void {
    const idsOf = (tasks: readonly { readonly task: Task }[]) =>
      tasks
        .filter(({ task }) => !this.#owners.has(task.taskId) && !jobIds.has(task.jobId ?? ''))
        .map(({ task }) => task.taskId)
    const [lost, unwanted] = [idsOf(open), idsOf(ended)]
    if (lost.length > 0) this.#parts.command({ type: 'submitter/cancel', taskIds: lost })
    if (unwanted.length > 0) this.#parts.command({ type: 'submitter/kept', taskIds: unwanted })
  }

  /** Until the job has it, it stays with the submitter. */
  #ended(finished: FinishedTask): void {
    const { taskId } = finished.task
    const kept = () => this.#parts.command({ type: 'submitter/kept', taskIds: [taskId] })
    const job = this.#take(taskId)
    // One that is gone on with later asks for it again.
    if (job === undefined) return
    job.finished(finished).then(kept, (error: unknown) => job.fail(error))
  }

  #jobParts(): JobParts {
    const { networkId, crypto, blobs, changed } = this.#parts
    return {
      networkId,
      crypto,
      blobs,
      changed,
      missingWorkers: () => this.missingWorkers,
      reserve: (count) => {
        const room = defaultSubmitterConfig.windowMax - this.#owners.size - this.#reserved
        const reserved = Math.min(count, room)
        this.#reserved += reserved
        return reserved
      },
      submit: (job, items, reserved) => {
        this.#reserved -= reserved
        this.#submit(job, items)
      },
      cancel: (taskIds) => {
        if (taskIds.length > 0) this.#parts.command({ type: 'submitter/cancel', taskIds })
      },
    }
  }

  #submit(job: Job, items: readonly Submission[]): void {
    if (items.length === 0) return
    for (const { task } of items) this.#owners.set(task.taskId, job)
    this.#parts.command({ type: 'submitter/submit', items })
  }

  /** The task's job; its place in the window is free. */
  #take(taskId: TaskId): Job | undefined {
    const owner = this.#owners.get(taskId)
    this.#owners.delete(taskId)
    for (const job of this.#running) {
      if (job.wantsRoom) void job.fill()
      else this.#running.delete(job)
    }
    return owner
  }
}
