import { type Bundle, bundled } from '../envelope/bundle.ts'
import { encodeBody, encodeFrame, envelopeSigningBytes } from '../envelope/envelope.ts'
import { concatBytes } from '../kernel/bytes.ts'
import type { Hash, Instant, PeerId } from '../kernel/ids.ts'
import { uuidV4 } from '../kernel/uuid.ts'
import type { WireMessage } from '../peer/wire.ts'
import { frameKinds } from './blob-frames.ts'
import type { CryptoPort } from './crypto-port.ts'
import { signParts } from './nested-signatures.ts'

/** Messages to one peer between leaving the machine and the network; beyond it the peer is too slow to keep. */
const underWayMax = 10_000

interface Lane {
  underWay: number
  /** Given at this moment. */
  readonly waiting: WireMessage[]
  tail: Promise<void>
}

export interface OutboundParts {
  readonly networkId: Hash
  readonly crypto: CryptoPort
  readonly now: () => Instant
  readonly send: (to: PeerId, frame: Uint8Array) => boolean
  /** The peer takes less than it is sent. */
  readonly overflow: (to: PeerId) => void
}

/**
 * Messages to signed frames, per destination in the order they were given, signed concurrently. What is given to a peer at
 * one moment leaves together.
 */
export class Outbound {
  readonly #parts: OutboundParts
  readonly #lanes = new Map<PeerId, Lane>()

  constructor(parts: OutboundParts) {
    this.#parts = parts
  }

  send(to: PeerId, message: WireMessage): void {
    const lane = this.#lanes.get(to) ?? { underWay: 0, waiting: [], tail: Promise.resolve() }
    if (lane.underWay >= underWayMax) return this.#parts.overflow(to)
    this.#lanes.set(to, lane)
    lane.underWay++
    lane.waiting.push(message)
    if (lane.waiting.length > 1) return
    const made = Promise.resolve().then(() => this.#frames(to, lane.waiting.splice(0)))
    lane.tail = Promise.all([made, lane.tail]).then(([{ count, frames }]) => {
      for (const frame of frames) this.#parts.send(to, frame)
      lane.underWay -= count
      if (lane.underWay === 0 && this.#lanes.get(to) === lane) this.#lanes.delete(to)
    })
  }

  /** Resolves when all that was given so far has been handed to the network. */
  async drained(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => lane.tail))
  }

  async #frames(
    to: PeerId,
    given: readonly WireMessage[],
  ): Promise<{ readonly count: number; readonly frames: readonly Uint8Array[] }> {
    const { networkId, crypto } = this.#parts
    const messages = await Promise.all(given.map((message) => signParts(message, networkId, crypto)))
    const frames = await Promise.all(bundled(messages).map((message) => this.#frame(to, message)))
    return { count: given.length, frames }
  }

  async #frame(to: PeerId, message: WireMessage | Bundle): Promise<Uint8Array> {
    const { networkId, crypto } = this.#parts
    const { type, ...payload } = message
    const id = uuidV4(crypto.randomBytes(16))
    const body = encodeBody({
      version: 1,
      networkId,
      id,
      time: this.#parts.now(),
      sender: crypto.self,
      to,
      type,
      correlationId: id,
      payload,
    })
    const signature = await crypto.sign(envelopeSigningBytes(body))
    return concatBytes(Uint8Array.of(frameKinds.envelope), encodeFrame(body, signature))
  }
}
