import type { PeerId } from '../../shared/kernel/ids.ts'
import type { Store } from '../../shared/storage/store.ts'
import { decodeHolder, type Holder, leasePrefix, saysEnded } from '../storage/lease.ts'
import { relayLease } from './fleet-rows.ts'

interface Seen {
  readonly holder: Holder
  readonly value: Uint8Array
  /** Both rows as text. */
  readonly mark: string
  readonly hasEnded: boolean
  /** Since when the mark is known, by our own clock. */
  readonly since: number
  /** Whether it was the same for the whole of the holder's lease. */
  readonly isSilent: boolean
}

/** What is known of one relay's lease, as it was at the last look. */
export interface LeaseState {
  /**
   * `alive` shows that it lives, or has not been silent for long enough; `silent` was so for its whole lease, or said that
   * it has ended; of `free` nobody has the lease: its rows are taken over, or being so.
   */
  readonly kind: 'alive' | 'silent' | 'free'
  readonly token: number
  readonly silentMs: number
}

const leases = `${leasePrefix}${relayLease('' as PeerId)}`
/** Of the shortest lease: who has not looked for so long may not say how long anybody was silent. */
const gapShare = 0.5

/**
 * Watches the leases of the relays of a fleet. No clock but the own is asked: a relay is silent when its row is the same
 * at looks that are its whole lease apart, with looks in between. A watcher that was away itself, or could not reach the
 * store, begins anew.
 */
export class LeaseWatch {
  readonly #store: Store
  readonly #clock: () => number
  #seen: ReadonlyMap<PeerId, Seen> = new Map()
  #lookedAt: number | undefined

  /** `clock` is in ms and never goes back. */
  constructor(store: Store, clock: () => number = () => performance.now()) {
    this.#store = store
    this.#clock = clock
  }

  async look(): Promise<void> {
    const asked = this.#clock()
    const rows = await this.#store.list(leases)
    const answered = this.#clock()
    const alive = new Map(rows.map(({ key, value }) => [key, new TextDecoder().decode(value)]))
    const seen = new Map<PeerId, Seen>()
    const gapMs = asked - (this.#lookedAt ?? asked)
    for (const { key, value } of rows) {
      const peer = key.slice(leases.length) as PeerId
      if (peer.includes('/')) continue
      const shown = alive.get(`${key}/alive`) ?? ''
      const holder = decodeHolder(value)
      const mark = `${alive.get(key)} ${shown}`
      const before = this.#seen.get(peer)
      const isSame = before?.mark === mark && gapMs <= gapShare * holder.leaseMs
      const since = isSame ? before.since : answered
      const isSilent = asked - since >= holder.leaseMs
      seen.set(peer, { holder, value, mark, hasEnded: saysEnded(shown, holder), since, isSilent })
    }
    this.#seen = seen
    this.#lookedAt = answered
  }

  /** Every relay that ever had a lease. */
  relays(): PeerId[] {
    return [...this.#seen.keys()]
  }

  state(peer: PeerId): LeaseState {
    const seen = this.#seen.get(peer)
    if (seen === undefined) return { kind: 'free', token: 0, silentMs: 0 }
    const { owner, token } = seen.holder
    const isAlive = !seen.isSilent && !seen.hasEnded
    const silentMs = this.#clock() - seen.since
    return { kind: owner === null ? 'free' : isAlive ? 'alive' : 'silent', token, silentMs }
  }

  /** How often to look, for the shortest lease there is. */
  get everyMs(): number {
    const shortest = Math.min(longestMs, ...[...this.#seen.values()].map(({ holder }) => holder.leaseMs))
    return shortest * lookShare
  }
}

const lookShare = 1 / 5
const longestMs = 15_000
