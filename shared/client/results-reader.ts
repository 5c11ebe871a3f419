import type { CryptoPort } from '../host/crypto-port.ts'
import type { Hash } from '../kernel/ids.ts'
import { BlobTransfer } from './blob-transfer.ts'
import { ClientError, RelayAway } from './client-error.ts'
import type { OutputForm } from './output-form.ts'
import { RefusedRequest } from './relay-answer.ts'
import type { RelayHttp } from './relay-http.ts'
import { LineReader, parseResultLine } from './result-line.ts'

/** The results of one job as they come, over one answer that is held open; opened anew where it broke off. */
export class ResultsReader<R> {
  readonly #http: RelayHttp
  readonly #blobs: BlobTransfer
  readonly #jobId: string
  readonly #form: OutputForm<R>
  #lines: LineReader | undefined
  /** Index of the item whose line comes next. */
  #at = -1
  #cut = new AbortController()

  constructor(http: RelayHttp, crypto: CryptoPort, jobId: string, form: OutputForm<R>) {
    this.#http = http
    this.#blobs = new BlobTransfer(http, crypto)
    this.#jobId = jobId
    this.#form = form
  }

  /** Waits for the end of an item. Rejects with RelayAway when the connection is lost, or cut by `cut`. */
  async result(index: number, taskId: string, signal: AbortSignal): Promise<R> {
    const result = parseResultLine(await this.#line(index, signal))
    if (result.index !== index || result.taskId !== taskId) {
      throw new ClientError('BadAnswer', 'The relay sent the result of another item')
    }
    if (!('outputBlob' in result)) return this.#form.inline(result)
    const bytes = await this.#blobs.read(result.outputBlob.hash as Hash, signal)
    return this.#form.blob(result, bytes)
  }

  /** Makes a waiting `result` reject with the error. */
  cut(error: unknown): void {
    this.#cut.abort(error)
  }

  async close(): Promise<void> {
    await this.#lines?.close()
    this.#lines = undefined
  }

  async #line(index: number, signal: AbortSignal): Promise<string> {
    if (this.#lines === undefined || this.#at !== index) await this.#open(index, signal)
    try {
      const line = await this.#lines!.next()
      if (line === undefined) throw new RelayAway('the results broke off')
      this.#at = index + 1
      return line
    } catch (error) {
      await this.close()
      signal.throwIfAborted()
      if (error instanceof RelayAway || error instanceof ClientError) throw error
      throw new RelayAway('the connection was cut', error)
    }
  }

  async #open(index: number, signal: AbortSignal): Promise<void> {
    await this.close()
    const request = {
      method: 'GET',
      path: `/api/v1/jobs/${this.#jobId}/results?from=${index}${this.#form.query}`,
    }
    const response = await this.#http
      .persist(() => {
        // What was cut is cut; the next attempt is another connection.
        this.#cut = new AbortController()
        return this.#http.send(request, AbortSignal.any([signal, this.#cut.signal]))
      }, signal)
      .catch((error: unknown) => {
        // A relay that has lost the job is given it again, as one that was away.
        throw isUnknownJob(error) ? new RelayAway('it does not know the job any more', error) : error
      })
    if (response.body === null) throw new ClientError('BadAnswer', 'The relay sent results without a body')
    this.#lines = new LineReader(response.body)
    this.#at = index
  }
}

export const isUnknownJob = (error: unknown): boolean =>
  error instanceof RefusedRequest && error.problem === 'JobNotFound'
