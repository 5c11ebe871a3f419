import type { Hash, PeerId, Sha256 } from '../kernel/ids.ts'
import type { WireMessage } from '../peer/wire.ts'
import { type BlobStore, chunkBytesMax } from '../storage/blob-store.ts'
import type { AttemptKey } from '../task/messages.ts'
import type { Payload } from '../task/payload.ts'
import { BlobFetch, type BlobProgress, type Candidate, type Fetched } from './blob-fetch.ts'
import { hashFrame, parseBlobFrame, wantFrame } from './blob-frames.ts'
import { BlobServer } from './blob-server.ts'
import { BlobSinks } from './blob-sink.ts'
import { BlobSource } from './blob-source.ts'

/** Blobs asked of one peer at a time, and how many of them for one message. */
const wantedMax = 64
const ensuredAtOnce = 32
/** Blobs on their way here, of all peers. */
const fetchesMax = 1_024
/** Peers that are asked whether they have a blob, and how long for an answer, in ms. */
const probedMax = 16
const probeMs = 2_000
/** Who delivered what wrong, remembered for the last so many. */
const wrongMax = 1_000

export interface BlobExchangeParts {
  readonly store: BlobStore
  readonly sha256: Sha256
  /** Queues a frame; false when the peer is not up. */
  readonly send: (peer: PeerId, frame: Uint8Array) => boolean
  /** Bytes that wait to be sent to the peer. */
  readonly queuedBytes: (peer: PeerId) => number
  /** Connected peers that may have a blob, besides the one that named it. */
  readonly peers?: () => { readonly relays: readonly PeerId[]; readonly others: readonly PeerId[] }
  /** Peers that say, in a directory of the network, that they have the blob; they are up when it resolves. */
  readonly find?: (hash: Hash) => Promise<readonly PeerId[]>
  /** A large blob came to be here: others may be told. */
  readonly provide?: (hash: Hash) => void
  /** A peer sent what it should not have: `malformed`, `oversize`, `unasked` or `wrong` bytes. */
  readonly misbehaved?: (peer: PeerId, reason: 'malformed' | 'oversize' | 'unasked' | 'wrong') => void
}

/** A blob that somebody names, and how large it is said to be. */
export interface BlobNeed {
  readonly hash: Hash
  readonly sizeBytes: number
}

/**
 * Fetches blobs by hash, chunk by chunk, from the peer that named them, from relays, and from whoever has them; and
 * serves those that are here. What was not asked for is dropped, and what does not hash to its name never enters the
 * store.
 */
export class BlobExchange {
  readonly #parts: BlobExchangeParts
  readonly #server: BlobServer
  readonly #sinks: BlobSinks
  readonly #sources = new Map<PeerId, BlobSource>()
  readonly #fetches = new Map<Hash, BlobFetch>()
  /** Blobs under way that each peer named. */
  readonly #named = new Map<PeerId, Set<Hash>>()
  readonly #probes = new Map<Hash, (peer: PeerId, sizeBytes: number | undefined) => void>()
  readonly #wrong = new Set<string>()
  readonly #listeners = new Set<(progress: BlobProgress) => void>()

  constructor(parts: BlobExchangeParts) {
    this.#parts = parts
    this.#server = new BlobServer(parts)
    this.#sinks = new BlobSinks(parts.store, parts.sha256)
  }

  /**
   * The blob from the store, else from the peer, from relays, or from whoever has it, then stored; `undefined` when it
   * cannot be had. Rejects when the store cannot take it.
   */
  async get(hash: Hash, from: PeerId): Promise<Uint8Array | undefined> {
    const here = await this.#parts.store.get(hash)
    if (here !== undefined) return here
    const fetched = await this.#fetch(hash, { peer: from }, true)
    return fetched === true ? await this.#parts.store.get(hash) : fetched
  }

  /**
   * Whether all blobs are here, and of the size they are said to have, after those missing were fetched from the peer or
   * from relays; the first that cannot be had ends it.
   */
  async ensure(needs: readonly BlobNeed[], from: PeerId): Promise<boolean> {
    const isHad = async ({ hash, sizeBytes }: BlobNeed): Promise<boolean> => {
      const { store } = this.#parts
      if (
        !(await store.has(hash)) &&
        (await this.#fetch(hash, { peer: from, sizeBytes }, false)) === undefined
      )
        return false
      return (await store.sizeOf(hash)) === sizeBytes
    }
    for (let start = 0; start < needs.length; start += ensuredAtOnce) {
      const had = await Promise.all(needs.slice(start, start + ensuredAtOnce).map(isHad))
      if (had.includes(false)) return false
    }
    return true
  }

  /** Calls back for every part of a blob that came; returns the unsubscription. */
  onProgress(listener: (progress: BlobProgress) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** A frame of a kind that is the exchange's; `body` is what follows the first byte. */
  frame(from: PeerId, kind: number, body: Uint8Array): void {
    const frame = parseBlobFrame(kind, body)
    if (typeof frame === 'string') return this.#parts.misbehaved?.(from, frame)
    switch (frame.kind) {
      case 'chunk': {
        const { hash, offset, totalBytes, bytes } = frame
        if (this.#sources.get(from)?.take(hash, offset, totalBytes, bytes) !== true) {
          this.#parts.misbehaved?.(from, 'unasked')
        }
        return
      }
      case 'want':
      case 'probe':
        return this.#server.asked(from, frame)
      case 'have':
        return this.#probes.get(frame.hash)?.(from, frame.totalBytes)
      case 'missing':
        this.#probes.get(frame.hash)?.(from, undefined)
        return this.#sources.get(from)?.missing(frame.hash)
    }
  }

  peerDown(peer: PeerId): void {
    this.#server.peerDown(peer)
    this.#sources.get(peer)?.gone()
    this.#sources.delete(peer)
    for (const probe of [...this.#probes.values()]) probe(peer, undefined)
  }

  async #fetch(hash: Hash, candidate: Candidate, isWide: boolean): Promise<Fetched | undefined> {
    const named = this.#named.get(candidate.peer) ?? new Set<Hash>()
    if (!named.has(hash) && named.size >= wantedMax) return undefined
    let fetch = this.#fetches.get(hash)
    while (fetch?.isOver) {
      await fetch.done.catch(() => undefined)
      fetch = this.#fetches.get(hash)
    }
    if (fetch === undefined) {
      if (this.#fetches.size >= fetchesMax) return undefined
      fetch = this.#start(hash)
    }
    fetch.add(candidate, true)
    fetch.isWide ||= isWide
    named.add(hash)
    this.#named.set(candidate.peer, named)
    try {
      return await fetch.done
    } finally {
      named.delete(hash)
      if (named.size === 0) this.#named.delete(candidate.peer)
    }
  }

  #start(hash: Hash): BlobFetch {
    const fetch = new BlobFetch(hash, {
      sinks: this.#sinks,
      source: (peer) => this.#source(peer),
      more: (each) => this.#more(each),
      progress: (progress) => {
        for (const listener of this.#listeners) listener(progress)
        if (progress.receivedBytes === progress.totalBytes && progress.totalBytes > chunkBytesMax) {
          void this.#tell(fetch)
        }
      },
      wrong: (peer) => this.#noteWrong(peer, hash),
      isWrong: (peer) => this.#wrong.has(`${peer}/${hash}`),
    })
    this.#fetches.set(hash, fetch)
    const forget = (): void => {
      this.#fetches.delete(hash)
      for (const [peer, source] of this.#sources) if (source.isIdle) this.#sources.delete(peer)
    }
    fetch.done.then(forget, forget)
    return fetch
  }

  async #tell(fetch: BlobFetch): Promise<void> {
    const fetched = await fetch.done.catch(() => undefined)
    if (fetched !== undefined) this.#parts.provide?.(fetch.hash)
  }

  #source(peer: PeerId): BlobSource {
    let source = this.#sources.get(peer)
    if (source === undefined) {
      source = new BlobSource((hash, offset, length) =>
        this.#parts.send(peer, wantFrame(hash, offset, length)),
      )
      this.#sources.set(peer, source)
    }
    return source
  }

  #noteWrong(peer: PeerId, hash: Hash): void {
    this.#parts.misbehaved?.(peer, 'wrong')
    this.#wrong.add(`${peer}/${hash}`)
    if (this.#wrong.size <= wrongMax) return
    const [oldest] = this.#wrong
    this.#wrong.delete(oldest!)
  }

  // ——— who else ———

  async #more(fetch: BlobFetch): Promise<readonly Candidate[]> {
    const { relays, others } = this.#parts.peers?.() ?? { relays: [], others: [] }
    const untried = (peers: readonly PeerId[]): PeerId[] => peers.filter((peer) => !fetch.hasTried(peer))
    const relaysLeft = untried(relays)
    if (relaysLeft.length > 0) return relaysLeft.map((peer) => ({ peer }))
    if (!fetch.isWide) return []
    const having = await this.#probe(fetch, untried(others).slice(0, probedMax))
    if (having.length > 0) return having
    const found = (await this.#parts.find?.(fetch.hash).catch(() => [])) ?? []
    return untried(found).map((peer) => ({ peer }))
  }

  /** The first that says it has the blob; who says so later is added to the candidates. */
  async #probe(fetch: BlobFetch, peers: readonly PeerId[]): Promise<readonly Candidate[]> {
    const { hash } = fetch
    const asked = new Set(peers.filter((peer) => this.#parts.send(peer, hashFrame('probe', hash))))
    if (asked.size === 0) return []
    return await new Promise<readonly Candidate[]>((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        if (this.#probes.get(hash) === answered) this.#probes.delete(hash)
        resolve([])
      }
      const timer = setTimeout(end, probeMs)
      const answered = (peer: PeerId, sizeBytes: number | undefined): void => {
        if (!asked.delete(peer)) return
        if (sizeBytes !== undefined) {
          fetch.add({ peer, sizeBytes }, false)
          resolve([{ peer, sizeBytes }])
        }
        if (asked.size === 0) end()
      }
      this.#probes.set(hash, answered)
    })
  }
}

/** Blobs that must be here before the message may reach its machine. */
export function blobsNeeded(
  message: WireMessage,
  awaits: (attempt: AttemptKey, outputBytes: number) => boolean,
): BlobNeed[] {
  const needs = new Map<string, BlobNeed>()
  const note = (hash: Hash, sizeBytes: number): void => {
    needs.set(`${hash}/${sizeBytes}`, { hash, sizeBytes })
  }
  const notePayload = (payload: Payload | null): void => {
    if (payload?.kind === 'blob') note(payload.hash, payload.sizeBytes)
  }
  if (message.type === 'task/submit') {
    for (const item of message.items) {
      note(item.task.programHash, item.programSizeBytes)
      notePayload(item.input)
    }
  } else if (message.type === 'task/answers') {
    for (const item of message.items) {
      if (item.output?.kind === 'blob' && awaits(item, item.output.sizeBytes)) notePayload(item.output)
    }
  } else if (message.type === 'task/finished') {
    for (const item of message.items) notePayload(item.output)
  }
  return [...needs.values()]
}
