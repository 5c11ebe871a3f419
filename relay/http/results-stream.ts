import type { JobId, PeerId, TaskId } from '../../shared/kernel/ids.ts'
import type { FinishedTask } from '../../shared/task/messages.ts'
import { endsOfJob } from './receipt-text.ts'
import type { RelayApi } from './relay-api.ts'
import { type Ended, type OutputsAs, resultLine } from './result-line.ts'
import type { NewsReader, TaskNews } from './task-news.ts'

/** Ends out of order that one stream keeps at hand: the window of a submitter. */
const aheadMax = 1_024
const rowsAtOnce = 256

/**
 * The lines of a job in the order of its items, from one index on: those that are there and then each as it comes,
 * until `signal` is given. An item whose predecessor has not ended waits for it.
 */
export async function* resultLines(
  { api, news }: { readonly api: RelayApi; readonly news: TaskNews },
  job: { readonly id: JobId | TaskId; readonly submitter: PeerId },
  from: number,
  as: OutputsAs,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const ends = new EndsInOrder(api, job, from)
  const stop = news.follow(job.id, ends)
  signal.addEventListener('abort', () => ends.wake(), { once: true })
  try {
    while (!signal.aborted) {
      const next = await ends.take()
      if (next !== undefined) yield `${await resultLine(next, api.blobs, as)}\n`
      else if (!signal.aborted) await ends.arrival()
    }
  } finally {
    stop()
  }
}

/** The lines of those items of a job that have ended, in order, from one index on. */
export async function* endedLines(
  api: RelayApi,
  job: { readonly id: JobId | TaskId; readonly submitter: PeerId },
  from: number,
  as: OutputsAs,
): AsyncGenerator<string> {
  for await (const ended of endsOfJob(api, job, from)) yield `${await resultLine(ended, api.blobs, as)}\n`
}

class EndsInOrder implements NewsReader {
  readonly #api: RelayApi
  readonly #job: { readonly id: JobId | TaskId; readonly submitter: PeerId }
  readonly #ahead = new Map<number, Ended>()
  #next: number
  /** Whether the store may hold ends that are not in `ahead`. */
  #unread = true
  #woken: (() => void) | undefined

  constructor(api: RelayApi, job: { readonly id: JobId | TaskId; readonly submitter: PeerId }, from: number) {
    this.#api = api
    this.#job = job
    this.#next = from
  }

  finished(finished: FinishedTask): void {
    // One task of a job may be followed by its own id, but its results are those of the job.
    if ((finished.task.jobId ?? finished.task.taskId) !== this.#job.id) return
    this.#keep(finished)
    if (finished.task.index === this.#next) this.wake()
  }

  reread(): void {
    this.#unread = true
    this.wake()
  }

  wake(): void {
    this.#woken?.()
    this.#woken = undefined
  }

  /** The next end in order, `undefined` when it is not there yet. */
  async take(): Promise<Ended | undefined> {
    let found = this.#ahead.get(this.#next)
    if (found === undefined && this.#unread) {
      await this.#read()
      found = this.#ahead.get(this.#next)
    }
    if (found === undefined) return undefined
    this.#ahead.delete(this.#next)
    this.#next++
    return found
  }

  /** Resolves when the next end is there, or by `wake`. */
  arrival(): Promise<void> {
    if (this.#ahead.has(this.#next) || this.#unread) return Promise.resolve()
    return new Promise((resolve) => {
      this.#woken = resolve
    })
  }

  async #read(): Promise<void> {
    this.#unread = false
    const rows = await this.#api.finishedOf(this.#job.id, this.#next, rowsAtOnce)
    for (const row of rows) this.#keep(row)
    if (rows.length === rowsAtOnce) this.#unread = true
  }

  /** A job's id is its submitter's to choose: another's task under the same id is not of this job. */
  #keep({ task, status, output, error }: FinishedTask): void {
    if (task.submitter !== this.#job.submitter || task.index < this.#next) return
    if (task.index >= this.#next + aheadMax) this.#unread = true
    else if (!this.#ahead.has(task.index)) this.#ahead.set(task.index, { task, status, output, error })
  }
}
