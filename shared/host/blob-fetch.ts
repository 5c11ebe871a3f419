import type { Hash, PeerId } from '../kernel/ids.ts'
import { blobBytesMax } from '../storage/blob-store.ts'
import type { BlobSink, BlobSinks } from './blob-sink.ts'
import type { Ask, BlobSource, Reply } from './blob-source.ts'

/** How far a blob is. */
export interface BlobProgress {
  readonly hash: Hash
  readonly receivedBytes: number
  readonly totalBytes: number
}

/** A peer that may have the blob, and how many bytes it says the blob has. */
export interface Candidate {
  readonly peer: PeerId
  readonly sizeBytes?: number | undefined
}

export interface BlobFetchParts {
  readonly sinks: BlobSinks
  readonly source: (peer: PeerId) => BlobSource
  /** Whom else to ask, when nobody who was named has it; called until it has no one more. */
  readonly more: (fetch: BlobFetch) => Promise<readonly Candidate[]>
  readonly progress: (progress: BlobProgress) => void
  /** This peer alone delivered bytes that are not the blob. */
  readonly wrong: (peer: PeerId, hash: Hash) => void
  readonly isWrong: (peer: PeerId, hash: Hash) => boolean
}

/** What the blob is fetched as: its bytes where they are at hand. */
export type Fetched = Uint8Array | true

type End = 'whole' | 'disputed' | 'wrong' | Exclude<Reply['kind'], 'part'>

/** Parts of one blob asked for at one time. */
const asksMax = 4
/** The first part, when it is not known how large the blob is, in bytes. */
const firstBytes = 64 * 1024
/** Parts of blobs up to this size go before those of larger ones, in bytes. */
const smallBytes = 1024 * 1024
/** While another peer could be asked, one that is silent this long, or this slow after a while, gives way to it. */
const silentMs = 5_000
const slowAfterMs = 10_000
const slowBytesPerMs = 16
const lookMs = 1_000
/** How often one peer is tried for one blob. */
const triesMax = 2

/**
 * One blob on its way here, from one peer at a time.
 *
 * Invariants: (1) parts are appended in order, each as it was asked for; (2) a blob is in the store only when all of it
 * hashes to its name; (3) what one peer began another goes on with, until the whole turns out wrong: from then on it is
 * taken from one peer as a whole, so that it is known whose bytes are wrong.
 */
export class BlobFetch {
  readonly hash: Hash
  readonly done: Promise<Fetched | undefined>
  /** Whether others than those who named the blob, and relays, are asked too. */
  isWide = false
  /** Whether candidates come too late. */
  isOver = false
  readonly #parts: BlobFetchParts
  readonly #candidates: Candidate[] = []
  readonly #tries = new Map<PeerId, number>()
  /** Whose bytes are in the sink; `undefined` are those of an earlier attempt. */
  readonly #givers = new Set<PeerId | undefined>()
  #sink: BlobSink | undefined
  #isFromOne = false

  constructor(hash: Hash, parts: BlobFetchParts) {
    this.hash = hash
    this.#parts = parts
    // Later, so that candidates can be added first.
    this.done = Promise.resolve().then(() => this.#run())
  }

  /** Another peer that may have it; it is asked before those that were merely found. */
  add(candidate: Candidate, isNamed: boolean): void {
    if (this.hasTried(candidate.peer) || this.#candidates.some(({ peer }) => peer === candidate.peer)) return
    if (isNamed) this.#candidates.unshift(candidate)
    else this.#candidates.push(candidate)
  }

  hasTried(peer: PeerId): boolean {
    return this.#tries.has(peer)
  }

  async #run(): Promise<Fetched | undefined> {
    try {
      this.#sink = await this.#parts.sinks.resume(this.hash)
      if (this.#sink !== undefined) this.#givers.add(undefined)
      for (;;) {
        const candidate = await this.#next()
        if (candidate === undefined) return undefined
        const end = await this.#from(candidate)
        const fetched = await this.#ended(end, candidate)
        if (fetched !== undefined) return fetched
      }
    } finally {
      this.isOver = true
      await this.#sink?.close()
    }
  }

  async #next(): Promise<Candidate | undefined> {
    for (;;) {
      const candidate = this.#candidates.shift()
      if (candidate === undefined) {
        const more = await this.#parts.more(this)
        for (const each of more) this.add(each, false)
        if (this.#candidates.length === 0) return undefined
        continue
      }
      const tries = this.#tries.get(candidate.peer) ?? 0
      this.#tries.set(candidate.peer, tries + 1)
      if (tries >= triesMax || this.#parts.isWrong(candidate.peer, this.hash)) continue
      return candidate
    }
  }

  async #ended(end: End, candidate: Candidate): Promise<Fetched | undefined> {
    switch (end) {
      case 'whole': {
        const sink = this.#sink!
        this.#sink = undefined
        const fetched = await sink.finish()
        if (fetched === undefined) this.#wasWrong()
        return fetched
      }
      case 'disputed':
        // It is not known who is right about the size: this one is heard from the start.
        await this.#startOver()
        this.#candidates.unshift(candidate)
        return undefined
      case 'wrong':
        if (this.#isOf(candidate.peer)) await this.#discard()
        this.#parts.wrong(candidate.peer, this.hash)
        return undefined
      case 'left':
        this.#candidates.push(candidate)
        break
      case 'late':
      case 'missing':
      case 'gone':
        break
    }
    if (this.#isFromOne) await this.#discard()
    return undefined
  }

  #wasWrong(): void {
    const givers = [...this.#givers]
    this.#givers.clear()
    const [only] = givers
    if (givers.length === 1 && only !== undefined) this.#parts.wrong(only, this.hash)
    if (this.#isFromOne) return
    this.#isFromOne = true
    this.#tries.clear()
    for (const peer of givers) if (peer !== undefined) this.add({ peer }, false)
  }

  async #startOver(): Promise<void> {
    await this.#discard()
    this.#isFromOne = true
  }

  async #discard(): Promise<void> {
    await this.#sink?.discard()
    this.#sink = undefined
    this.#givers.clear()
  }

  /** Asks one peer for what is lacking, a few parts at a time, until it is all there or the peer fails. */
  async #from(candidate: Candidate): Promise<End> {
    const source = this.#parts.source(candidate.peer)
    const asks: Ask[] = []
    const watch = this.#watch(source, asks)
    try {
      for (let next = this.#sink?.receivedBytes ?? 0; ; ) {
        next = this.#askMore(source, asks, next)
        const [ask] = asks
        if (ask === undefined) return 'whole'
        const reply = await ask.reply
        if (reply.kind !== 'part') return reply.kind
        const wrong = this.#wrongSize(reply.totalBytes, candidate)
        if (wrong !== undefined) return wrong
        await this.#keep(reply, candidate.peer)
        watch.came(reply.bytes.length)
        source.settle(ask)
        asks.shift()
        // It is known only now that there is more, and how much.
        if (asks.length === 0) next = this.#sink!.receivedBytes
      }
    } finally {
      watch.end()
      for (const ask of asks) source.settle(ask)
    }
  }

  #askMore(source: BlobSource, asks: Ask[], from: number): number {
    const totalBytes = this.#sink?.totalBytes
    if (totalBytes === undefined) {
      if (asks.length === 0) asks.push(source.ask(this.hash, 0, firstBytes, false))
      return 0
    }
    let next = from
    while (asks.length < asksMax && next < totalBytes) {
      const length = Math.min(source.partBytes, totalBytes - next)
      asks.push(source.ask(this.hash, next, length, totalBytes > smallBytes))
      next += length
    }
    return next
  }

  #wrongSize(totalBytes: number, { peer, sizeBytes = totalBytes }: Candidate): End | undefined {
    if (totalBytes > blobBytesMax || totalBytes !== sizeBytes) return 'wrong'
    if (this.#sink === undefined || this.#sink.totalBytes === totalBytes) return undefined
    return this.#isOf(peer) ? 'wrong' : 'disputed'
  }

  /** Whether all that is here came from this peer. */
  #isOf(peer: PeerId): boolean {
    return this.#givers.size === 1 && this.#givers.has(peer)
  }

  async #keep(reply: Extract<Reply, { kind: 'part' }>, peer: PeerId): Promise<void> {
    this.#sink ??= await this.#parts.sinks.open(this.hash, reply.totalBytes)
    await this.#sink.append(reply.bytes)
    this.#givers.add(peer)
    const { receivedBytes, totalBytes } = this.#sink
    this.#parts.progress({ hash: this.hash, receivedBytes, totalBytes })
  }

  /** Leaves a peer that is silent or slow for another, when there is one. */
  #watch(
    source: BlobSource,
    asks: readonly Ask[],
  ): { readonly came: (bytes: number) => void; readonly end: () => void } {
    const startedAt = performance.now()
    let heardAt = startedAt
    let received = 0
    const timer = setInterval(() => {
      if (this.#candidates.length === 0) return
      const now = performance.now()
      const isSlow = now - startedAt > slowAfterMs && received < slowBytesPerMs * (now - startedAt)
      if (now - heardAt > silentMs || isSlow) for (const ask of [...asks]) source.settle(ask)
    }, lookMs)
    return {
      came: (bytes) => {
        heardAt = performance.now()
        received += bytes
      },
      end: () => clearInterval(timer),
    }
  }
}
