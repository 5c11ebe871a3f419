import type { CryptoPort } from '../host/crypto-port.ts'
import type { Hash } from '../kernel/ids.ts'
import type { Admittance, Submission } from '../task/messages.ts'
import { sizeOf } from '../task/payload.ts'
import { blobPayloadBytesMax } from '../task/task.ts'
import { BlobTransfer } from './blob-transfer.ts'
import { ClientError } from './client-error.ts'
import type { Clock } from './clock.ts'
import type { Notice } from './patience.ts'
import type { RelayHttp } from './relay-http.ts'
import { submissionToJson } from './submission-json.ts'

/** One item that was handed in, or is about to be, and has not ended here. */
export interface OpenItem {
  readonly submission: Submission
  /** Chain of the inputs' hashes up to this one's. */
  readonly inputs: Hash
  /** Kept while the relay may ask for it again: only of inputs that go as blobs. */
  readonly inputBlob: Uint8Array | undefined
  /** `new` until the relay has said. */
  state: 'new' | 'accepted' | 'refused'
  /** Whether it was accepted at any time. */
  wasAccepted: boolean
  refusal: string
}

/** Requests stay well below the relay's 4 MiB. */
export const itemsPerPost = 256
const uploadsAtOnce = 8
const busyFirstMs = 500
const busyMsMax = 10_000

export interface ClientParts {
  readonly http: RelayHttp
  readonly crypto: CryptoPort
  readonly clock: Clock
  readonly waitSeconds: number
  readonly notice: (notice: Notice) => void
}

/** Hands in the items of one job: uploads what they refer to, posts them, and posts them again when asked to. */
export class JobPoster {
  readonly #parts: ClientParts
  readonly #blobs: BlobTransfer
  readonly #jobId: string
  readonly #program: Uint8Array

  constructor(parts: ClientParts, jobId: string, program: Uint8Array) {
    this.#parts = parts
    this.#blobs = new BlobTransfer(parts.http, parts.crypto)
    this.#jobId = jobId
    this.#program = program
  }

  async uploadProgram(signal: AbortSignal): Promise<void> {
    if (this.#program.length <= blobPayloadBytesMax) await this.#blobs.upload(this.#program, signal)
  }

  /**
   * Posts the items until each is accepted or refused; a relay without room is given time, as long as it would be were
   * it away. `told` is called whenever something became of some of them.
   */
  async post(items: readonly OpenItem[], told: () => void, signal: AbortSignal): Promise<void> {
    const { clock, waitSeconds, notice } = this.#parts
    const giveUpAt = clock.now() + waitSeconds * 1_000
    let left = items
    for (let tries = 0; left.length > 0; tries++) {
      const busy = await this.#postOnce(left, signal)
      left = left.filter((item) => item.state === 'new')
      if (busy !== undefined) {
        if (tries === 0) notice({ type: 'busy', message: busy })
        if (clock.now() >= giveUpAt) for (const item of left) refuse(item, busy)
      }
      told()
      if (left.every((item) => item.state !== 'new')) return
      await clock.sleep(Math.min(busyMsMax, busyFirstMs * 2 ** tries), signal)
    }
  }

  /** Those the relay has no room for stay `new`; gives its words for that. */
  async #postOnce(items: readonly OpenItem[], signal: AbortSignal): Promise<string | undefined> {
    await this.#uploadInputs(items, signal)
    let busy: string | undefined
    for (let start = 0; start < items.length; start += itemsPerPost) {
      const part = items.slice(start, start + itemsPerPost)
      busy = (await this.#postPart(part, true, signal)) ?? busy
    }
    return busy
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
    const { http } = this.#parts
    let moves: number
    let answer: unknown
    do {
      moves = http.moves
      answer = await http.persist(() => http.json(request, signal), signal)
      // What was handed in to the relay before need not be known to the one that is asked now.
    } while (http.moves !== moves)
    const admittances = admittancesOf(answer, items)
    let busy: string | undefined
    const lacking: OpenItem[] = []
    for (const [at, item] of items.entries()) {
      const admittance = admittances[at]!
      if (admittance.accepted) accept(item)
      else if (admittance.code === 'QueueFull') busy = admittance.message
      else if (admittance.code === 'BlobMissing' && mayUpload) lacking.push(item)
      else if (admittance.code === 'TaskIdTaken') throw otherInput(item)
      else refuse(item, admittance.message)
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

/** Nobody else can know the task's name, so it was handed in before, by another run of the same job. */
const otherInput = ({ submission: { task } }: OpenItem): ClientError =>
  new ClientError(
    'OtherInputs',
    `The inputs are not those that the job was begun with: number ${task.index} differs`,
  )

function refuse(item: OpenItem, why: string): void {
  item.state = 'refused'
  item.refusal = why
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
