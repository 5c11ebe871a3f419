import { concatBytes, fromHex, toHex } from '../kernel/bytes.ts'
import type { Hash, PeerId, Sha256 } from '../kernel/ids.ts'
import type { WireMessage } from '../peer/wire.ts'
import type { BlobStore } from '../storage/blob-store.ts'
import type { AttemptKey } from '../task/messages.ts'
import type { Payload } from '../task/payload.ts'

/** First byte of a frame. */
export const frameKinds = { envelope: 0, blob: 1, want: 2, missing: 3 } as const

/** A peer that has not sent a blob within this has not got it, in ms. */
const fetchMs = 30_000
/** Blobs asked of one peer at a time, and how many of them for one message. */
const wantedMax = 64
const ensuredAtOnce = 32
/** Blobs sent in one frame; larger ones are not served by this exchange, in bytes. */
export const servedBytesMax = 1024 * 1024
/** The next blob is sent when less than this waits for the peer: 64 at once would end the stream, in bytes. */
const queuedBytesMax = 1024 * 1024
/** How often it is looked whether that is so, in ms. */
const lookMs = 10

interface Wanted {
  readonly hash: Hash
  readonly settle: (bytes: Uint8Array | undefined) => void
}

export interface BlobExchangeParts {
  readonly store: BlobStore
  readonly sha256: Sha256
  /** Queues a frame; false when the peer is not up. */
  readonly send: (peer: PeerId, frame: Uint8Array) => boolean
  /** Bytes that wait to be sent to the peer. */
  readonly queuedBytes: (peer: PeerId) => number
}

/**
 * Fetches blobs by hash from the peer that named them. What was not asked for is dropped, and what does not hash to
 * its name never enters the store.
 */
export class BlobExchange {
  readonly #parts: BlobExchangeParts
  readonly #wanted = new Map<PeerId, Map<Hash, Promise<Uint8Array | undefined>>>()
  readonly #waiting = new Map<PeerId, Map<Hash, Wanted>>()
  /** Wants of peers that are still to be answered, in order. */
  readonly #serving = new Map<PeerId, Hash[]>()

  constructor(parts: BlobExchangeParts) {
    this.#parts = parts
  }

  /** The blob from the store, else from the peer, then stored; `undefined` when it cannot be had. */
  async get(hash: Hash, from: PeerId): Promise<Uint8Array | undefined> {
    return (await this.#parts.store.get(hash)) ?? (await this.#fetch(hash, from))
  }

  /** Whether all blobs are here after those missing were fetched; the first that cannot be had ends it. */
  async ensure(hashes: readonly Hash[], from: PeerId): Promise<boolean> {
    const isHad = async (hash: Hash): Promise<boolean> =>
      (await this.#parts.store.has(hash)) || (await this.#fetch(hash, from)) !== undefined
    for (let start = 0; start < hashes.length; start += ensuredAtOnce) {
      const had = await Promise.all(hashes.slice(start, start + ensuredAtOnce).map(isHad))
      if (had.includes(false)) return false
    }
    return true
  }

  /** A frame of kind blob, want or missing; `body` is what follows the first byte. */
  frame(from: PeerId, kind: number, body: Uint8Array): void {
    if (kind === frameKinds.blob) {
      const waiting = body.length > servedBytesMax ? undefined : this.#waiting.get(from)
      waiting?.get(toHex(this.#parts.sha256(body)) as Hash)?.settle(body)
      return
    }
    if (body.length !== 32) return
    const hash = toHex(body) as Hash
    if (kind === frameKinds.missing) this.#waiting.get(from)?.get(hash)?.settle(undefined)
    else this.#want(from, hash)
  }

  peerDown(peer: PeerId): void {
    this.#serving.delete(peer)
    for (const wanted of this.#waiting.get(peer)?.values() ?? []) wanted.settle(undefined)
  }

  #want(peer: PeerId, hash: Hash): void {
    const queue = this.#serving.get(peer)
    if (queue === undefined) {
      const made = [hash]
      this.#serving.set(peer, made)
      void this.#serve(peer, made)
    } else if (queue.length < wantedMax) {
      queue.push(hash)
    } else {
      this.#parts.send(peer, missing(hash))
    }
  }

  /** Answers the peer's wants, at the pace at which it takes the answers. */
  async #serve(peer: PeerId, queue: Hash[]): Promise<void> {
    for (let hash = queue[0]; hash !== undefined; hash = queue[0]) {
      // A store that cannot be read has not got it; the store says so where it is looked after.
      const bytes = await this.#parts.store.get(hash).catch(() => undefined)
      while (this.#serving.get(peer) === queue && this.#parts.queuedBytes(peer) > queuedBytesMax) {
        await new Promise((resolve) => setTimeout(resolve, lookMs))
      }
      if (this.#serving.get(peer) !== queue) return
      const isServed = bytes !== undefined && bytes.length <= servedBytesMax
      this.#parts.send(peer, isServed ? concatBytes(Uint8Array.of(frameKinds.blob), bytes) : missing(hash))
      queue.shift()
    }
    this.#serving.delete(peer)
  }

  #fetch(hash: Hash, from: PeerId): Promise<Uint8Array | undefined> {
    const ofPeer = this.#wanted.get(from) ?? new Map<Hash, Promise<Uint8Array | undefined>>()
    const under = ofPeer.get(hash)
    if (under !== undefined) return under
    if (ofPeer.size >= wantedMax) return Promise.resolve(undefined)
    const fetched = this.#ask(hash, from).finally(() => {
      ofPeer.delete(hash)
      if (ofPeer.size === 0) this.#wanted.delete(from)
    })
    ofPeer.set(hash, fetched)
    this.#wanted.set(from, ofPeer)
    return fetched
  }

  async #ask(hash: Hash, from: PeerId): Promise<Uint8Array | undefined> {
    const bytes = await new Promise<Uint8Array | undefined>((resolve) => {
      const waiting = this.#waiting.get(from) ?? new Map<Hash, Wanted>()
      this.#waiting.set(from, waiting)
      const timer = setTimeout(() => settle(undefined), fetchMs)
      const settle = (value: Uint8Array | undefined): void => {
        clearTimeout(timer)
        waiting.delete(hash)
        if (waiting.size === 0) this.#waiting.delete(from)
        resolve(value)
      }
      waiting.set(hash, { hash, settle })
      const sent = this.#parts.send(from, concatBytes(Uint8Array.of(frameKinds.want), fromHex(hash)))
      if (!sent) settle(undefined)
    })
    if (bytes === undefined) return undefined
    await this.#parts.store.put(bytes)
    return bytes
  }
}

const missing = (hash: Hash): Uint8Array => concatBytes(Uint8Array.of(frameKinds.missing), fromHex(hash))

/** Blobs that must be here before the message may reach its machine. */
export function blobsNeeded(message: WireMessage, awaits: (attempt: AttemptKey) => boolean): Hash[] {
  const hashes = new Set<Hash>()
  const note = (payload: Payload | null): void => {
    if (payload?.kind === 'blob') hashes.add(payload.hash)
  }
  if (message.type === 'task/submit') {
    for (const item of message.items) {
      hashes.add(item.task.programHash)
      note(item.input)
    }
  } else if (message.type === 'task/answers') {
    for (const item of message.items) if (awaits(item)) note(item.output)
  } else if (message.type === 'task/finished') {
    for (const item of message.items) note(item.output)
  }
  return [...hashes]
}
