import type {
  BatchOptions,
  ListOptions,
  ReadOptions,
  Store,
  StoreChange,
  StoreRow,
} from '../../shared/storage/store.ts'
import type { Lease } from './lease.ts'

/** A holder shows so many times in a lease that it lives. */
const beatsPerLease = 3

export interface OwnedStoreInit {
  /** Shared with others. */
  readonly store: Store
  /** Keys of the rows begin with it: `relay/<peer id>/`. */
  readonly prefix: string
  readonly lease: Lease
  /** Leaves the shared store, as the last step of `close`. */
  readonly leave: () => Promise<void>
  /** Called when another has taken over, or the lease could not be kept. */
  readonly lost: (error: unknown) => void
}

/** One node's rows in a store that several share. Every write is behind the node's lease. */
export class OwnedStore implements Store {
  readonly consistency
  readonly #store: Store
  readonly #prefix: string
  readonly #lease: Lease
  readonly #leave: () => Promise<void>
  readonly #lost: (error: unknown) => void
  readonly #timer: NodeJS.Timeout
  #renewing: Promise<void> | undefined
  #isClosed = false
  #isLost = false

  constructor({ store, prefix, lease, leave, lost }: OwnedStoreInit) {
    this.#store = store
    this.consistency = store.consistency
    this.#prefix = prefix
    this.#lease = lease
    this.#leave = leave
    this.#lost = lost
    this.#timer = setInterval(() => void this.#renew(), lease.leaseMs / beatsPerLease)
  }

  get(key: string, options?: ReadOptions): Promise<Uint8Array | undefined> {
    return this.#store.get(this.#prefix + key, options)
  }

  async list(prefix: string, options: ListOptions = {}): Promise<StoreRow[]> {
    const { from, ...rest } = options
    const inside = from === undefined ? rest : { ...rest, from: this.#prefix + from }
    const rows = await this.#store.list(this.#prefix + prefix, inside)
    return rows.map(({ key, value }) => ({ key: key.slice(this.#prefix.length), value }))
  }

  async batch(changes: readonly StoreChange[], options: BatchOptions = {}): Promise<void> {
    if (options.fence !== undefined) throw new RangeError('An owned store has its own fence')
    const inside = changes.map(({ key, value }) => ({ key: this.#prefix + key, value }))
    await this.#store.batch(inside, { ...options, fence: this.#lease.fence })
  }

  /** Whether what this node says now is still its to say: by its own clocks nobody can have taken over. */
  get isSure(): boolean {
    return this.#lease.isSure
  }

  /** Resolves when it is sure again; never where the lease is lost, since this node is about to end then. */
  async assured(): Promise<void> {
    while (!this.isSure) {
      await this.#renew()
      if (this.#isLost) await new Promise<never>(() => undefined)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#timer)
    await this.#renewing
    // Who has been taken over from, or cannot reach the store, has no last word.
    await this.#lease.end().catch(() => undefined)
    await this.#leave()
  }

  /** One at a time. A failure is told once, and is the end of this node. */
  #renew(): Promise<void> {
    this.#renewing ??= this.#lease
      .renew()
      .catch((error: unknown) => {
        if (this.#isClosed || this.#isLost) return
        this.#isLost = true
        clearInterval(this.#timer)
        this.#lost(error)
      })
      .finally(() => {
        this.#renewing = undefined
      })
    return this.#renewing
  }
}
