import { concatBytes, fromHex, toHex } from '../kernel/bytes.ts'
import type { Hash, PeerId, Sha256 } from '../kernel/ids.ts'
import type { WireMessage } from '../peer/wire.ts'
import type { BlobStore } from '../storage/blob-store.ts'
import type { Payload } from '../task/payload.ts'

/** First byte of a frame. */
export const frameKinds = { envelope: 0, blob: 1, want: 2, missing: 3 } as const

/** A peer that has not sent a blob within this has not got it, in ms. */
const fetchMs = 30_000
/** Blobs asked of one peer at a time. */
const wantedMax = 64
/** Blobs sent in one frame; larger ones are not served by this exchange, in bytes. */
const blobBytesMax = 2 * 1024 * 1024

interface Wanted {
  readonly hash: Hash
  readonly settle: (bytes: Uint8Array | undefined) => void
}

/**
 * Fetches blobs by hash from the peer that named them. What was not asked for is dropped, and what does not hash to
 * its name never enters the store.
 */
export class BlobExchange {
  readonly #store: BlobStore
  readonly #sha256: Sha256
  readonly #send: (peer: PeerId, frame: Uint8Array) => boolean
  readonly #wanted = new Map<PeerId, Map<Hash, Promise<Uint8Array | undefined>>>()
  readonly #waiting = new Map<PeerId, Map<Hash, Wanted>>()

  constructor(store: BlobStore, sha256: Sha256, send: (peer: PeerId, frame: Uint8Array) => boolean) {
    this.#store = store
    this.#sha256 = sha256
    this.#send = send
  }

  /** The blob from the store, else from the peer, then stored; `undefined` when it cannot be had. */
  async get(hash: Hash, from: PeerId): Promise<Uint8Array | undefined> {
    return (await this.#store.get(hash)) ?? (await this.#fetch(hash, from))
  }

  /** Whether all blobs are here after those missing were fetched. */
  async ensure(hashes: readonly Hash[], from: PeerId): Promise<boolean> {
    const found = await Promise.all(
      hashes.map(
        async (hash) => (await this.#store.has(hash)) || (await this.#fetch(hash, from)) !== undefined,
      ),
    )
    return found.every((there) => there)
  }

  /** A frame of kind blob, want or missing; `body` is what follows the first byte. */
  async frame(from: PeerId, kind: number, body: Uint8Array): Promise<void> {
    if (kind === frameKinds.blob) {
      this.#waiting
        .get(from)
        ?.get(toHex(this.#sha256(body)) as Hash)
        ?.settle(body)
      return
    }
    if (body.length !== 32) return
    const hash = toHex(body) as Hash
    if (kind === frameKinds.missing) {
      this.#waiting.get(from)?.get(hash)?.settle(undefined)
      return
    }
    const bytes = await this.#store.get(hash)
    const reply =
      bytes === undefined || bytes.length > blobBytesMax
        ? concatBytes(Uint8Array.of(frameKinds.missing), body)
        : concatBytes(Uint8Array.of(frameKinds.blob), bytes)
    this.#send(from, reply)
  }

  peerDown(peer: PeerId): void {
    for (const wanted of this.#waiting.get(peer)?.values() ?? []) wanted.settle(undefined)
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
      const sent = this.#send(from, concatBytes(Uint8Array.of(frameKinds.want), fromHex(hash)))
      if (!sent) settle(undefined)
    })
    if (bytes === undefined) return undefined
    await this.#store.put(bytes)
    return bytes
  }
}

/** Blobs that must be here before the message may reach its machine. */
export function blobsNeeded(message: WireMessage): Hash[] {
  const hashes = new Set<Hash>()
  const note = (payload: Payload | null): void => {
    if (payload?.kind === 'blob') hashes.add(payload.hash)
  }
  if (message.type === 'task/submit') {
    for (const item of message.items) {
      hashes.add(item.task.programHash)
      note(item.input)
    }
  } else if (message.type === 'task/answers' || message.type === 'task/finished') {
    for (const item of message.items) note(item.output)
  }
  return [...hashes]
}
