import { formatResultLine } from '../../shared/client/result-line.ts'
import { receiptText } from '../../shared/task/receipt.ts'
import type { CheckedResult, Job, JobProgress } from '../node/job.ts'
import type { ReceiptCheck, TabNode } from '../node/tab-node.ts'
import { TextPile } from './text-pile.ts'

/** Rows on the screen; the rest is in the download. */
export const rowsShownMax = 200

/** One job as the page shows it: reads its results, keeps the first of them as rows and all of them as files. */
export class JobRun {
  readonly name: string
  readonly rows: CheckedResult[] = []
  /** Resolves when it has ended and that stands in the list of jobs. */
  readonly kept: Promise<void>
  readonly #node: TabNode
  readonly #job: Job
  readonly #changed: () => void
  readonly #results = new TextPile()
  readonly #receipts = new TextPile()
  readonly #startedAt = Date.now()
  #receiptTasks = 0
  #endedAt: number | undefined
  #problem: string | undefined
  #check: ReceiptCheck | undefined

  constructor(node: TabNode, job: Job, name: string, changed: () => void) {
    this.#node = node
    this.#job = job
    this.name = name
    this.#changed = changed
    this.kept = this.#read()
  }

  get jobId(): string {
    return this.#job.jobId
  }

  get progress(): JobProgress {
    return this.#job.progress
  }

  get isRunning(): boolean {
    return this.#endedAt === undefined
  }

  /** Why the job broke off, for people. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** What checking the whole receipt said; when the job has ended. */
  get check(): ReceiptCheck | undefined {
    return this.#check
  }

  get seconds(): number {
    return ((this.#endedAt ?? Date.now()) - this.#startedAt) / 1_000
  }

  get hasReceipt(): boolean {
    return this.#receiptTasks > 0
  }

  cancel(): void {
    this.#job.cancel()
  }

  /** NDJSON, one line per item that ended, in input order. */
  results(): Blob {
    return this.#results.toBlob('application/x-ndjson')
  }

  receipt(): Blob {
    const { networkId } = this.#node.state()
    return this.#receipts.toBlob('application/json', receiptText.head(networkId), receiptText.tail)
  }

  async #read(): Promise<void> {
    try {
      for await (const result of this.#job) this.#take(result)
      if (this.#receiptTasks > 0) this.#check = await this.#node.verifyReceipt(await this.receipt().text())
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : String(error)
    }
    this.#endedAt = Date.now()
    this.#changed()
    // Where that cannot be kept, the job is shown as open the next time, with all of its results.
    await this.#node.jobEnded(this.jobId, this.progress).catch(() => {})
  }

  #take(result: CheckedResult): void {
    if (this.rows.length < rowsShownMax) this.rows.push(result)
    this.#results.add(`${formatResultLine(result)}\n`)
    if (result.receipt !== null) {
      this.#receipts.add(receiptText.task(result.receipt, this.#receiptTasks === 0))
      this.#receiptTasks++
    }
    this.#changed()
  }
}
