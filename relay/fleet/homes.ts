import type { PeerId } from '../../shared/kernel/ids.ts'
import { StorageError, type Store } from '../../shared/storage/store.ts'
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
}

interface Found {
  readonly home: Home | undefined
  readonly value: Uint8Array | undefined
}

/** Whoever wants the same job at the same moment tries again so often at most. */
const triesMax = 8
/** Jobs known to be at home here. */
const ownMax = 100_000

/**
 * Which relay has a job. It has one home at any time, told before its first task is accepted: of two relays that are
 * handed the same job one takes it, and the other says where it is. A job that is taken over is at home with its taker
 * when all of it is there, and until then nowhere.
 */
export class Homes {
  readonly #parts: HomesParts
  readonly #own = new Set<string>()

  constructor(parts: HomesParts) {
    this.#parts = parts
  }

  /** Where a job is, or a task without one; `undefined` when it is here, or no relay has it. */
  async find(id: string): Promise<Elsewhere | undefined> {
    if (this.#own.has(id)) return undefined
    const found = await this.#look(id)
    if (this.#isOurs(found)) this.#note(id)
    return await this.#elsewhere(found)
  }

  /** Makes this relay the home of a job, or a task without one; else says whose it is. */
  async claim(id: string): Promise<Elsewhere | undefined> {
    const { self, token, store } = this.#parts
    const key = homeKey(id)
    for (let tries = 1; !this.#own.has(id); tries++) {
      const found = await this.#look(id)
      const elsewhere = await this.#elsewhere(found)
      if (elsewhere !== undefined) return elsewhere
      if (!this.#isOurs(found)) {
        const fence = { key, value: found.value }
        try {
          await store.batch([{ key, value: encodeRow({ relay: self, token }) }], { fence })
        } catch (error) {
          if (error instanceof StorageError && error.code === 'Fenced' && tries < triesMax) continue
          throw error
        }
      }
      this.#note(id)
    }
    return undefined
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
