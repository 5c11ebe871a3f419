import { type DBSchema, type IDBPDatabase, openDB } from 'idb'
import { databaseName } from '../storage/database-name.ts'
import { IdentityError } from './identity-error.ts'

/** The identity as it is stored: only the private key is secret, and it is encrypted. */
export interface IdentityRecord {
  readonly version: 1
  readonly peerId: string
  readonly publicKey: Uint8Array
  /** ISO 8601, UTC. */
  readonly createdAt: string
  /** What opens the private key. */
  readonly wrapping: { readonly kind: 'deviceKey'; readonly key: CryptoKey }
  /** AES-256-GCM of the private key as PKCS#8. */
  readonly privateKey: { readonly iv: Uint8Array; readonly ciphertext: Uint8Array }
}

interface IdentitySchema extends DBSchema {
  identity: { key: 'current'; value: unknown }
}

const storeName = 'identity'
const databaseVersion = 1

/** The database of one profile's identity. */
export class IdentityDatabase {
  readonly #database: IDBPDatabase<IdentitySchema>

  private constructor(database: IDBPDatabase<IdentitySchema>) {
    this.#database = database
  }

  /** Rejects with IdentityError `StorageUnavailable`, as in a private window of a browser that stores nothing there. */
  static async open(profile: string): Promise<IdentityDatabase> {
    const name = databaseName('identity', profile)
    try {
      const database = await openDB<IdentitySchema>(name, databaseVersion, {
        upgrade: (fresh) => {
          fresh.createObjectStore(storeName)
        },
        // A tab of a later version wants to change the tables: this one steps aside.
        blocking: (_current, _blocked, event) => (event.target as IDBDatabase).close(),
      })
      return new IdentityDatabase(database)
    } catch (error) {
      throw unavailable(error)
    }
  }

  /** What is stored, unchecked: another version or a broken disk may have written it. */
  async read(): Promise<unknown> {
    try {
      return await this.#database.get(storeName, 'current')
    } catch (error) {
      throw unavailable(error)
    }
  }

  /** Resolves to false when there is an identity already: of two tabs that start at once, one comes first. */
  async add(record: IdentityRecord): Promise<boolean> {
    try {
      const transaction = this.#database.transaction(storeName, 'readwrite', { durability: 'strict' })
      const existing = await transaction.store.getKey('current')
      if (existing === undefined) await transaction.store.add(record, 'current')
      await transaction.done
      return existing === undefined
    } catch (error) {
      throw unavailable(error)
    }
  }

  close(): void {
    this.#database.close()
  }
}

function unavailable(cause: unknown): IdentityError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const message = `This browser does not let the page keep its identity (IndexedDB: ${reason}); allow site data for this page, or leave private browsing`
  return new IdentityError('StorageUnavailable', message, cause)
}
