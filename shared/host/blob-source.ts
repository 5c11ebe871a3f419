import type { Hash } from '../kernel/ids.ts'
import { chunkBytesMax } from '../storage/blob-store.ts'

/** What came of asking for a part: `late`, no answer; `gone`, no peer; `left`, it is not wanted any more. */
export type Reply =
  | { readonly kind: 'part'; readonly totalBytes: number; readonly bytes: Uint8Array }
  | { readonly kind: 'missing' | 'late' | 'gone' | 'left' }

/** A part that was asked for, or is about to be; it counts as under way until it is given to `settle`. */
export interface Ask {
  readonly hash: Hash
  readonly offset: number
  readonly length: number
  readonly reply: Promise<Reply>
}

interface Asked extends Ask {
  sentAt: number | undefined
  answer: (reply: Reply) => void
  timer: ReturnType<typeof setTimeout> | undefined
}

/** A peer that has not answered within this has not got it, in ms. */
const answerMs = 30_000
/** Bytes under way from one peer: at first, and as little and as much as it may become. */
const paceFirst = 256 * 1024
const paceMin = 32 * 1024
const paceMax = 1024 * 1024
/** Answers sooner than this make the pace grow, later ones shrink it, in ms. */
const soonMs = 250
const lateMs = 1_000
const asksMax = 48
const smallInRowMax = 4

/**
 * One peer that blobs are asked of. Not more is under way from it than comes within about a second, so that its
 * messages, heartbeats above all, are not held up behind blobs; and parts of small blobs go between those of large ones.
 */
export class BlobSource {
  /** Sends the want; false when the peer is not up. */
  readonly #send: (hash: Hash, offset: number, length: number) => boolean
  readonly #small: Asked[] = []
  readonly #large: Asked[] = []
  /** Asked for and not answered, in order. */
  readonly #out = new Map<Hash, Asked[]>()
  readonly #underWay = new Set<Asked>()
  #underWayBytes = 0
  #pace = paceFirst
  /** Parts of small blobs since the last of a large one. */
  #smallInRow = 0

  constructor(send: (hash: Hash, offset: number, length: number) => boolean) {
    this.#send = send
  }

  /** How much to ask for at one time, in bytes. */
  get partBytes(): number {
    return Math.min(chunkBytesMax, this.#pace / 2)
  }

  get isIdle(): boolean {
    return this.#underWay.size + this.#small.length + this.#large.length === 0
  }

  ask(hash: Hash, offset: number, length: number, isLarge: boolean): Ask {
    const { promise, resolve } = Promise.withResolvers<Reply>()
    const asked: Asked = {
      ...{ hash, offset, length, reply: promise, answer: resolve },
      ...{ sentAt: undefined, timer: undefined },
    }
    ;(isLarge ? this.#large : this.#small).push(asked)
    this.#sendMore()
    return asked
  }

  /** What was asked for is not wanted any more, or has been put where it belongs. */
  settle(ask: Ask): void {
    const asked = ask as Asked
    for (const queue of [this.#small, this.#large]) {
      const at = queue.indexOf(asked)
      if (at >= 0) queue.splice(at, 1)
    }
    this.#answer(asked, { kind: 'left' })
    if (!this.#underWay.delete(asked)) return
    this.#underWayBytes -= asked.length
    this.#sendMore()
  }

  /** Takes a chunk; false when it is not the one that comes next of this blob. */
  take(hash: Hash, offset: number, totalBytes: number, bytes: Uint8Array): boolean {
    const asked = this.#out.get(hash)?.[0]
    if (asked === undefined || asked.offset !== offset || totalBytes < offset) return false
    if (bytes.length !== Math.min(asked.length, totalBytes - offset)) return false
    const tookMs = performance.now() - asked.sentAt!
    if (tookMs < soonMs) this.#pace = Math.min(paceMax, 2 * this.#pace)
    else if (tookMs > lateMs) this.#pace = Math.max(paceMin, this.#pace / 2)
    this.#answer(asked, { kind: 'part', totalBytes, bytes })
    return true
  }

  /** The peer has not got the blob. */
  missing(hash: Hash): void {
    for (const asked of [...(this.#out.get(hash) ?? [])]) this.#answer(asked, { kind: 'missing' })
  }

  gone(): void {
    for (const asked of [...this.#underWay, ...this.#small, ...this.#large]) {
      this.#answer(asked, { kind: 'gone' })
    }
  }

  /** Small blobs go before large ones, but do not keep them from going; each kind first come first served. */
  #sendMore(): void {
    while (this.#underWay.size < asksMax) {
      const isSmall = this.#small.length > 0 && (this.#smallInRow < smallInRowMax || this.#large.length === 0)
      const from = isSmall ? this.#small : this.#large
      const asked = from[0]
      if (asked === undefined) return
      if (this.#underWayBytes > 0 && this.#underWayBytes + asked.length > this.#pace) return
      from.shift()
      this.#smallInRow = isSmall ? this.#smallInRow + 1 : 0
      this.#sendOne(asked)
    }
  }

  #sendOne(asked: Asked): void {
    const { hash, offset, length } = asked
    this.#underWay.add(asked)
    this.#underWayBytes += length
    const list = this.#out.get(hash) ?? []
    list.push(asked)
    this.#out.set(hash, list)
    asked.sentAt = performance.now()
    asked.timer = setTimeout(() => this.#answer(asked, { kind: 'late' }), answerMs)
    if (!this.#send(hash, offset, length)) this.#answer(asked, { kind: 'gone' })
  }

  #answer(asked: Asked, reply: Reply): void {
    clearTimeout(asked.timer)
    const list = this.#out.get(asked.hash)
    const at = list?.indexOf(asked) ?? -1
    if (at >= 0) list!.splice(at, 1)
    if (list?.length === 0) this.#out.delete(asked.hash)
    asked.answer(reply)
  }
}
