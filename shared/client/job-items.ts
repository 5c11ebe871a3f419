import type { CryptoPort } from '../host/crypto-port.ts'
import { toHex } from '../kernel/bytes.ts'
import type { Hash, Sha256 } from '../kernel/ids.ts'
import { ClientError } from './client-error.ts'
import type { Clock } from './clock.ts'
import { chained, type JobState, noInputs } from './job-state.ts'
import type { OpenItem } from './job-window.ts'
import { inputBytes, type JobInput } from './map-input.ts'
import { newSubmission, type TaskPlan } from './new-submission.ts'

/** Inputs that come slowly are not waited for longer, once there is one to hand in. */
const gatherMs = 20

/**
 * Makes the items of a job of its inputs, and the same ones each time: those before the cursor are passed over.
 *
 * Inputs are taken one after another and only when asked for.
 */
export class JobItems {
  readonly #crypto: CryptoPort
  readonly #clock: Clock
  readonly #plan: TaskPlan
  readonly #state: JobState
  readonly #inputs: InputIterator
  /** An input that is on its way. */
  #coming: Promise<IteratorResult<JobInput, unknown>> | undefined
  #made: number
  #chain: Hash
  #isSkipped: boolean

  constructor(parts: {
    readonly crypto: CryptoPort
    readonly clock: Clock
    readonly plan: TaskPlan
    readonly state: JobState
    readonly inputs: Iterable<JobInput> | AsyncIterable<JobInput>
  }) {
    this.#crypto = parts.crypto
    this.#clock = parts.clock
    this.#plan = parts.plan
    this.#state = parts.state
    this.#inputs = iteratorOf(parts.inputs)
    const { items, inputs } = parts.state.cursor
    this.#made = items
    this.#chain = inputs
    this.#isSkipped = items === 0
  }

  /**
   * Gives `made` the next item and, as long as it says that it wants them and they come at once, those after it; none at
   * the end of the inputs. Rejects with what the inputs threw, a ClientError `OtherInputs` or `BadInput`, or the signal's
   * reason, after having given what came before.
   */
  async take(made: (item: OpenItem) => boolean, signal: AbortSignal): Promise<void> {
    if (!this.#isSkipped) await this.#skip(signal)
    let input = await this.#next(signal)
    const gathered = new AbortController()
    const late = this.#clock.sleep(gatherMs, AbortSignal.any([signal, gathered.signal])).catch(() => {})
    try {
      while (input !== undefined && made(await this.#make(input.value))) {
        input = await this.#nextSoon(late, signal)
      }
    } finally {
      gathered.abort()
    }
  }

  /** Tells the inputs that no more are wanted, so that they can close what they read. */
  close(): void {
    void Promise.resolve(this.#inputs.return?.()).catch(() => {})
  }

  async #make(input: JobInput): Promise<OpenItem> {
    const bytes = inputBytes(input as unknown)
    if (bytes === undefined) {
      throw new ClientError('BadInput', `Input ${this.#made} is neither a JSON value nor bytes`)
    }
    // Whoever gave a buffer may fill it anew.
    const own = bytes === input ? new Uint8Array(bytes) : bytes
    const submission = await newSubmission(this.#plan, this.#made++, own, this.#crypto, new Date())
    this.#chain = chained(this.#chain, submission.task.inputHash, this.#crypto.sha256)
    const inputBlob = submission.input.kind === 'blob' ? own : undefined
    return {
      ...{ submission, inputBlob, inputs: this.#chain },
      ...{ state: 'new', wasAccepted: false, refusal: '' },
    }
  }

  /** The inputs before the cursor have to be those that were given before. */
  async #skip(signal: AbortSignal): Promise<void> {
    const { sha256 } = this.#crypto
    const { cursor } = this.#state
    let chain = noInputs
    for (let at = 0; at < cursor.items; at++) {
      const input = await this.#next(signal)
      const bytes = input === undefined ? undefined : inputBytes(input.value as unknown)
      if (bytes === undefined) break
      chain = chained(chain, hashOf(bytes, sha256), sha256)
    }
    if (chain !== cursor.inputs) {
      const message = `The inputs are not those that the job was begun with: the first ${cursor.items} differ`
      throw new ClientError('OtherInputs', message)
    }
    this.#isSkipped = true
  }

  /** `undefined` at the end of the inputs. */
  async #next(signal: AbortSignal): Promise<{ readonly value: JobInput } | undefined> {
    const result = await orStopped(this.#arrival(), signal)
    this.#coming = undefined
    return result.done === true ? undefined : { value: result.value }
  }

  /** `undefined` also when `late` comes first; the input is then the next one. */
  async #nextSoon(
    late: Promise<void>,
    signal: AbortSignal,
  ): Promise<{ readonly value: JobInput } | undefined> {
    const arrival = this.#arrival()
    if ((await Promise.race([arrival, late])) === undefined) return undefined
    return await this.#next(signal)
  }

  #arrival(): Promise<IteratorResult<JobInput, unknown>> {
    if (this.#coming === undefined) {
      this.#coming = new Promise((resolve) => resolve(this.#inputs.next()))
      // Whoever waits for it is told; until somebody does, that it failed is no news.
      this.#coming.catch(() => {})
    }
    return this.#coming
  }
}

const hashOf = (bytes: Uint8Array, sha256: Sha256): Hash => toHex(sha256(bytes)) as Hash

type InputIterator = Iterator<JobInput> | AsyncIterator<JobInput>

const iteratorOf = (inputs: Iterable<JobInput> | AsyncIterable<JobInput>): InputIterator =>
  Symbol.asyncIterator in inputs ? inputs[Symbol.asyncIterator]() : inputs[Symbol.iterator]()

/** What is waited for may never come; rejects with the signal's reason when it is given first. */
function orStopped<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const stop = () => reject(signal.reason as Error)
    signal.addEventListener('abort', stop, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
