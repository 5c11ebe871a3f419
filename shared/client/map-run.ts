import type { JobId } from '../kernel/ids.ts'
import { sizeOf } from '../task/payload.ts'
import { ClientError, RelayAway, RelayBusy } from './client-error.ts'
import { JobItems } from './job-items.ts'
import { planJob } from './job-plan.ts'
import { askCount, type Progress } from './job-progress.ts'
import type { JobState } from './job-state.ts'
import { type ClientParts, itemsPerPost, JobPoster, type OpenItem } from './job-window.ts'
import type { JobInput } from './map-input.ts'
import type { OutputForm } from './output-form.ts'
import type { BytesResult, FailedItem, ItemResult } from './result-line.ts'
import { ResultsReader } from './results-reader.ts'
import { Signal } from './signal.ts'
import type { TaskOptions } from './task-options.ts'

export interface MapOptions extends TaskOptions {
  /** A job to go on with, from a run's `state`: program, options and inputs have to be those it was begun with. */
  readonly job?: JobState
  /** What has not ended goes on when the iteration is left early, for another run to take up; else it is cancelled. */
  readonly keep?: boolean
  /** Makes the iteration reject with ClientError `Cancelled`, and ends what has not ended unless it is kept. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: Progress) => void
}

/** DESIGN: a job is a cursor and a window. */
export const windowMax = 1_024
const windowBytesMax = 64 * 1024 * 1024
const progressEveryMs = 1_500
const recoverMs = 250
/** For the last word on a job whose results are all there, and for taking one back. */
const lastWordMs = 5_000

/**
 * One job under way: items are taken from the inputs as the window moves, results come in the order of the items.
 *
 * Invariants: (1) at most `windowMax` items are handed in and not yet given out; (2) an item is given out once;
 * (3) after the relay was away, or another one's turn came, everything in the window is handed in again, which changes
 * nothing where it is known.
 */
export class MapRun<R extends ItemResult | BytesResult = ItemResult> implements AsyncIterable<R> {
  readonly #parts: ClientParts
  readonly #options: MapOptions
  readonly #items: JobItems
  readonly #poster: JobPoster
  readonly #reader: ResultsReader<R>
  readonly #stop = new AbortController()
  readonly #open = new Map<number, OpenItem>()
  readonly #changed = new Signal()
  #state: JobState
  #openBytes = 0
  #made: number
  #next: number
  #allMade = false
  #anyAccepted = false
  /** Whether another relay is asked than the one that everything was handed in to. */
  #isMoved = false
  #failure: unknown
  /** What the inputs threw: said when the results of those before it were given out. */
  #inputFailure: unknown
  #progress: Progress

  /** Throws a ClientError `OtherJob` when the job to go on with is another. */
  constructor(
    parts: ClientParts,
    program: Uint8Array,
    inputs: Iterable<JobInput> | AsyncIterable<JobInput>,
    options: MapOptions,
    form: OutputForm<R>,
  ) {
    const { crypto, clock } = parts
    const { state, plan } = planJob(parts, program, options, options.job)
    const { jobId, cursor } = state
    this.#parts = parts
    this.#options = options
    this.#state = state
    this.#items = new JobItems({ crypto, clock, plan, state, inputs })
    this.#poster = new JobPoster(parts, jobId, program)
    this.#reader = new ResultsReader(parts.http, crypto, jobId, form)
    this.#made = cursor.items
    this.#next = cursor.items
    this.#progress = {
      ...{ accepted: cursor.items, completed: cursor.items - cursor.failed, failed: cursor.failed },
      ...{ missingWorkers: 0, executions: 0 },
    }
  }

  get jobId(): JobId {
    return this.#state.jobId
  }

  /** What to keep once the result given out last has been dealt with: a run made with it goes on behind that one. */
  get state(): JobState {
    return this.#state
  }

  get progress(): Progress {
    return this.#progress
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<R> {
    const { signal, keep } = this.#options
    const cancel = () => this.#stop.abort(new ClientError('Cancelled', 'cancelled by its submitter'))
    signal?.addEventListener('abort', cancel, { once: true })
    if (signal?.aborted) cancel()
    const helpers = [this.#handIn(), this.#watch()].map((each) =>
      each.catch((error: unknown) => this.#fail(error)),
    )
    const settle = this.#parts.http.onMoved(() => {
      this.#isMoved = true
      this.#reader.cut(new RelayAway('another relay is asked'))
    })
    let mayCancel = keep !== true
    try {
      for (;;) {
        const result = await this.#nextResult()
        if (result === undefined) break
        yield result
      }
      // All that was handed in has ended, whether the inputs did or broke off: it is counted either way.
      await this.#lastCount()
      if (this.#inputFailure !== undefined) throw this.#inputFailure
      mayCancel = false
    } catch (error) {
      // The job whose inputs these are not is none of this run's.
      if (error instanceof ClientError && error.code === 'OtherInputs') mayCancel = false
      throw error
    } finally {
      settle()
      signal?.removeEventListener('abort', cancel)
      this.#stop.abort(new ClientError('Cancelled', 'the results are not wanted any more'))
      this.#changed.fire()
      if (!this.#allMade) this.#items.close()
      await this.#reader.close()
      await Promise.all(helpers)
      if (mayCancel) await this.#cancel()
    }
  }

  // ——— handing in ———

  async #handIn(): Promise<void> {
    const stop = this.#stop.signal
    await this.#poster.uploadProgram(stop)
    while (!this.#allMade) {
      await this.#changed.until(() => stop.aborted || this.#hasRoom)
      stop.throwIfAborted()
      await this.#post(await this.#make())
    }
  }

  get #hasRoom(): boolean {
    return this.#open.size < windowMax && this.#openBytes < windowBytesMax
  }

  async #make(): Promise<readonly OpenItem[]> {
    const stop = this.#stop.signal
    const items: OpenItem[] = []
    try {
      await this.#items.take((item) => {
        items.push(item)
        this.#openBytes += sizeOf(item.submission.input)
        this.#open.set(this.#made++, item)
        return items.length < itemsPerPost && this.#hasRoom
      }, stop)
    } catch (error) {
      stop.throwIfAborted()
      this.#inputFailure = error
    }
    if (items.length === 0 || this.#inputFailure !== undefined) {
      this.#allMade = true
      this.#changed.fire()
    }
    return items
  }

  async #post(items: readonly OpenItem[]): Promise<void> {
    let before = countAccepted(items)
    const told = () => {
      const now = countAccepted(items)
      if (now > 0) this.#anyAccepted = true
      this.#tell({ accepted: this.#progress.accepted + now - before })
      before = now
      this.#changed.fire()
    }
    await this.#poster.post(items, told, this.#stop.signal)
  }

  // ——— taking results ———

  /** `undefined` when every item has been given out. */
  async #nextResult(): Promise<R | undefined> {
    for (;;) {
      await this.#changed.until(() => this.#failure !== undefined || this.#isDecided)
      if (this.#failure !== undefined) throw this.#failure
      const item = this.#open.get(this.#next)
      if (item === undefined) return undefined
      const result = await this.#resultOf(item)
      if (result === undefined) continue
      this.#giveOut(item, result)
      return result
    }
  }

  #giveOut({ submission, inputs }: OpenItem, { status }: R): void {
    this.#open.delete(this.#next)
    this.#openBytes -= sizeOf(submission.input)
    this.#next++
    const failed = this.#progress.failed + (status === 'failed' ? 1 : 0)
    this.#state = { ...this.#state, cursor: { items: this.#next, failed, inputs } }
    this.#tell({ failed, completed: this.#next - failed })
    this.#changed.fire()
  }

  get #isDecided(): boolean {
    const item = this.#open.get(this.#next)
    return item === undefined ? this.#allMade : item.state !== 'new'
  }

  /** `undefined` when the relay was away meanwhile. */
  async #resultOf(item: OpenItem): Promise<R | undefined> {
    const { taskId } = item.submission.task
    if (item.state === 'refused') {
      const error = { kind: 'refused', message: item.refusal }
      const failed: FailedItem = { index: this.#next, taskId, status: 'failed', error }
      return failed as R
    }
    try {
      if (this.#isMoved) throw new RelayAway('another relay is asked')
      return await this.#reader.result(this.#next, taskId, this.#stop.signal)
    } catch (error) {
      if (this.#failure !== undefined) throw this.#failure
      if (!(error instanceof RelayAway)) throw error
      await this.#recover()
      return undefined
    }
  }

  /** What the relay accepted it keeps; but it may not be the same one, or have lost its disk. */
  async #recover(): Promise<void> {
    this.#isMoved = false
    await this.#parts.clock.sleep(recoverMs, this.#stop.signal)
    const again = [...this.#open.values()].filter((item) => item.state === 'accepted')
    for (const item of again) item.state = 'new'
    await this.#post(again)
  }

  // ——— progress ———

  async #watch(): Promise<void> {
    const stop = this.#stop.signal
    for (;;) {
      await this.#parts.clock.sleep(progressEveryMs, stop)
      if (!this.#anyAccepted) continue
      try {
        this.#tell(await askCount(this.#parts.http, this.jobId, stop))
      } catch (error) {
        if (!(error instanceof RelayAway)) throw error
        if (error instanceof RelayBusy) continue
        // A connection may look alive long after its other end has gone: the reader begins anew.
        this.#reader.cut(error)
      }
    }
  }

  async #lastCount(): Promise<void> {
    if (!this.#anyAccepted) return
    const soon = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(lastWordMs)])
    const { http } = this.#parts
    const count = await http.persist(() => askCount(http, this.jobId, soon), soon).catch(() => ({}))
    this.#tell(count)
  }

  #tell(news: Partial<Progress>): void {
    this.#progress = { ...this.#progress, ...news }
    this.#options.onProgress?.(this.#progress)
  }

  /** One part cannot go on, so none does. */
  #fail(error: unknown): void {
    this.#failure ??= error
    this.#reader.cut(error)
    this.#changed.fire()
  }

  /** What nobody waits for any more need not be computed. The relay is told once; if it is away, that is that. */
  async #cancel(): Promise<void> {
    if (!this.#anyAccepted) return
    const request = { method: 'DELETE', path: `/api/v1/jobs/${this.jobId}` }
    await this.#parts.http.send(request, AbortSignal.timeout(lastWordMs)).catch(() => {})
  }
}

const countAccepted = (items: readonly OpenItem[]): number => items.filter((item) => item.wasAccepted).length
