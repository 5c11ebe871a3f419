import type { PeerId } from '../kernel/ids.ts'

/** Between two dials of a peer, in ms. */
const gapMs = 10_000
/** Who is refused waits so long first. It is little: the dial has its slot among libp2p's, and its time runs. */
const holdMs = 500
const peersMax = 1_000

/**
 * Says no to what libp2p's services dial by themselves too often: when a relay goes, the DHT and the search for relays dial
 * it some twenty times in the first second, each tab of a network of thousands. Refused at once they would try again two
 * hundred times a second. Our own dials have a pace of their own.
 */
export class DialPace {
  readonly #ours = new Map<PeerId, number>()
  readonly #dialledAt = new Map<PeerId, number>()
  /** Those that wait for a peer: libp2p has a second dial join the first, so that ours must not be refused with theirs. */
  readonly #waiting = new Map<PeerId, Set<() => void>>()

  /** While `dialling` goes on, the peer may be dialled. */
  async ours<T>(peer: PeerId, dialling: () => Promise<T>): Promise<T> {
    this.#ours.set(peer, (this.#ours.get(peer) ?? 0) + 1)
    for (const go of this.#waiting.get(peer) ?? []) go()
    try {
      return await dialling()
    } finally {
      const left = this.#ours.get(peer)! - 1
      if (left > 0) this.#ours.set(peer, left)
      else this.#ours.delete(peer)
    }
  }

  /** Whether a peer that is not connected may be dialled now. */
  async allows(peer: PeerId): Promise<boolean> {
    const isDue = (this.#dialledAt.get(peer) ?? -gapMs) + gapMs <= performance.now()
    if (!isDue && !this.#ours.has(peer)) await this.#hold(peer)
    if (!isDue && !this.#ours.has(peer)) return false
    this.#dialledAt.delete(peer)
    this.#dialledAt.set(peer, performance.now())
    if (this.#dialledAt.size > peersMax) this.#dialledAt.delete(this.#dialledAt.keys().next().value!)
    return true
  }

  async #hold(peer: PeerId): Promise<void> {
    const waiting = this.#waiting.get(peer) ?? new Set()
    this.#waiting.set(peer, waiting)
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, holdMs)
    waiting.add(resolve)
    await promise
    clearTimeout(timer)
    waiting.delete(resolve)
    if (waiting.size === 0) this.#waiting.delete(peer)
  }
}
