import type { PeerId } from '../kernel/ids.ts'

/** Between two dials of a peer, in ms. */
const gapMs = 10_000
const peersMax = 1_000

/**
 * Holds back what libp2p's services dial by themselves: when a relay goes, the DHT and the search for relays would dial it
 * some twenty times in the first second, each tab of a network of thousands. They are made to wait; refused, they would
 * try again at once. Our own dials have a pace of their own.
 */
export class DialPace {
  readonly #ours = new Map<PeerId, number>()
  readonly #dialledAt = new Map<PeerId, number>()
  /** Those that wait for a peer: libp2p has a second dial join the first, so that ours must not be held up by theirs. */
  readonly #waiting = new Map<PeerId, Set<() => void>>()

  /** While `dialling` goes on, the peer may be dialled at once. */
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

  /** Resolves when a peer that is not connected may be dialled. */
  async turn(peer: PeerId): Promise<void> {
    const dueMs = (this.#dialledAt.get(peer) ?? -gapMs) + gapMs - performance.now()
    if (dueMs > 0 && !this.#ours.has(peer)) await this.#wait(peer, dueMs)
    this.#dialledAt.delete(peer)
    this.#dialledAt.set(peer, performance.now())
    if (this.#dialledAt.size > peersMax) this.#dialledAt.delete(this.#dialledAt.keys().next().value!)
  }

  async #wait(peer: PeerId, ms: number): Promise<void> {
    const waiting = this.#waiting.get(peer) ?? new Set()
    this.#waiting.set(peer, waiting)
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, ms)
    waiting.add(resolve)
    await promise
    clearTimeout(timer)
    waiting.delete(resolve)
    if (waiting.size === 0) this.#waiting.delete(peer)
  }
}
