import { BlobExchange } from '../../shared/host/blob-exchange.ts'
import { type BlobFrame, parseBlobFrame } from '../../shared/host/blob-frames.ts'
import { toHex } from '../../shared/kernel/bytes.ts'
import type { Hash, PeerId } from '../../shared/kernel/ids.ts'
import { defaultBlobLimits } from '../../shared/storage/blob-store.ts'
import { MemoryBlobs } from '../relay/http/memory-blobs.ts'
import { sha256 } from '../relay/http/test-keys.ts'

export const hashOf = (bytes: Uint8Array): Hash => toHex(sha256(bytes)) as Hash

/** Bytes that differ everywhere for different `n`. */
export function blobOf(n: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes)
  for (let at = 0; at < sizeBytes; at++) bytes[at] = (at * 7 + (at >> 8) * 31 + (at >> 16) + n) & 255
  return bytes
}

/** One node's exchange of blobs, over a store in memory. */
export interface BlobNode {
  readonly id: PeerId
  readonly store: MemoryBlobs
  readonly exchange: BlobExchange
  readonly misbehaved: { readonly peer: PeerId; readonly reason: string }[]
  relays: PeerId[]
  others: PeerId[]
}

export interface BlobParcel {
  readonly from: PeerId
  readonly to: PeerId
  readonly frame: Uint8Array
}

/**
 * Exchanges of blobs joined by links that the test may break, delay and tamper with. Frames of a link arrive in order,
 * one per turn of the event loop.
 */
export class BlobNet {
  readonly #nodes = new Map<PeerId, BlobNode>()
  readonly #cut = new Set<string>()
  #queue: BlobParcel[] = []
  #isMoving = false
  /** What arrives in the place of a parcel; the parcel itself unless told. */
  tamper: (parcel: BlobParcel, frame: BlobFrame) => readonly Uint8Array[] | undefined = () => undefined
  /** Every frame that was sent, with its bytes left out. */
  readonly log: { readonly from: PeerId; readonly to: PeerId; readonly frame: BlobFrame }[] = []
  /** Each frame takes this long, in ms; `undefined`: the next turn. */
  delayMs: ((parcel: BlobParcel) => number) | undefined

  node(name: string, limits = defaultBlobLimits): BlobNode {
    const id = name as PeerId
    const store = new MemoryBlobs(limits)
    const misbehaved: BlobNode['misbehaved'][number][] = []
    const exchange = new BlobExchange({
      store,
      sha256,
      send: (to, frame) => this.#send({ from: id, to, frame }),
      queuedBytes: () => 0,
      peers: () => node,
      misbehaved: (peer, reason) => misbehaved.push({ peer, reason }),
    })
    const node: BlobNode = { id, store, exchange, misbehaved, relays: [], others: [] }
    this.#nodes.set(id, node)
    return node
  }

  cut(a: BlobNode, b: BlobNode): void {
    this.#cut.add(linkOf(a.id, b.id))
    this.#queue = this.#queue.filter(({ from, to }) => linkOf(from, to) !== linkOf(a.id, b.id))
    a.exchange.peerDown(b.id)
    b.exchange.peerDown(a.id)
  }

  join(a: BlobNode, b: BlobNode): void {
    this.#cut.delete(linkOf(a.id, b.id))
  }

  wants(to?: BlobNode): Extract<BlobFrame, { kind: 'want' }>[] {
    return this.log.flatMap((each) =>
      each.frame.kind === 'want' && (to === undefined || each.to === to.id) ? [each.frame] : [],
    )
  }

  #send(parcel: BlobParcel): boolean {
    if (this.#cut.has(linkOf(parcel.from, parcel.to))) return false
    const frame = parseBlobFrame(parcel.frame[0]!, parcel.frame.subarray(1))
    if (typeof frame === 'string') throw new Error(`a ${frame} frame was sent`)
    const light = frame.kind === 'chunk' ? { ...frame, bytes: new Uint8Array() } : frame
    this.log.push({ from: parcel.from, to: parcel.to, frame: light })
    for (const arriving of this.tamper(parcel, frame) ?? [parcel.frame]) {
      this.#post({ ...parcel, frame: arriving })
    }
    return true
  }

  #post(parcel: BlobParcel): void {
    if (this.delayMs !== undefined) {
      setTimeout(() => this.#arrive(parcel), this.delayMs(parcel))
      return
    }
    this.#queue.push(parcel)
    if (!this.#isMoving) void this.#move()
  }

  async #move(): Promise<void> {
    this.#isMoving = true
    while (this.#queue.length > 0) {
      await new Promise((resolve) => setImmediate(resolve))
      const parcel = this.#queue.shift()
      if (parcel !== undefined) this.#arrive(parcel)
    }
    this.#isMoving = false
  }

  #arrive({ from, to, frame }: BlobParcel): void {
    if (this.#cut.has(linkOf(from, to))) return
    this.#nodes.get(to)?.exchange.frame(from, frame[0]!, frame.subarray(1))
  }
}

const linkOf = (a: PeerId, b: PeerId): string => [a, b].sort().join(' ')
