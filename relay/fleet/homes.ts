import type { PeerId } from '../../shared/kernel/ids.ts'
import { isFenced, type Store } from '../../shared/storage/store.ts'
import { decodeHolder, leaseKey } from '../storage/lease.ts'
import { decodeRow, encodeRow, type Home, homeKey, isTaken, relayLease } from './fleet-rows.ts'
import { readTakeover } from './takeovers.ts'

/** Another relay has it. */
export type Elsewhere =
  | { readonly kind: 'held'; readonly relay: PeerId }
  /** It is silent, and will come back or be taken over from. */
  | { readonly kind: 'pending'; readonly relay: PeerId }

export interface HomesParts {
  /** Shared by the fleet. */
  readonly store: Store
  readonly self: PeerId
  /** Of the lease that this relay's own rows are written behind. */
  readonly token: number
  /** Whether the relay shows that it lives. */
  readonly isAlive: (peer: PeerId) => boolean
  /** In ms; never goes back. */
  readonly clock?: () => number
}

interface Found {
  readonly home: Home | undefined
  readonly value: Uint8Array | undefined
}

/** Whoever wants the same job at the same moment tries again so often at most. */
const triesMax = 8
/** Jobs known to be at home here. */
const ownMax = 100_000
/** What was claimed so long ago, in ms, has its first task on record, or never gets one. */
const claimMs = 120_000
/** Claims remembered of that time; when there are more, no home is given up. */
const claimedMax = 200_000

/**
 * Which relay has a job. It has one home at any time, told before its first task is accepted: of two relays that are
 * handed the same job one takes it, and the other says where it is. A job that is taken over is at home with its taker
 * when all of it is there, and until then nowhere.
 */
export class Homes {
  readonly #parts: HomesParts
  readonly #own = new Set<string>()
  /** Claimed a moment ago: their first task may be about to come. What is older than `claimMs` goes with time. */
  #claimed = new Set<string>()
  #claimedBefore: ReadonlySet<string> = new Set<string>()
  #claimedSince: number

  constructor(parts: HomesParts) {
    this.#parts = parts
    this.#claimedSince = this.#now
  }

  /** Where a job is, or a task without one; `undefined` when it is here, or no relay has it. */
  async find(id: string): Promise<Elsewhere | undefined> {
    if (this.#own.has(id)) return undefined
    return await this.#elsewhere(await this.#look(id))
  }

  /** Makes this relay the home of a job, or a task without one; else says whose it is. */
  async claim(id: string): Promise<Elsewhere | undefined> {
    const { self, token, store } = this.#parts
    const key = homeKey(id)
    this.#turn()
    if (this.#claimed.size < claimedMax) this.#claimed.add(id)
    for (let tries = 1; !this.#own.has(id); tries++) {
      const found = await this.#look(id)
      const elsewhere = await this.#elsewhere(found)
      if (elsewhere !== undefined) return elsewhere
      if (!this.#isOurs(found)) {
        const fence = { key, value: found.value }
        try {
          await store.batch([{ key, value: encodeRow({ relay: self, token }) }], { fence })
        } catch (error) {
          if (isFenced(error) && tries < triesMax) continue
          throw error
        }
      }
      this.#note(id)
    }
    return undefined
  }

  /**
   * Gives up a home that nothing is left of, as it stands in `value`. Of this relay's own, what was just claimed stays.
   * False where it stays.
   */
  async giveUp(id: string, value: Uint8Array): Promise<boolean> {
    this.#turn()
    const claims = [this.#claimed, this.#claimedBefore]
    if (claims.some((ids) => ids.has(id) || ids.size >= claimedMax)) return false
    this.#own.delete(id)
    const key = homeKey(id)
    try {
      // Who claims it from here on reads after this.
      await this.#parts.store.batch([{ key, value: undefined }], { fence: { key, value } })
      return true
    } catch (error) {
      if (isFenced(error)) return false
      throw error
    }
  }

  get #now(): number {
    return (this.#parts.clock ?? (() => performance.now()))()
  }

  #turn(): void {
    const passedMs = this.#now - this.#claimedSince
    if (passedMs < claimMs) return
    this.#claimedBefore = passedMs < 2 * claimMs ? this.#claimed : new Set()
    this.#claimed = new Set()
    this.#claimedSince = this.#now
  }

  #note(id: string): void {
    if (this.#own.size >= ownMax) this.#own.clear()
    this.#own.add(id)
  }

  async #look(id: string): Promise<Found> {
    const value = await this.#parts.store.get(homeKey(id))
    return { value, home: value && decodeRow<Home>(value) }
  }

  #isOurs({ home }: Found): boolean {
    return home?.relay === this.#parts.self && home.token === this.#parts.token
  }

  async #elsewhere({ home }: Found): Promise<Elsewhere | undefined> {
    const { store, self, isAlive } = this.#parts
    if (home === undefined || home.relay === self) return undefined
    const { relay } = home
    // In this order: a relay that nobody has the lease of and that is then not on the stack has been taken over to the end.
    const lease = await store.get(leaseKey(relayLease(relay)))
    const isHeld = lease !== undefined && decodeHolder(lease).owner !== null
    if (isHeld) return { kind: isAlive(relay) ? 'held' : 'pending', relay }
    const { row } = await readTakeover(store)
    return isTaken(row, relay) ? { kind: 'pending', relay } : undefined
  }
}
