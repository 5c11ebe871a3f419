import { ClientError } from '../../shared/client/client-error.ts'
import type { Progress } from '../../shared/client/job-progress.ts'
import type { JobState } from '../../shared/client/job-state.ts'
import { inputBytes, type JobInput } from '../../shared/client/map-input.ts'
import { newSubmission, newUuid, type TaskPlan } from '../../shared/client/new-submission.ts'
import { type OutputText, outputTextOf } from '../../shared/client/output-text.ts'
import type { ItemResult } from '../../shared/client/result-line.ts'
import { Signal } from '../../shared/client/signal.ts'
import type { JobOptions } from '../../shared/client/tabmesh-client.ts'
import { verifyReceipt } from '../../shared/client/verify-receipt.ts'
import type { CryptoPort } from '../../shared/host/crypto-port.ts'
import { toHex } from '../../shared/kernel/bytes.ts'
import type { Hash, JobId, TaskId } from '../../shared/kernel/ids.ts'
import type { BlobStore } from '../../shared/storage/blob-store.ts'
import { taskDigest } from '../../shared/task/digest.ts'
import type { FinishedTask, Submission } from '../../shared/task/messages.ts'
import { inlineBytesMax, type Payload, sizeOf } from '../../shared/task/payload.ts'
import { type ReceiptTask, receiptFormat, receiptTask } from '../../shared/task/receipt.ts'
import { blobPayloadBytesMax, blobPayloadTooLarge } from '../../shared/task/task.ts'

/** The end of one item. `receipt` is there when its votes, checked here, stand behind the end. */
export type CheckedResult = ItemResult & { readonly receipt: ReceiptTask | null }

/** What is known of an end beside the result. */
export interface EndOf {
  readonly attempts: number
  readonly submittedAt: string
}

export interface NodeJobOptions extends JobOptions {
  /** Of the job to go on with, or to keep: its items have the same names each time. */
  readonly state?: JobState
  /** Ends that are kept: these items are not submitted. */
  readonly before?: readonly CheckedResult[]
  /** Resolves when the end is kept; then it counts. */
  readonly keepEnd?: (result: CheckedResult) => Promise<void>
  /** Called for each item, before it is given out. */
  readonly onEnd?: (result: CheckedResult, of: EndOf) => void
}

export interface JobProgress extends Progress {
  readonly items: number
  /** Ends whose receipt was checked here and holds. */
  readonly verified: number
  readonly isCancelled: boolean
}

export interface JobParts {
  readonly networkId: Hash
  readonly crypto: CryptoPort
  readonly blobs: BlobStore
  /** Sets up to `count` places of the submitter machine aside; says how many. */
  readonly reserve: (count: number) => number
  /** Takes the places set aside; those that no item fills are free again. */
  readonly submit: (job: Job, items: readonly Submission[], reserved: number) => void
  readonly cancel: (taskIds: readonly TaskId[]) => void
  readonly missingWorkers: () => number
  readonly changed: () => void
}

/** What was asked cannot be submitted at all; the message is for the visitor. */
class JobError extends Error {
  readonly code: 'PayloadTooLarge' | 'NoItems'

  constructor(code: JobError['code'], message: string) {
    super(message)
    this.name = 'JobError'
    this.code = code
  }
}

/** Signed together. */
const itemsPerBatch = 64
/** Ends that wait for an earlier item, and items under way, together. */
const windowMax = 1_024

/** An item under way. */
export interface OpenItem {
  readonly index: number
  readonly digest: Hash
  readonly submittedAt: string
  isAccepted: boolean
}

/**
 * One program mapped over many inputs: an asynchronous iterable of ends in input order, each checked before it is
 * given. Iterate once. It goes no further ahead of its reader than the window.
 */
export class Job implements AsyncIterable<CheckedResult> {
  readonly jobId: JobId
  readonly #parts: JobParts
  readonly #plan: TaskPlan
  readonly #program: Uint8Array
  /** Those that are handed in are let go. */
  readonly #inputs: (JobInput | undefined)[]
  readonly #options: NodeJobOptions
  readonly #open = new Map<TaskId, OpenItem>()
  readonly #ended = new Map<number, CheckedResult>()
  readonly #counts = { accepted: 0, completed: 0, failed: 0, verified: 0, executions: 0 }
  #next = 0
  #given = 0
  #isCancelled = false
  #isFilling = false
  #failure: unknown
  /** No more inputs come. */
  #isClosed: boolean
  /** What the inputs threw: said when those before it have ended. */
  #inputFailure: unknown
  readonly #changed = new Signal()

  /** Without inputs they are given by `add`, and then `close`. */
  constructor(
    parts: JobParts,
    program: Uint8Array,
    inputs: readonly JobInput[] | undefined,
    options: NodeJobOptions,
  ) {
    if (program.length > blobPayloadBytesMax) throw new JobError('PayloadTooLarge', blobPayloadTooLarge)
    if (inputs?.length === 0)
      throw new JobError('NoItems', 'There is nothing to run on: the input has no items')
    const { crypto, networkId } = parts
    this.jobId = options.state?.jobId ?? (newUuid(crypto) as JobId)
    this.#parts = parts
    this.#program = program
    this.#inputs = [...(inputs ?? [])]
    this.#isClosed = inputs !== undefined
    this.#options = options
    this.#plan = {
      networkId,
      jobId: this.jobId,
      programHash: toHex(crypto.sha256(program)) as Hash,
      programSizeBytes: program.length,
      taskType: options.taskType,
      priority: options.priority,
      limits: options.limits,
      verification: options.verification,
      fixed: options.state,
    }
    for (const result of options.before ?? []) this.#countBefore(result)
    options.signal?.addEventListener('abort', () => this.cancel(), { once: true })
    if (options.signal?.aborted === true) this.cancel()
  }

  /** Items under way. */
  get open(): ReadonlyMap<TaskId, OpenItem> {
    return this.#open
  }

  /** Takes one more input; resolves when there is room for the next, false when none is wanted any more. */
  async add(input: JobInput): Promise<boolean> {
    this.#inputs.push(input)
    void this.fill()
    await this.#changed.until(() => this.#isCancelled || this.#inputs.length - this.#given < windowMax)
    return !this.#isCancelled
  }

  /** No more inputs come, or none that could be read. */
  close(failure?: unknown): void {
    this.#isClosed = true
    this.#inputFailure = failure
    this.#told()
  }

  get progress(): JobProgress {
    return {
      items: this.#inputs.length,
      ...this.#counts,
      missingWorkers: this.#parts.missingWorkers(),
      isCancelled: this.#isCancelled,
    }
  }

  /** Whether items wait to be submitted, or may come. */
  get wantsRoom(): boolean {
    return !this.#isCancelled && (this.#next < this.#inputs.length || !this.#isClosed)
  }

  /** Submits what there is room for. Called at the start and whenever room came to be. Never rejects. */
  async fill(): Promise<void> {
    if (this.#isFilling) return
    this.#isFilling = true
    try {
      if (this.#next === 0) await this.#parts.blobs.put(this.#program)
      for (let count = this.#reserve(); count > 0; count = this.#reserve()) await this.#submitBatch(count)
    } catch (error) {
      this.#failure = error
      this.cancel()
    } finally {
      this.#isFilling = false
    }
  }

  cancel(): void {
    if (this.#isCancelled) return
    this.#isCancelled = true
    this.#parts.cancel([...this.#open.keys()])
    this.#told()
  }

  /** A task of this job came to its end. */
  async finished(finished: FinishedTask): Promise<void> {
    const { taskId } = finished.task
    const open = this.#open.get(taskId)
    if (open === undefined) return
    this.#open.delete(taskId)
    this.#counts.executions += finished.attempts
    const result = await this.#checked(finished, open)
    await this.#options.keepEnd?.(result)
    this.#end(result, { ...open, attempts: finished.attempts })
  }

  /** It cannot go on: what has ended could not be kept. */
  fail(error: unknown): void {
    this.#failure = error
    this.cancel()
  }

  /** A coordinator has taken a task of this job; after an outage it says so again. */
  accepted(taskId: TaskId): void {
    const open = this.#open.get(taskId)
    if (open === undefined || open.isAccepted) return
    open.isAccepted = true
    this.#counts.accepted++
    this.#told()
  }

  /** A task of this job was not taken. */
  refused(taskId: TaskId, code: string, message: string): void {
    const open = this.#open.get(taskId)
    if (open === undefined) return
    this.#open.delete(taskId)
    const failed = { index: open.index, taskId, receipt: null, error: { kind: code, message } }
    this.#end({ ...failed, status: 'failed' }, { ...open, attempts: 0 })
  }

  async *[Symbol.asyncIterator](): AsyncIterator<CheckedResult> {
    try {
      for (;;) {
        await this.#changed.until(
          () =>
            this.#ended.has(this.#given) ||
            this.#failure !== undefined ||
            this.#isCancelled ||
            this.#isAllGiven,
        )
        const result = this.#ended.get(this.#given)
        if (result === undefined) {
          if (this.#failure !== undefined) throw this.#failure
          if (this.#isAllGiven && this.#inputFailure !== undefined) throw this.#inputFailure
          return
        }
        this.#ended.delete(this.#given++)
        void this.fill()
        this.#changed.fire()
        yield result
      }
    } finally {
      // A reader that leaves early wants no more of it.
      if (!this.#isAllGiven) this.cancel()
    }
  }

  get #isAllGiven(): boolean {
    return this.#isClosed && this.#given >= this.#inputs.length
  }

  #countBefore(result: CheckedResult): void {
    this.#counts.accepted++
    this.#counts[result.status]++
    if (result.receipt !== null) this.#counts.verified++
    this.#ended.set(result.index, result)
  }

  #reserve(): number {
    if (this.#isCancelled) return 0
    while (this.#ended.has(this.#next)) this.#next++
    const ahead = this.#next - this.#given
    const count = Math.min(itemsPerBatch, this.#inputs.length - this.#next, windowMax - ahead)
    return count > 0 ? this.#parts.reserve(count) : 0
  }

  async #submitBatch(count: number): Promise<void> {
    const from = this.#next
    this.#next += count
    let items: readonly Submission[] = []
    try {
      const inputs = this.#inputs.slice(from, from + count)
      const left = inputs.map((_, at) => at).filter((at) => !this.#ended.has(from + at))
      this.#inputs.fill(undefined, from, from + count)
      items = await Promise.all(left.map((at) => this.#submissionOf(inputs[at]!, from + at)))
    } finally {
      const small = items.filter(({ input }) => sizeOf(input) <= blobPayloadBytesMax)
      this.#parts.submit(this, this.#isCancelled ? [] : small, count)
    }
    for (const { task, input } of items) {
      if (sizeOf(input) > blobPayloadBytesMax)
        this.refused(task.taskId, 'PayloadTooLarge', blobPayloadTooLarge)
    }
    this.#told()
  }

  async #submissionOf(input: JobInput, index: number): Promise<Submission> {
    const { crypto, blobs } = this.#parts
    const bytes = inputBytes(input as unknown)
    if (bytes === undefined) {
      throw new ClientError('BadInput', `Input ${index} is neither a JSON value nor bytes`)
    }
    if (bytes.length > inlineBytesMax && bytes.length <= blobPayloadBytesMax) await blobs.put(bytes)
    const submission = await newSubmission(this.#plan, index, bytes, crypto, new Date())
    this.#open.set(submission.task.taskId, {
      index,
      digest: taskDigest(submission.task, crypto.sha256),
      submittedAt: submission.task.submittedAt,
      isAccepted: false,
    })
    return submission
  }

  /** Nothing the coordinator says is taken on its word: the votes must be for the task that was signed here. */
  async #checked(finished: FinishedTask, { index, digest }: OpenItem): Promise<CheckedResult> {
    const { crypto, networkId } = this.#parts
    const { taskId } = finished.task
    const failed = (kind: string, message: string, receipt: ReceiptTask | null): CheckedResult => ({
      index,
      taskId,
      receipt,
      status: 'failed',
      error: { kind, message },
    })
    const receipt = receiptTask(finished)
    if (receipt === undefined) {
      const kind = finished.error?.kind ?? finished.status
      return failed(kind, finished.error?.message ?? `The task ended ${finished.status}`, null)
    }
    if (taskDigest(finished.task, crypto.sha256) !== digest) {
      return failed('unverified', 'The answer is for another task than the one this tab signed', null)
    }
    const verdict = await verifyReceipt({ format: receiptFormat, networkId, tasks: [receipt] }, { crypto })
    if (!verdict.valid) return failed('unverified', `The receipt does not hold: ${verdict.reason}`, null)
    if (receipt.outcome.kind === 'error') {
      return failed(receipt.outcome.error, finished.error?.message ?? '', receipt)
    }
    const output = await this.#outputOf(finished.output, receipt.outcome.outputHash)
    if (output === undefined) return failed('unverified', 'The output is not what the workers signed', null)
    return { index, taskId, receipt, status: 'completed', ...output }
  }

  async #outputOf(payload: Payload | null, outputHash: Hash): Promise<OutputText | undefined> {
    const bytes = payload?.kind === 'blob' ? await this.#parts.blobs.get(payload.hash) : payload?.bytes
    if (bytes === undefined || toHex(this.#parts.crypto.sha256(bytes)) !== outputHash) return undefined
    return outputTextOf(bytes)
  }

  #end(result: CheckedResult, { attempts, submittedAt }: EndOf): void {
    if (this.#isCancelled) return
    this.#options.onEnd?.(result, { attempts, submittedAt })
    this.#counts[result.status]++
    if (result.receipt !== null) this.#counts.verified++
    this.#ended.set(result.index, result)
    this.#told()
  }

  #told(): void {
    this.#changed.fire()
    this.#options.onProgress?.(this.progress)
    this.#parts.changed()
  }
}
