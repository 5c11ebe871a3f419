import { ClientError, explainFetchError } from '../../shared/client/client-error.ts'
import type { Progress } from '../../shared/client/job-progress.ts'
import type { JobInput } from '../../shared/client/map-input.ts'
import type { ReceiptVerdict } from '../../shared/client/receipt-verdict.ts'
import { hasEnded, type NetworkStatus, type Report } from '../../shared/client/reports.ts'
import type { ItemResult } from '../../shared/client/result-line.ts'
import type { SubmittedTask } from '../../shared/client/submitted-task.ts'
import type {
  Inputs,
  JobOptions,
  MappedJob,
  Program,
  TabmeshClient,
} from '../../shared/client/tabmesh-client.ts'
import { checkReceipt } from '../../shared/client/verify-receipt.ts'
import type { CryptoPort } from '../../shared/host/crypto-port.ts'
import { BoundedMap } from '../../shared/kernel/bounded.ts'
import type { Hash, JobId, TaskId } from '../../shared/kernel/ids.ts'
import { receiptText } from '../../shared/task/receipt.ts'
import type { Job } from './job.ts'
import type { Jobs } from './jobs.ts'
import { KeptJob } from './kept-job.ts'

export interface NodeClientParts {
  readonly jobs: Jobs
  readonly crypto: CryptoPort
  readonly networkId: Hash
  /** Of the page, and so of its relay. */
  readonly origin: string
}

/** Jobs that can be asked for; the oldest are forgotten. */
const jobsMax = 64
const answerMs = 10_000

/** The client library's interface over the node of this page: it goes on while the relay is away. */
export class NodeClient implements TabmeshClient {
  readonly #parts: NodeClientParts
  readonly #kept = new BoundedMap<string, KeptJob>('jobs of a page', jobsMax)

  constructor(parts: NodeClientParts) {
    this.#parts = parts
  }

  async submit(program: Program, input: JobInput, options: JobOptions): Promise<SubmittedTask> {
    const { job, kept } = this.#start(program, options)
    void job.add(input)
    job.close()
    const result = firstOf(job)
    // Whoever wants it asks for it.
    result.catch(() => {})
    const taskId = await Promise.race([kept.firstTask(), result.then(({ taskId: id }) => id)])
    return { taskId, jobId: job.jobId, result: () => result }
  }

  map(program: Program, inputs: Inputs, options: JobOptions): MappedJob {
    const { job, kept } = this.#start(program, options)
    void feed(job, inputs)
    return new NodeJob(job, kept, options.signal)
  }

  status(): Promise<NetworkStatus>
  status(id: string): Promise<Report>
  async status(id?: string): Promise<NetworkStatus | Report> {
    return id === undefined ? await this.#networkStatus() : this.#of(id).report(id)
  }

  async *watch(id: string): AsyncGenerator<Report> {
    const kept = this.#of(id)
    for (let before = ''; ; ) {
      const report = kept.report(id)
      const text = JSON.stringify(report)
      if (text !== before) yield report
      before = text
      if (hasEnded(report) && kept.isComplete(id)) return
      await kept.changed()
    }
  }

  async cancel(id: string): Promise<void> {
    const kept = this.#of(id)
    if (kept.jobId === id) kept.cancel()
    else this.#parts.jobs.cancel(id as TaskId)
  }

  async result(taskId: string): Promise<ItemResult> {
    const kept = this.#of(taskId)
    for (;;) {
      const result = kept.resultOf(taskId)
      if (result !== undefined) return plain(result)
      await kept.changed()
    }
  }

  async *results(jobId: string, from = 0): AsyncGenerator<ItemResult> {
    for (const result of this.#of(jobId).ended(jobId)) if (result.index >= from) yield plain(result)
  }

  async receipt(id: string): Promise<string> {
    const receipts = this.#of(id)
      .ended(id)
      .flatMap(({ receipt }) => receipt ?? [])
    if (receipts.length === 0) throw new ClientError('Refused', 'No quorum stands behind any end of it')
    const tasks = receipts.map((receipt, at) => receiptText.task(receipt, at === 0))
    return [receiptText.head(this.#parts.networkId), ...tasks, receiptText.tail].join('')
  }

  verifyReceipt(receipt: unknown): Promise<ReceiptVerdict> {
    return checkReceipt(receipt, { crypto: this.#parts.crypto })
  }

  #start(program: Program, options: JobOptions): { readonly job: Job; readonly kept: KeptJob } {
    const bytes = typeof program === 'string' ? new TextEncoder().encode(program) : program
    const kept = new KeptJob()
    const job = this.#parts.jobs.map(bytes, undefined, {
      ...options,
      onEnd: (result, of) => kept.note(result, of),
      onProgress: (progress) => {
        kept.tell()
        options.onProgress?.(progress)
      },
    })
    kept.of(job)
    this.#kept.setDroppingOldest(job.jobId, kept)
    return { job, kept }
  }

  #of(id: string): KeptJob {
    for (const kept of this.#kept.values()) if (kept.knows(id)) return kept
    throw new ClientError('Refused', `Neither a task nor a job ${id} is known here`)
  }

  async #networkStatus(): Promise<NetworkStatus> {
    const { origin } = this.#parts
    try {
      const response = await fetch(new URL('/api/v1/status', origin), {
        signal: AbortSignal.timeout(answerMs),
      })
      if (response.ok) return (await response.json()) as NetworkStatus
      throw new Error(`it answered ${response.status}`)
    } catch (error) {
      const { reason } = explainFetchError(error)
      throw new ClientError('Unreachable', `The relay at ${origin} cannot be reached: ${reason}.`, error)
    }
  }
}

class NodeJob implements MappedJob {
  readonly #job: Job
  readonly #kept: KeptJob
  readonly #signal: AbortSignal | undefined

  constructor(job: Job, kept: KeptJob, signal: AbortSignal | undefined) {
    this.#job = job
    this.#kept = kept
    this.#signal = signal
  }

  get jobId(): JobId {
    return this.#job.jobId
  }

  get progress(): Progress {
    return this.#job.progress
  }

  /** What was cancelled by its id stands there as such. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ItemResult> {
    let next = 0
    for await (const result of this.#job) {
      next = result.index + 1
      yield plain(result)
    }
    if (this.#signal?.aborted === true) throw new ClientError('Cancelled', 'cancelled by its submitter')
    for (const result of this.#kept.ended(this.jobId)) if (result.index >= next) yield plain(result)
  }
}

/** What the page checked of it is in the receipt. */
function plain(result: ItemResult & { readonly receipt?: unknown }): ItemResult {
  const { receipt: _, ...rest } = result
  return rest
}

async function feed(job: Job, inputs: Inputs): Promise<void> {
  try {
    for await (const input of inputs) if (!(await job.add(input))) return
    job.close()
  } catch (error) {
    job.close(error)
  }
}

async function firstOf(job: Job): Promise<ItemResult> {
  for await (const result of job) return plain(result)
  throw new ClientError('Cancelled', 'cancelled by its submitter')
}
