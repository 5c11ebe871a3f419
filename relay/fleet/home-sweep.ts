import type { JobId, PeerId, TaskId } from '../../shared/kernel/ids.ts'
import type { Store, StoreRow } from '../../shared/storage/store.ts'
import { finishedPrefix, rowKeys } from '../../shared/task/coordinator-rows.ts'
import { decodeHolder, leaseKey } from '../storage/lease.ts'
import { decodeRow, type Home, homeKey, isTaken, relayLease, relayPrefix } from './fleet-rows.ts'
import type { Homes } from './homes.ts'
import { readTakeover } from './takeovers.ts'

export interface HomeSweepParts {
  /** Shared by the fleet. */
  readonly store: Store
  readonly self: PeerId
  readonly homes: Homes
}

const rowsAtOnce = 500
/** Looked at in one sweep; the next goes on behind them. */
const looksMax = 20_000

/**
 * Homes are claimed before the first task of a job and outlive its last: what the archive has taken, and what was claimed
 * and then refused, leaves one behind. A relay gives up those of its own that it has nothing of, and those of relays that were
 * taken over from to the end, whose other homes have moved.
 */
export class HomeSweep {
  readonly #parts: HomeSweepParts
  #from: string | undefined

  constructor(parts: HomeSweepParts) {
    this.#parts = parts
  }

  /** Resolves to how many went. */
  async sweep(): Promise<number> {
    let gone = 0
    for (let looks = 0; looks < looksMax; looks += rowsAtOnce) {
      const from = this.#from === undefined ? {} : { from: this.#from }
      const rows = await this.#parts.store.list(homeKey(''), { ...from, limit: rowsAtOnce })
      for (const row of rows) if (await this.#mayGo(row)) gone++
      this.#from = rows.length < rowsAtOnce ? undefined : rows.at(-1)!.key
      if (this.#from === undefined) break
    }
    return gone
  }

  async #mayGo({ key, value }: StoreRow): Promise<boolean> {
    const { self, homes } = this.#parts
    const id = key.slice(homeKey('').length)
    const { relay } = decodeRow<Home>(value)
    const isEmpty = relay === self ? !(await this.#hasAny(id)) : await this.#isOver(relay)
    return isEmpty && (await homes.giveUp(id, value))
  }

  /** Whether this relay has anything of a job, or of a task without one. */
  async #hasAny(id: string): Promise<boolean> {
    const { store, self } = this.#parts
    const own = relayPrefix(self)
    if ((await store.get(own + rowKeys.job(id as JobId))) !== undefined) return true
    if ((await store.get(own + rowKeys.submission(id as TaskId))) !== undefined) return true
    return (await store.list(own + finishedPrefix(id), { limit: 1 })).length > 0
  }

  /** In this order: of whom nobody has the lease, and who is then not on the stack, all has been taken. */
  async #isOver(relay: PeerId): Promise<boolean> {
    const { store } = this.#parts
    const lease = await store.get(leaseKey(relayLease(relay)))
    if (lease !== undefined && decodeHolder(lease).owner !== null) return false
    const { row } = await readTakeover(store)
    return !isTaken(row, relay)
  }
}
