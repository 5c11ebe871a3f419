import type { PeerId } from '../kernel/ids.ts'
import type { BlobStore } from '../storage/blob-store.ts'
import { type BlobFrame, chunkFrame, hashFrame, haveFrame } from './blob-frames.ts'

/** Wants and probes of one peer that wait for their answer; more are answered as missing at once. */
const waitingMax = 64
/** The next chunk is sent when less than this waits for the peer, so that messages behind it are soon heard, in bytes. */
const queuedBytesMax = 256 * 1024
/** How often it is looked whether that is so, in ms. */
const lookMs = 10

export interface BlobServerParts {
  readonly store: BlobStore
  /** Queues a frame; false when the peer is not up. */
  readonly send: (peer: PeerId, frame: Uint8Array) => boolean
  /** Bytes that wait to be sent to the peer. */
  readonly queuedBytes: (peer: PeerId) => number
}

type Asked = Extract<BlobFrame, { kind: 'want' | 'probe' }>

/** Answers what peers ask of the blobs that are here: one chunk at a time to each, in the order they asked. */
export class BlobServer {
  readonly #parts: BlobServerParts
  readonly #waiting = new Map<PeerId, Asked[]>()

  constructor(parts: BlobServerParts) {
    this.#parts = parts
  }

  asked(peer: PeerId, asked: Asked): void {
    const queue = this.#waiting.get(peer)
    if (queue === undefined) {
      const made = [asked]
      this.#waiting.set(peer, made)
      void this.#serve(peer, made)
    } else if (queue.length < waitingMax) {
      queue.push(asked)
    } else {
      this.#parts.send(peer, hashFrame('missing', asked.hash))
    }
  }

  peerDown(peer: PeerId): void {
    this.#waiting.delete(peer)
  }

  async #serve(peer: PeerId, queue: Asked[]): Promise<void> {
    const isUp = (): boolean => this.#waiting.get(peer) === queue
    for (let asked = queue[0]; asked !== undefined; asked = queue[0]) {
      while (isUp() && this.#parts.queuedBytes(peer) > queuedBytesMax) {
        await new Promise((resolve) => setTimeout(resolve, lookMs))
      }
      if (!isUp()) return
      // A store that cannot be read has not got it; the store says so where it is looked after.
      const answer = await this.#answer(asked).catch(() => undefined)
      if (!isUp()) return
      this.#parts.send(peer, answer ?? hashFrame('missing', asked.hash))
      queue.shift()
    }
    this.#waiting.delete(peer)
  }

  async #answer(asked: Asked): Promise<Uint8Array | undefined> {
    const { store } = this.#parts
    const totalBytes = await store.sizeOf(asked.hash)
    if (totalBytes === undefined) return undefined
    if (asked.kind === 'probe') return haveFrame(asked.hash, totalBytes)
    const { hash, offset, length } = asked
    const isWithin = offset < totalBytes || (offset === 0 && totalBytes === 0)
    const bytes = isWithin ? await store.read(hash, offset, length) : undefined
    return bytes && chunkFrame(hash, offset, totalBytes, bytes)
  }
}
