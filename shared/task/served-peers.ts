import type { Instant, PeerId } from '../kernel/ids.ts'
import type { Task } from './task.ts'

export interface ServedPeersLimits {
  readonly coordinatorsMax: number
  readonly guestsMax: number
}

/**
 * Whom a worker works for: relays that this node dialled, which may hand out anybody's tasks, and guests: submitters that
 * coordinate their own tasks, since they reach no relay.
 *
 * Invariant: a guest's work is taken only while there is no relay, and only if it is the guest's own.
 */
export class ServedPeers {
  readonly #limits: ServedPeersLimits
  readonly #coordinators = new Set<PeerId>()
  readonly #guests = new Set<PeerId>()
  /** When each one was lost of which work may still be held. */
  readonly #lostAt = new Map<PeerId, Instant>()

  constructor(limits: ServedPeersLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#coordinators.size + this.#guests.size
  }

  has(peer: PeerId): boolean {
    return this.#coordinators.has(peer) || this.#guests.has(peer)
  }

  *all(): Iterable<PeerId> {
    yield* this.#coordinators
    yield* this.#guests
  }

  guests(): Iterable<PeerId> {
    return this.#guests
  }

  /** Whether more of its work may be taken. */
  takesFrom(peer: PeerId): boolean {
    return this.#coordinators.has(peer) || (this.#guests.has(peer) && this.#coordinators.size === 0)
  }

  mayAssign(peer: PeerId, task: Task): boolean {
    return this.#coordinators.has(peer) || (this.takesFrom(peer) && task.submitter === peer)
  }

  relayUp(peer: PeerId): void {
    if (this.#coordinators.size < this.#limits.coordinatorsMax) this.#coordinators.add(peer)
    this.#guests.delete(peer)
    this.#lostAt.delete(peer)
  }

  /** False when it is not served: there is a relay, or no room. `isIdle` tells who has nothing here. */
  invited(peer: PeerId, isIdle: (guest: PeerId) => boolean): boolean {
    if (this.#coordinators.size > 0) return false
    if (!this.#guests.has(peer) && this.#guests.size >= this.#limits.guestsMax) {
      const idle = [...this.#guests].find(isIdle)
      if (idle === undefined) return false
      this.#guests.delete(idle)
    }
    this.#guests.add(peer)
    this.#lostAt.delete(peer)
    return true
  }

  lost(peer: PeerId, now: Instant): void {
    if (this.#coordinators.delete(peer) || this.#guests.delete(peer)) this.#lostAt.set(peer, now)
  }

  /** With a relay here again, guests that have nothing here are let go. */
  forgetIdleGuests(isIdle: (guest: PeerId) => boolean): void {
    if (this.#coordinators.size === 0) return
    for (const guest of this.#guests) if (isIdle(guest)) this.#guests.delete(guest)
  }

  /** Those lost up to then; they are forgotten. */
  takeLongLost(until: Instant): PeerId[] {
    const gone = [...this.#lostAt].filter(([, lostAt]) => lostAt <= until).map(([peer]) => peer)
    for (const peer of gone) this.#lostAt.delete(peer)
    return gone
  }
}
