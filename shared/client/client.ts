import type { CryptoPort } from '../host/crypto-port.ts'
import type { Hash } from '../kernel/ids.ts'
import { BlobTransfer } from './blob-transfer.ts'
import { readBuiltIn } from './built-in-program.ts'
import {
  type CallOptions,
  checkedOptions,
  checkFrom,
  checkId,
  checkInputs,
  programBytes,
} from './call-check.ts'
import { ClientError } from './client-error.ts'
import { type Clock, systemClock } from './clock.ts'
import { endedResults, taskResult } from './ended-results.ts'
import type { ClientParts } from './job-window.ts'
import type { JobInput } from './map-input.ts'
import { MapRun } from './map-run.ts'
import { bytesForm, jsonForm } from './output-form.ts'
import type { Notice } from './patience.ts'
import type { ReceiptVerdict } from './receipt-verdict.ts'
import { RelayAddresses, type RelayNames, relayUrls } from './relay-addresses.ts'
import type { NetworkInfo } from './relay-answer.ts'
import { RelayHttp } from './relay-http.ts'
import { type JobReport, type NetworkStatus, type Report, Reports } from './reports.ts'
import type { BytesResult, ItemResult } from './result-line.ts'
import { handIn, type SubmittedTask } from './submitted-task.ts'
import type { Inputs, Program, TabmeshClient } from './tabmesh-client.ts'
import { checkReceipt } from './verify-receipt.ts'

export interface ConnectOptions {
  /** Address of the relay's page, as `http://localhost:8080`; several, or with commas, are tried in turn. */
  readonly relay: RelayNames
  /** The submitter's key. */
  readonly crypto: CryptoPort
  /** How long the relay may be away, each time, before the client gives up; 300 s unless told. */
  readonly waitSeconds?: number
  readonly onNotice?: (notice: Notice) => void
  /** Ends whatever the client waits for. */
  readonly signal?: AbortSignal
  readonly clock?: Clock
  readonly fetch?: typeof fetch
  /** Of the page that this runs in: tells a relay that refuses the page from one that is away. */
  readonly origin?: string
}

const never = new AbortController().signal

/** What waits for it rejects with a ClientError, whatever the caller's own reason is. */
function cancelledBy(signal: AbortSignal): AbortSignal {
  const stop = new AbortController()
  const cancel = () => stop.abort(new ClientError('Cancelled', 'stopped by its caller', signal.reason))
  if (signal.aborted) cancel()
  else signal.addEventListener('abort', cancel, { once: true })
  return stop.signal
}

/**
 * Finds the relay and what its network is. Rejects with a ClientError: `BadUrl`, `UnknownHost`, `NotARelay`, `Cancelled`
 * by the signal, or `Unreachable` after the wait.
 */
export async function connect(options: ConnectOptions): Promise<Client> {
  const { crypto, waitSeconds = 300, onNotice: notice = () => {}, clock = systemClock } = options
  const relays = new RelayAddresses(relayUrls(options.relay))
  const common = { crypto, waitSeconds, clock, notice }
  // A browser's own has to be called by its name.
  const ask: typeof fetch = options.fetch ?? ((input, init) => fetch(input, init))
  const http = new RelayHttp({ ...common, relays, fetch: ask, origin: options.origin })
  const signal = options.signal === undefined ? never : cancelledBy(options.signal)
  await http.reach(signal)
  return new Client({ ...common, http }, signal)
}

/** Submits work to one network and takes the answers, whatever becomes of the connection in between. */
export class Client implements TabmeshClient {
  readonly #parts: ClientParts
  readonly #signal: AbortSignal
  readonly #reports: Reports

  constructor(parts: ClientParts, signal: AbortSignal) {
    this.#parts = parts
    this.#signal = signal
    this.#reports = new Reports(parts.http, parts.clock)
  }

  /** As the relay last told it. */
  get network(): NetworkInfo {
    return this.#parts.http.network
  }

  /**
   * Runs the program on every input. Iterate the run once: results come in the order of the inputs. With
   * `output: 'bytes'` they hold the bytes that the program wrote. Throws a ClientError: `OtherJob` when the job to go on
   * with is another, `BadOptions` when the call is wrong.
   */
  map(
    program: Program,
    inputs: Inputs,
    options: CallOptions & { readonly output: 'bytes' },
  ): MapRun<BytesResult>
  map(program: Program, inputs: Inputs, options: CallOptions & { readonly output?: 'json' }): MapRun
  map(
    program: Program,
    inputs: Inputs,
    options: CallOptions & { readonly output?: 'json' | 'bytes' },
  ): MapRun | MapRun<BytesResult> {
    const checked = checkedOptions(options)
    const bytes = programBytes(program)
    checkInputs(inputs)
    return options.output === 'bytes'
      ? new MapRun(this.#parts, bytes, inputs, checked, bytesForm)
      : new MapRun(this.#parts, bytes, inputs, checked, jsonForm)
  }

  /**
   * Hands in the program with one input; resolves when the relay has taken it. Rejects with a ClientError: `Refused`
   * when it has not, `BadOptions` when the call is wrong.
   */
  async submit(program: Program, input: JobInput, options: CallOptions): Promise<SubmittedTask> {
    const checked = checkedOptions(options)
    return await handIn(this.#parts, programBytes(program), input, checked, this.#signal)
  }

  /**
   * A program that comes with the network, as its relay serves it; `programs/README.md` lists their names. Rejects with a
   * ClientError: `BadOptions` when there is none of that name, `BadAnswer` when what the relay serves as it is none.
   */
  async builtIn(name: string): Promise<Uint8Array> {
    return await readBuiltIn(this.#parts.http, name, this.#signal)
  }

  /** FORMATS, "status --json": of the network, or of a task or a job of one's own. */
  status(): Promise<NetworkStatus>
  status(id: string): Promise<Report>
  status(id?: string): Promise<NetworkStatus | Report> {
    if (id !== undefined) return this.#report(id)
    const request = { method: 'GET', path: '/api/v1/status' }
    return this.#persist((signal) => this.#parts.http.json(request, signal)) as Promise<NetworkStatus>
  }

  /** A task or a job as it is, and then whenever that changes, until all of it that was handed in has ended. */
  watch(id: string): AsyncIterable<Report> {
    checkId(id)
    return this.#reports.watch(id, this.#signal)
  }

  /** The jobs of this key that the relay knows, newest first: at least those of the last seven days. */
  jobs(): AsyncIterable<JobReport> {
    return this.#reports.jobs(this.#signal)
  }

  /** The end of a task, when it is there. */
  async result(taskId: string): Promise<ItemResult> {
    checkId(taskId)
    return await taskResult(this.#parts, taskId, this.#signal)
  }

  /** What has ended of a job, in the order of the items, from one index on; there may be gaps. */
  results(jobId: string, from = 0): AsyncIterable<ItemResult> {
    checkId(jobId)
    checkFrom(from)
    return endedResults(this.#parts, jobId, from, this.#signal)
  }

  /** Ends a task, or what has not ended of a job. */
  async cancel(id: string): Promise<void> {
    const kind = 'taskId' in (await this.#report(id)) ? 'tasks' : 'jobs'
    const path = `/api/v1/${kind}/${encodeURIComponent(id)}`
    await this.#persist((signal) => this.#parts.http.send({ method: 'DELETE', path }, signal))
  }

  /**
   * The receipt of a task, or of all tasks of a job that a quorum stands behind, as text. That of a job is large: 3 to
   * 4 KB for each task; see `receiptParts`.
   */
  async receipt(id: string): Promise<string> {
    const path = await this.#receiptPath(id)
    return this.#persist((signal) => this.#parts.http.text({ method: 'GET', path }, signal))
  }

  /** The same as its bytes come. Rejects with a ClientError `Unreachable` when they break off. */
  async *receiptParts(id: string): AsyncGenerator<Uint8Array> {
    const path = await this.#receiptPath(id)
    const response = await this.#persist((signal) => this.#parts.http.send({ method: 'GET', path }, signal))
    const reader = response.body!.getReader()
    try {
      for (;;) {
        const { done, value } = await reader.read().catch((error: unknown) => {
          this.#signal.throwIfAborted()
          throw new ClientError('Unreachable', 'The receipt broke off', error)
        })
        if (done) return
        yield value
      }
    } finally {
      await reader.cancel().catch(() => {})
    }
  }

  /** Checks a receipt, as text or as its value, with nothing but itself. */
  verifyReceipt(receipt: unknown): Promise<ReceiptVerdict> {
    return checkReceipt(receipt, { crypto: this.#parts.crypto })
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

  async #receiptPath(id: string): Promise<string> {
    const kind = 'taskId' in (await this.#report(id)) ? 'tasks' : 'jobs'
    return `/api/v1/${kind}/${encodeURIComponent(id)}/receipt`
  }

  async #report(id: string): Promise<Report> {
    checkId(id)
    return await this.#reports.of(id, this.#signal)
  }

  #persist<T>(attempt: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#parts.http.persist(() => attempt(this.#signal), this.#signal)
  }
}
