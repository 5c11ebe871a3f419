import type { PeerId } from '../kernel/ids.ts'
import { Slots } from './slots.ts'

export interface UpgradeOwner {
  /** The address the peer is reached at through a relay; `undefined` when it is down or direct by now. */
  relayedAddress(peer: PeerId): string | undefined
  /** Dials the peer by WebRTC; resolves once the connection stands. */
  dialDirect(peer: PeerId, address: string): Promise<void>
}

/**
 * Pauses before the next try, in milliseconds, the last one for ever. The first are short: most of what goes wrong is a
 * busy machine or two ends that begin at once, and goes right the next time.
 */
const pausesMs = [500, 2_000, 10_000, 60_000, 120_000, 240_000, 480_000, 600_000] as const
/** Each try makes an RTCPeerConnection; more at once only slow one another down. */
const triesAtATime = 3
/**
 * Chrome lets a process make 500 RTCPeerConnections in its life, and those that failed count (js-libp2p#2591). The rest
 * is left to dials that succeed and to those of others.
 */
const failuresMax = 150

/**
 * Turns relayed links into direct ones. It is asked only at the end that opens streams, so that two ends never try at
 * once.
 */
export class DirectUpgrade {
  readonly #owner: UpgradeOwner
  readonly #slots = new Slots(triesAtATime)
  readonly #trying = new Set<PeerId>()
  readonly #later = new Map<PeerId, ReturnType<typeof setTimeout>>()
  readonly #failedRounds = new Map<PeerId, number>()
  #failures = 0
  #stopped = false

  constructor(owner: UpgradeOwner) {
    this.#owner = owner
  }

  /** The peer is reached by a relay just now. */
  wanted(peer: PeerId): void {
    if (this.#stopped || this.#trying.has(peer) || this.#later.has(peer)) return
    this.#trying.add(peer)
    void this.#try(peer)
  }

  /** The peer is direct, or gone. */
  settled(peer: PeerId): void {
    clearTimeout(this.#later.get(peer))
    this.#later.delete(peer)
    this.#failedRounds.delete(peer)
  }

  stop(): void {
    this.#stopped = true
    for (const timer of this.#later.values()) clearTimeout(timer)
    this.#later.clear()
  }

  async #try(peer: PeerId): Promise<void> {
    const done = await this.#slots.run(() => this.#tryOnce(peer))
    this.#trying.delete(peer)
    if (done || this.#stopped || this.#owner.relayedAddress(peer) === undefined) return
    const round = this.#failedRounds.get(peer) ?? 0
    this.#failedRounds.set(peer, round + 1)
    const pause = pausesMs[Math.min(round, pausesMs.length - 1)]
    const timer = setTimeout(() => {
      this.#later.delete(peer)
      this.wanted(peer)
    }, pause)
    this.#later.set(peer, timer)
  }

  async #tryOnce(peer: PeerId): Promise<boolean> {
    const address = this.#owner.relayedAddress(peer)
    if (address === undefined || this.#stopped) return true
    if (this.#failures >= failuresMax) return false
    try {
      await this.#owner.dialDirect(peer, address)
      return true
    } catch (error) {
      // It has no WebRTC (a headless node): no connection was made for it, and none will be.
      if (error instanceof Error && error.name === 'UnsupportedProtocolError') return true
      this.#failures++
      return false
    }
  }
}
