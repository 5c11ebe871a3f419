import type {
  BatchOptions,
  ListOptions,
  ReadOptions,
  Store,
  StoreChange,
  StoreRow,
} from '../../shared/storage/store.ts'
import type { DirectoryLock } from './directory-lock.ts'
import { Lease } from './lease.ts'

/** A holder that was silent for so long may be taken over from. */
const leaseMs = 15_000
const renewMs = 5_000

export interface OwnedStoreInit {
  /** Shared with other relays. */
  readonly store: Store
  /** Whose rows: they are under `relay/<owner>/`. */
  readonly owner: string
  /** Given back when the store is closed. */
  readonly lock: DirectoryLock
  /** Called when another has taken over, or the lease could not be kept. */
  readonly lost: (error: unknown) => void
}

/** One relay's rows in a store that several share. Every write is behind the relay's lease. */
export class OwnedStore implements Store {
  readonly consistency
  readonly #store: Store
  readonly #prefix: string
  readonly #lease: Lease
  readonly #lock: DirectoryLock
  readonly #timer: NodeJS.Timeout
  #renewing: Promise<void> = Promise.resolve()

  private constructor({ store, owner, lock, lost }: OwnedStoreInit, lease: Lease) {
    this.#store = store
    this.consistency = store.consistency
    this.#prefix = `relay/${owner}/`
    this.#lease = lease
    this.#lock = lock
    this.#timer = setInterval(() => {
      this.#renewing = this.#renewing.then(() => lease.renew()).catch(lost)
    }, renewMs)
  }

  /** `undefined`: another process has taken over the rows of this owner. */
  static async open(init: OwnedStoreInit): Promise<OwnedStore | undefined> {
    const lease = await Lease.acquire(init.store, `relay/${init.owner}`, init.owner, leaseMs)
    return lease && new OwnedStore(init, lease)
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

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#renewing
    await this.#store.close()
    this.#lock.release()
  }
}
