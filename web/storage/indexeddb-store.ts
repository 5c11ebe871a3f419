import { type DBSchema, type IDBPDatabase, openDB } from 'idb'
import {
  type BatchOptions,
  equalValues,
  fencedError,
  type ListOptions,
  type Store,
  type StoreChange,
  type StoreRow,
} from '../../shared/storage/store.ts'
import { checkStoreKey, checkStorePrefix, endOfPrefix } from '../../shared/storage/store-key.ts'
import { DatabaseGuard, databaseError } from './database-guard.ts'
import { databaseName } from './database-name.ts'

interface RowsSchema extends DBSchema {
  rows: { key: string; value: Uint8Array }
}

const storeName = 'rows'
const databaseVersion = 1

/**
 * A tab's store in IndexedDB. A batch is one transaction with `durability: 'strict'`: it resolves when the browser has
 * handed it to the disk. Transactions on one object store run in the order they are made, so a read sees every batch
 * that was asked for before it.
 */
export class IndexedDbStore implements Store {
  readonly consistency = 'strong'
  readonly #database: IDBPDatabase<RowsSchema>
  readonly #name: string
  readonly #guard: DatabaseGuard

  private constructor(name: string, database: IDBPDatabase<RowsSchema>) {
    this.#name = name
    this.#database = database
    this.#guard = new DatabaseGuard(name, () => database.close())
  }

  /** Rejects with a StorageError `OpenFailed` where the browser keeps nothing for the page. */
  static async open(profile: string): Promise<IndexedDbStore> {
    const name = databaseName('store', profile)
    try {
      const database: IDBPDatabase<RowsSchema> = await openDB<RowsSchema>(name, databaseVersion, {
        upgrade: (fresh) => {
          fresh.createObjectStore(storeName)
        },
        // A tab of a later version wants to change the tables: this one steps aside.
        blocking: () => void store.close(),
      })
      const store = new IndexedDbStore(name, database)
      return store
    } catch (error) {
      throw databaseError('OpenFailed', name, error)
    }
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    checkStoreKey(key)
    return this.#guard.run('ReadFailed', () => this.#database.get(storeName, key))
  }

  async list(prefix: string, options: ListOptions = {}): Promise<StoreRow[]> {
    checkStorePrefix(prefix)
    const { from, limit } = options
    if (from !== undefined) checkStorePrefix(from)
    const isAfter = from !== undefined && from >= prefix
    const [start, end] = [isAfter ? from : prefix, endOfPrefix(prefix)]
    // IDBKeyRange refuses a range that nothing can be in, and getAll takes 0 for "no limit".
    if (start >= end || limit === 0) return this.#guard.run('ReadFailed', async () => [])
    return this.#guard.run('ReadFailed', async () => {
      const range = IDBKeyRange.bound(start, end, isAfter, true)
      const transaction = this.#database.transaction(storeName)
      const [keys, values] = await Promise.all([
        transaction.store.getAllKeys(range, limit),
        transaction.store.getAll(range, limit),
      ])
      return keys.map((key, i) => ({ key, value: values[i] ?? new Uint8Array() }))
    })
  }

  async batch(changes: readonly StoreChange[], { fence }: BatchOptions = {}): Promise<void> {
    for (const { key } of changes) checkStoreKey(key)
    if (fence !== undefined) checkStoreKey(fence.key)
    return this.#guard.run('WriteFailed', async () => {
      const transaction = this.#database.transaction(storeName, 'readwrite', { durability: 'strict' })
      try {
        if (fence !== undefined && !equalValues(await transaction.store.get(fence.key), fence.value)) {
          throw fencedError(this.#name, fence)
        }
        const writes = changes.map(({ key, value }) =>
          value === undefined ? transaction.store.delete(key) : transaction.store.put(viewedPart(value), key),
        )
        await Promise.all([...writes, transaction.done])
      } catch (error) {
        transaction.done.catch(() => undefined)
        abort(transaction)
        throw error
      }
    })
  }

  /** Ends what was asked before, then closes the database. */
  close(): Promise<void> {
    return this.#guard.close()
  }
}

/** A change that throws at the call does not end the transaction, and those before it would be committed. */
function abort(transaction: { abort(): void }): void {
  try {
    transaction.abort()
  } catch {
    // It has ended already, by the failure of one of its requests.
  }
}

/** Structured cloning stores the whole buffer behind a view. */
function viewedPart(value: Uint8Array): Uint8Array {
  return value.byteLength === value.buffer.byteLength ? value : new Uint8Array(value)
}
