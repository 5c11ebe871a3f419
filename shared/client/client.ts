import type { CryptoPort } from '../host/crypto-port.ts'
import type { Hash } from '../kernel/ids.ts'
import { BlobTransfer } from './blob-transfer.ts'
import { ClientError } from './client-error.ts'
import { type Clock, systemClock } from './clock.ts'
import type { ClientParts } from './job-window.ts'
import type { JobInput } from './map-input.ts'
import { type MapOptions, MapRun } from './map-run.ts'
import { bytesForm, jsonForm } from './output-form.ts'
import type { Notice } from './patience.ts'
import { RelayAddresses, relayUrls } from './relay-addresses.ts'
import type { NetworkInfo } from './relay-answer.ts'
import { RelayHttp } from './relay-http.ts'
import type { BytesResult, ItemResult } from './result-line.ts'

export interface ConnectOptions {
  /** Address of the relay's page, as `http://localhost:8080`; several, or with commas, are tried in turn. */
  readonly relay: string | readonly string[]
  /** The submitter's key. */
  readonly crypto: CryptoPort
  /** How long the relay may be away, each time, before the client gives up; 300 s unless told. */
  readonly waitSeconds?: number
  readonly onNotice?: (notice: Notice) => void
  readonly signal?: AbortSignal
  readonly clock?: Clock
  readonly fetch?: typeof fetch
}

/** A WebAssembly module, an ONNX model, or JavaScript as text. */
export type Program = Uint8Array | string

export type Inputs = Iterable<JobInput> | AsyncIterable<JobInput>

const never = new AbortController().signal

/**
 * Finds the relay and what its network is. Rejects with a ClientError: `BadUrl`, `UnknownHost`, `NotARelay`, or
 * `Unreachable` after the wait.
 */
export async function connect(options: ConnectOptions): Promise<Client> {
  const { waitSeconds = 300, onNotice = () => {}, clock = systemClock } = options
  const http = new RelayHttp({
    relays: new RelayAddresses(relayUrls(options.relay)),
    crypto: options.crypto,
    waitSeconds,
    clock,
    fetch: options.fetch ?? fetch,
    notice: onNotice,
  })
  const signal = options.signal ?? never
  await http.reach(signal)
  return new Client({ http, crypto: options.crypto, clock, waitSeconds, notice: onNotice }, signal)
}

/** Submits work to one relay and takes the answers, whatever becomes of the connection in between. */
export class Client {
  readonly #parts: ClientParts
  readonly #signal: AbortSignal

  constructor(parts: ClientParts, signal: AbortSignal) {
    this.#parts = parts
    this.#signal = signal
  }

  /** As the relay last told it. */
  get network(): NetworkInfo {
    return this.#parts.http.network
  }

  /**
   * Runs the program on every input. Iterate the run once: results come in the order of the inputs. With
   * `output: 'bytes'` they hold the bytes that the program wrote. Throws a ClientError `OtherJob` when the job to go on
   * with is another.
   */
  map(
    program: Program,
    inputs: Inputs,
    options: MapOptions & { readonly output: 'bytes' },
  ): MapRun<BytesResult>
  map(program: Program, inputs: Inputs, options: MapOptions & { readonly output?: 'json' }): MapRun
  map(
    program: Program,
    inputs: Inputs,
    options: MapOptions & { readonly output?: 'json' | 'bytes' },
  ): MapRun | MapRun<BytesResult> {
    const bytes = typeof program === 'string' ? new TextEncoder().encode(program) : program
    return options.output === 'bytes'
      ? new MapRun(this.#parts, bytes, inputs, options, bytesForm)
      : new MapRun(this.#parts, bytes, inputs, options, jsonForm)
  }

  /** Runs the program on one input. */
  async submit(program: Program, input: JobInput, options: MapOptions): Promise<ItemResult> {
    for await (const result of this.map(program, [input], options)) return result
    throw new ClientError('BadAnswer', 'The relay gave no result')
  }

  /** FORMATS, "status --json": of the network, or of one task of one's own. */
  async status(taskId?: string): Promise<unknown> {
    const path = taskId === undefined ? '/api/v1/status' : `/api/v1/tasks/${encodeURIComponent(taskId)}`
    return this.#persist((signal) => this.#parts.http.json({ method: 'GET', path }, signal))
  }

  /** Ends what has not ended of a job. */
  async cancel(jobId: string): Promise<void> {
    const path = `/api/v1/jobs/${encodeURIComponent(jobId)}`
    await this.#persist((signal) => this.#parts.http.send({ method: 'DELETE', path }, signal))
  }

  /** The receipt of a job, of all its tasks that a quorum stands behind, as text. Large: 3 to 4 KB for each task. */
  async receipt(jobId: string): Promise<string> {
    const path = `/api/v1/jobs/${encodeURIComponent(jobId)}/receipt`
    return this.#persist((signal) => this.#parts.http.text({ method: 'GET', path }, signal))
  }

  /** Makes a blob of up to 64 MiB known to the relay; what it has already is not sent again. */
  async upload(bytes: Uint8Array): Promise<void> {
    await new BlobTransfer(this.#parts.http, this.#parts.crypto).upload(bytes, this.#signal)
  }

  /**
   * A blob as its bytes come, as for a file. Rejects at the end when they are not those of the hash: until then they
   * are not to be trusted.
   */
  download(hash: Hash): AsyncIterable<Uint8Array> {
    return new BlobTransfer(this.#parts.http, this.#parts.crypto).download(hash, this.#signal)
  }

  #persist<T>(attempt: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#parts.http.persist(() => attempt(this.#signal), this.#signal)
  }
}
