import type { CryptoPort } from '../host/crypto-port.ts'
import { toHex } from '../kernel/bytes.ts'
import type { Hash, JobId } from '../kernel/ids.ts'
import { sizeOf } from '../task/payload.ts'
import { blobPayloadBytesMax, type Limits, type Priority, type VerificationPolicy } from '../task/task.ts'
import { ClientError, RelayAway } from './client-error.ts'
import type { Clock } from './clock.ts'
import { JobPoster, type OpenItem } from './job-window.ts'
import { inputBytes, type JsonValue } from './map-input.ts'
import { newSubmission, newUuid, type TaskPlan } from './new-submission.ts'
import type { Notice, RelayHttp } from './relay-http.ts'
import type { ItemResult } from './result-line.ts'
import { isUnknownJob, ResultsReader } from './results-reader.ts'

export interface MapOptions {
  /** TSK-02: `text_processing`, `javascript`, … */
  readonly taskType: string
  readonly priority?: Priority
  readonly limits?: Partial<Limits>
  readonly verification?: VerificationPolicy
  /** Cancels what has not ended, and makes the iteration reject with ClientError `Cancelled`. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: Progress) => void
}

export interface Progress {
  /** Items the relay has taken so far. */
  readonly accepted: number
  readonly completed: number
  readonly failed: number
  /** Workers the network lacks for the next task; 0 when it has enough. */
  readonly missingWorkers: number
  /** Executions handed out so far, as the relay counts them. */
  readonly executions: number
}

export interface MapRunParts {
  readonly http: RelayHttp
  readonly crypto: CryptoPort
  readonly clock: Clock
  readonly waitSeconds: number
  readonly notice: (notice: Notice) => void
}

/** DESIGN: a job is a cursor and a window. */
export const windowMax = 1_024
const windowBytesMax = 64 * 1024 * 1024
const itemsPerPost = 256
const progressEveryMs = 1_500
const busyFirstMs = 500
const busyMsMax = 10_000
const recoverMs = 250
/** For the last word on a job whose results are all there, and for taking one back. */
const lastWordMs = 5_000

/**
 * One job under way: items are taken from the inputs as the window moves, results come in the order of the items.
 *
 * Invariants: (1) at most `windowMax` items are handed in and not yet given out; (2) an item is given out once;
 * (3) after the relay was away everything in the window is handed in again, which changes nothing where it is known.
 */
export class MapRun implements AsyncIterable<ItemResult> {
  readonly jobId: JobId
  readonly #parts: MapRunParts
  readonly #program: Uint8Array
  readonly #inputs: InputIterator
  readonly #options: MapOptions
  readonly #poster: JobPoster
  readonly #reader: ResultsReader
  readonly #stop = new AbortController()
  readonly #open = new Map<number, OpenItem>()
  readonly #changed = new Signal()
  #openBytes = 0
  #made = 0
  #next = 0
  #allMade = false
  #failure: unknown
  #progress: Progress = { accepted: 0, completed: 0, failed: 0, missingWorkers: 0, executions: 0 }

  constructor(
    parts: MapRunParts,
    program: Uint8Array,
    inputs: Iterable<JsonValue> | AsyncIterable<JsonValue>,
    options: MapOptions,
  ) {
    this.#parts = parts
    this.#program = program
    this.#inputs = iteratorOf(inputs)
    this.#options = options
    this.jobId = newUuid(parts.crypto) as JobId
    this.#poster = new JobPoster(parts.http, parts.crypto, this.jobId, program)
    this.#reader = new ResultsReader(parts.http, parts.crypto, this.jobId)
  }

  get progress(): Progress {
    return this.#progress
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ItemResult> {
    const { signal } = this.#options
    const cancel = () => this.#stop.abort(new ClientError('Cancelled', 'cancelled by its submitter'))
    signal?.addEventListener('abort', cancel, { once: true })
    if (signal?.aborted) cancel()
    const helpers = [this.#handIn(), this.#watch()].map((each) =>
      each.catch((error: unknown) => this.#fail(error)),
    )
    let isDone = false
    try {
      for (;;) {
        const result = await this.#nextResult()
        if (result === undefined) break
        this.#note(result)
        yield result
      }
      isDone = true
      await this.#lastCount()
    } finally {
      signal?.removeEventListener('abort', cancel)
      this.#stop.abort(new ClientError('Cancelled', 'the results are not wanted any more'))
      this.#changed.fire()
      await this.#reader.close()
      await Promise.all(helpers)
      if (!isDone) await this.#cancel()
    }
  }

  // ——— handing in ———

  async #handIn(): Promise<void> {
    const stop = this.#stop.signal
    const plan = this.#plan()
    if (this.#program.length <= blobPayloadBytesMax) await this.#poster.uploadProgram(stop)
    while (!this.#allMade) {
      await this.#changed.until(() => stop.aborted || this.#hasRoom)
      stop.throwIfAborted()
      await this.#post(await this.#make(plan))
    }
  }

  get #hasRoom(): boolean {
    return this.#open.size < windowMax && this.#openBytes < windowBytesMax
  }

  #plan(): TaskPlan {
    const { crypto, http } = this.#parts
    const { taskType, priority, limits, verification } = this.#options
    return {
      networkId: http.network.networkId,
      programHash: toHex(crypto.sha256(this.#program)) as Hash,
      programSizeBytes: this.#program.length,
      jobId: this.jobId,
      ...{ taskType, priority, limits, verification },
    }
  }

  async #make(plan: TaskPlan): Promise<OpenItem[]> {
    const { crypto } = this.#parts
    const items: OpenItem[] = []
    while (items.length < itemsPerPost && this.#hasRoom) {
      const next = await this.#inputs.next()
      if (next.done) {
        this.#allMade = true
        this.#changed.fire()
        break
      }
      const input = inputBytes(next.value)
      const submission = await newSubmission(plan, this.#made, input, crypto, new Date())
      const inputBlob = submission.input.kind === 'blob' ? input : undefined
      const item: OpenItem = { submission, inputBlob, state: 'new', wasAccepted: false, refusal: '' }
      this.#openBytes += sizeOf(submission.input)
      this.#open.set(this.#made++, item)
      items.push(item)
    }
    return items
  }

  /** Until each is accepted or refused; a relay without room is given time, as long as it would be were it away. */
  async #post(items: readonly OpenItem[]): Promise<void> {
    const { clock, waitSeconds, notice } = this.#parts
    const giveUpAt = clock.now() + waitSeconds * 1_000
    let before = countAccepted(items)
    let left = items
    for (let tries = 0; left.length > 0; tries++) {
      const { busy } = await this.#poster.post(left, this.#stop.signal)
      left = left.filter((item) => item.state === 'new')
      if (busy !== undefined) {
        if (tries === 0) notice({ type: 'busy', message: busy })
        if (clock.now() >= giveUpAt) for (const item of left) refuse(item, busy)
      }
      this.#tell({ accepted: this.#progress.accepted + countAccepted(items) - before })
      before = countAccepted(items)
      this.#changed.fire()
      if (left.every((item) => item.state !== 'new')) return
      await clock.sleep(Math.min(busyMsMax, busyFirstMs * 2 ** tries), this.#stop.signal)
    }
  }

  // ——— taking results ———

  /** `undefined` when every item has been given out. */
  async #nextResult(): Promise<ItemResult | undefined> {
    for (;;) {
      await this.#changed.until(() => this.#failure !== undefined || this.#isDecided)
      if (this.#failure !== undefined) throw this.#failure
      const item = this.#open.get(this.#next)
      if (item === undefined) return undefined
      const result = await this.#resultOf(item)
      if (result === undefined) continue
      this.#open.delete(this.#next)
      this.#openBytes -= sizeOf(item.submission.input)
      this.#next++
      this.#changed.fire()
      return result
    }
  }

  get #isDecided(): boolean {
    const item = this.#open.get(this.#next)
    return item === undefined ? this.#allMade : item.state !== 'new'
  }

  /** `undefined` when the relay was away meanwhile. */
  async #resultOf(item: OpenItem): Promise<ItemResult | undefined> {
    const { taskId } = item.submission.task
    if (item.state === 'refused') {
      return {
        index: this.#next,
        taskId,
        status: 'failed',
        error: { kind: 'refused', message: item.refusal },
      }
    }
    try {
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
      if (this.#progress.accepted === 0) continue
      try {
        await this.#askCount(stop)
      } catch (error) {
        if (!(error instanceof RelayAway)) throw error
        // A connection may look alive long after its other end has gone: the reader begins anew.
        this.#reader.cut(error)
      }
    }
  }

  async #askCount(signal: AbortSignal): Promise<void> {
    const request = { method: 'GET', path: `/api/v1/jobs/${this.jobId}` }
    const answer = await this.#parts.http.json(request, signal).catch((error: unknown) => {
      if (isUnknownJob(error)) return undefined
      throw error
    })
    const { executions, missing } = (answer ?? {}) as {
      executions?: unknown
      missing?: { workers?: unknown }
    }
    const missingWorkers = typeof missing?.workers === 'number' ? missing.workers : 0
    this.#tell({ missingWorkers, ...(typeof executions === 'number' ? { executions } : {}) })
  }

  async #lastCount(): Promise<void> {
    if (this.#progress.accepted === 0) return
    const soon = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(lastWordMs)])
    await this.#parts.http.persist(() => this.#askCount(soon), soon).catch(() => {})
  }

  #note(result: ItemResult): void {
    const { completed, failed } = this.#progress
    this.#tell(result.status === 'completed' ? { completed: completed + 1 } : { failed: failed + 1 })
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
    if (this.#progress.accepted === 0) return
    const request = { method: 'DELETE', path: `/api/v1/jobs/${this.jobId}` }
    await this.#parts.http.send(request, AbortSignal.timeout(lastWordMs)).catch(() => {})
  }
}

const countAccepted = (items: readonly OpenItem[]): number => items.filter((item) => item.wasAccepted).length

function refuse(item: OpenItem, why: string): void {
  item.state = 'refused'
  item.refusal = why
}

type InputIterator = {
  next(): Promise<IteratorResult<JsonValue, unknown>> | IteratorResult<JsonValue, unknown>
}

const iteratorOf = (inputs: Iterable<JsonValue> | AsyncIterable<JsonValue>): InputIterator =>
  Symbol.asyncIterator in inputs ? inputs[Symbol.asyncIterator]() : inputs[Symbol.iterator]()

/** Lets one part of a run wait for what another does. */
class Signal {
  readonly #waiting: (() => void)[] = []

  fire(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }
}
