import { type DBSchema, type IDBPDatabase, openDB } from 'idb'
import { toHex } from '../../shared/kernel/bytes.ts'
import type { Hash } from '../../shared/kernel/ids.ts'
import {
  BlobBudget,
  type BlobLimits,
  type BlobStore,
  defaultBlobLimits,
  isHash,
} from '../../shared/storage/blob-store.ts'
import { DatabaseGuard, databaseError } from './database-guard.ts'
import { databaseName } from './database-name.ts'

interface BlobSchema extends DBSchema {
  blobs: { key: string; value: Uint8Array }
  /** Sizes apart from the blobs, so that counting reads none of them. */
  sizes: { key: string; value: number }
}

/** 512 MiB: what a tab gives to blobs unless told otherwise. */
const totalBytesMax = 512 * 2 ** 20
const databaseVersion = 1

/** Blobs of a tab in IndexedDB, durable when `put` resolves. One page owns the database. */
export class BlobIdb implements BlobStore {
  readonly #database: IDBPDatabase<BlobSchema>
  readonly #budget: BlobBudget
  readonly #guard: DatabaseGuard

  private constructor(name: string, database: IDBPDatabase<BlobSchema>, budget: BlobBudget) {
    this.#database = database
    this.#budget = budget
    this.#guard = new DatabaseGuard(name, () => database.close())
  }

  /** Rejects with a StorageError `OpenFailed` where the browser keeps nothing for the page. */
  static async open(
    profile: string,
    limits: BlobLimits = { ...defaultBlobLimits, totalBytesMax },
  ): Promise<BlobIdb> {
    const name = databaseName('blobs', profile)
    try {
      const database: IDBPDatabase<BlobSchema> = await openDB<BlobSchema>(name, databaseVersion, {
        upgrade: (fresh) => {
          fresh.createObjectStore('blobs')
          fresh.createObjectStore('sizes')
        },
        // A tab of a later version wants to change the tables: this one steps aside.
        blocking: () => void store.close(),
      })
      const sizes = await database.getAll('sizes')
      const usedBytes = sizes.reduce((total, size) => total + size, 0)
      const store = new BlobIdb(name, database, new BlobBudget(limits, usedBytes))
      return store
    } catch (error) {
      throw databaseError('OpenFailed', name, error)
    }
  }

  async get(hash: Hash): Promise<Uint8Array | undefined> {
    checkHash(hash)
    const bytes = await this.#guard.run('ReadFailed', () => this.#database.get('blobs', hash))
    if (bytes === undefined || (await hashOf(bytes)) === hash) return bytes
    await this.delete(hash)
    return undefined
  }

  async put(bytes: Uint8Array): Promise<Hash> {
    const blob = new Uint8Array(bytes)
    const hash = await hashOf(blob)
    if (await this.has(hash)) return hash
    this.#budget.reserve(blob.length)
    let isNew = false
    try {
      await this.#guard.run('WriteFailed', async () => {
        const transaction = this.#database.transaction(['blobs', 'sizes'], 'readwrite', {
          durability: 'strict',
        })
        const sizes = transaction.objectStore('sizes')
        const isThere = (await sizes.getKey(hash)) !== undefined
        if (!isThere) {
          await Promise.all([transaction.objectStore('blobs').put(blob, hash), sizes.put(blob.length, hash)])
        }
        await transaction.done
        isNew = !isThere
      })
    } finally {
      if (!isNew) this.#budget.release(blob.length)
    }
    return hash
  }

  async has(hash: Hash): Promise<boolean> {
    checkHash(hash)
    return (await this.#guard.run('ReadFailed', () => this.#database.getKey('sizes', hash))) !== undefined
  }

  async delete(hash: Hash): Promise<void> {
    checkHash(hash)
    await this.#guard.run('WriteFailed', async () => {
      const transaction = this.#database.transaction(['blobs', 'sizes'], 'readwrite', {
        durability: 'strict',
      })
      const size = await transaction.objectStore('sizes').get(hash)
      await Promise.all([
        transaction.objectStore('blobs').delete(hash),
        transaction.objectStore('sizes').delete(hash),
        transaction.done,
      ])
      this.#budget.release(size ?? 0)
    })
  }

  close(): Promise<void> {
    return this.#guard.close()
  }
}

async function hashOf(bytes: Uint8Array): Promise<Hash> {
  return toHex(
    new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)),
  ) as Hash
}

function checkHash(hash: Hash): void {
  if (!isHash(hash)) throw new RangeError('a blob is named by 64 lowercase hex digits')
}
