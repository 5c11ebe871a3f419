import { decodeCanonical, encodeCanonical } from '../../shared/kernel/codec.ts'
import type {
  BatchOptions,
  Consistency,
  ListOptions,
  ReadOptions,
  Store,
  StoreChange,
  StoreRow,
} from '../../shared/storage/store.ts'

/** Not a row of any machine. */
const savedAtKey = 'host/savedAt'

/** OPS-01: a store that knows when it was last written to, whatever it is on: the time stands in a row of every batch. */
export class StampedStore implements Store {
  readonly consistency: Consistency
  /** The last batch of the runs before this one, in Unix milliseconds; `undefined` when there was none. */
  readonly savedAt: number | undefined
  readonly #store: Store
  readonly #clock: () => number

  private constructor(store: Store, savedAt: number | undefined, clock: () => number) {
    this.consistency = store.consistency
    this.savedAt = savedAt
    this.#store = store
    this.#clock = clock
  }

  static async open(store: Store, clock: () => number = Date.now): Promise<StampedStore> {
    const row = await store.get(savedAtKey)
    return new StampedStore(store, row && timeIn(row), clock)
  }

  get(key: string, options?: ReadOptions): Promise<Uint8Array | undefined> {
    return this.#store.get(key, options)
  }

  list(prefix: string, options?: ListOptions): Promise<StoreRow[]> {
    return this.#store.list(prefix, options)
  }

  batch(changes: readonly StoreChange[], options?: BatchOptions): Promise<void> {
    const stamp = { key: savedAtKey, value: encodeCanonical(this.#clock()) }
    return this.#store.batch([...changes, stamp], options)
  }

  close(): Promise<void> {
    return this.#store.close()
  }
}

function timeIn(row: Uint8Array): number | undefined {
  const time = decodeCanonical(row)
  return typeof time === 'number' ? time : undefined
}
