import type { CryptoPort } from '../host/crypto-port.ts'
import type { Admittance, Submission } from '../task/messages.ts'
import { sizeOf } from '../task/payload.ts'
import { blobPayloadBytesMax } from '../task/task.ts'
import { BlobTransfer } from './blob-transfer.ts'
import { ClientError } from './client-error.ts'
import type { RelayHttp } from './relay-http.ts'
import { submissionToJson } from './submission-json.ts'

/** One item that was handed in, or is about to be, and has not ended here. */
export interface OpenItem {
  readonly submission: Submission
  /** Kept while the relay may ask for it again: only of inputs that go as blobs. */
  readonly inputBlob: Uint8Array | undefined
  state: 'new' | 'accepted' | 'refused'
  /** Whether it was accepted at any time. */
  wasAccepted: boolean
  refusal: string
}

/** Requests stay well below the relay's 4 MiB. */
const itemsPerPost = 256
const uploadsAtOnce = 8

/** Hands in the items of one job: uploads what they refer to, posts them, and posts them again when asked to. */
export class JobPoster {
  readonly #http: RelayHttp
  readonly #blobs: BlobTransfer
  readonly #jobId: string
  readonly #program: Uint8Array

  constructor(http: RelayHttp, crypto: CryptoPort, jobId: string, program: Uint8Array) {
    this.#http = http
    this.#blobs = new BlobTransfer(http, crypto)
    this.#jobId = jobId
    this.#program = program
  }

  async uploadProgram(signal: AbortSignal): Promise<void> {
    await this.#blobs.upload(this.#program, signal)
  }

  /** Posts the items and notes what became of each; those the relay has no room for stay `new`. */
  async post(
    items: readonly OpenItem[],
    signal: AbortSignal,
  ): Promise<{ readonly busy: string | undefined }> {
    await this.#uploadInputs(items, signal)
    let busy: string | undefined
    for (let start = 0; start < items.length; start += itemsPerPost) {
      const part = items.slice(start, start + itemsPerPost)
      busy = (await this.#postPart(part, true, signal)) ?? busy
    }
    return { busy }
  }

  async #postPart(
    items: readonly OpenItem[],
    mayUpload: boolean,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const body = JSON.stringify({
      jobId: this.#jobId,
      tasks: items.map((item) => submissionToJson(item.submission)),
    })
    const request = { method: 'POST', path: '/api/v1/jobs', body: new TextEncoder().encode(body) }
    const answer = await this.#http.persist(() => this.#http.json(request, signal), signal)
    const admittances = admittancesOf(answer, items)
    let busy: string | undefined
    const lacking: OpenItem[] = []
    for (const [at, item] of items.entries()) {
      const admittance = admittances[at]!
      if (admittance.accepted) accept(item)
      else if (admittance.code === 'QueueFull') busy = admittance.message
      else if (admittance.code === 'BlobMissing' && mayUpload) lacking.push(item)
      else {
        item.state = 'refused'
        item.refusal = admittance.message
      }
    }
    if (lacking.length === 0) return busy
    await this.uploadProgram(signal)
    await this.#uploadInputs(lacking, signal)
    return (await this.#postPart(lacking, false, signal)) ?? busy
  }

  async #uploadInputs(items: readonly OpenItem[], signal: AbortSignal): Promise<void> {
    const blobs = items
      .filter(({ submission }) => sizeOf(submission.input) <= blobPayloadBytesMax)
      .map((item) => item.inputBlob)
      .filter((blob) => blob !== undefined)
    for (let start = 0; start < blobs.length; start += uploadsAtOnce) {
      const some = blobs.slice(start, start + uploadsAtOnce)
      await Promise.all(some.map((blob) => this.#blobs.upload(blob, signal)))
    }
  }
}

function accept(item: OpenItem): void {
  item.state = 'accepted'
  item.wasAccepted = true
}

function admittancesOf(answer: unknown, items: readonly OpenItem[]): readonly Admittance[] {
  const list = (answer as { items?: unknown } | null)?.items
  const fits =
    Array.isArray(list) &&
    list.length === items.length &&
    list.every((each: Partial<Admittance> | null, at) => each?.taskId === items[at]!.submission.task.taskId)
  if (!fits) throw new ClientError('BadAnswer', 'The relay answered a submission with something else')
  return list as readonly Admittance[]
}
