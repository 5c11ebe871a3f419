import { toHex } from '../../shared/kernel/bytes.ts'
import type { Hash } from '../../shared/kernel/ids.ts'
import { BlobCatalog, type Evicted } from '../../shared/storage/blob-catalog.ts'
import {
  type BlobDraft,
  type BlobLimits,
  BlobRefusal,
  type BlobStore,
  blobBytesMax,
  checkHash,
  chunkBytesMax,
  type DraftState,
  draftName,
} from '../../shared/storage/blob-store.ts'
import { StorageError } from '../../shared/storage/store.ts'
import {
  allTables,
  type BlobDatabase,
  type DraftRow,
  openBlobDatabase,
  piecesOf,
  readPieces,
  recordsIn,
} from './blob-database.ts'
import { BlobIdbDraft, type IdbDraftHome } from './blob-idb-draft.ts'
import { DatabaseGuard, databaseError } from './database-guard.ts'
import { databaseName } from './database-name.ts'
import { startSha256 } from './running-sha256.ts'

/** A tab gives blobs this share of what the browser gives the site, and no more than so many bytes. */
const quotaShare = 0.2
const totalBytesMax = 512 * 2 ** 20
const durable = { durability: 'strict' } as const

/**
 * Blobs of a tab in IndexedDB, durable when `put` resolves: a cache, which lets go of what was not used for longest.
 * Those over 256 KiB lie in pieces, as they came. One page owns the database.
 */
export class BlobIdb implements BlobStore {
  readonly #name: string
  readonly #database: BlobDatabase
  readonly #catalog: BlobCatalog
  readonly #guard: DatabaseGuard
  readonly #clock: () => number
  readonly #home: IdbDraftHome = {
    append: (name, receivedBytes, bytes) => this.#append(name, receivedBytes, bytes),
    adopt: (name, hash) => this.#adopt(name, hash),
    leave: (name) => this.#catalog.closeDraft(name),
    drop: async (name) => {
      this.#catalog.dropDraft(name)
      await this.#delete([], [name])
    },
  }
  #places = 0

  private constructor(name: string, database: BlobDatabase, catalog: BlobCatalog, clock: () => number) {
    this.#name = name
    this.#database = database
    this.#catalog = catalog
    this.#clock = clock
    this.#guard = new DatabaseGuard(name, () => database.close())
  }

  /**
   * Without `limits`, at most 512 MiB and a fifth of what the browser gives the site. Rejects with a StorageError
   * `OpenFailed` where the browser keeps nothing for the page.
   */
  static async open(profile: string, limits?: BlobLimits, clock: () => number = Date.now): Promise<BlobIdb> {
    const name = databaseName('blobs', profile)
    try {
      const database: BlobDatabase = await openBlobDatabase(name, () => void store.close())
      const { blobs, drafts } = await recordsIn(database)
      const catalog = new BlobCatalog(limits ?? (await tabLimits()), clock, blobs, drafts)
      const store = new BlobIdb(name, database, catalog, clock)
      return store
    } catch (error) {
      throw databaseError('OpenFailed', name, error)
    }
  }

  async get(hash: Hash): Promise<Uint8Array | undefined> {
    checkHash(hash)
    const sizeBytes = this.#catalog.sizeOf(hash) ?? 0
    const bytes = await this.#readRaw(hash, 0, Math.max(1, sizeBytes))
    if (bytes === undefined) return undefined
    if ((await hashOf(bytes)) === hash) {
      this.#catalog.checked(hash)
      await this.#used(hash)
      return bytes
    }
    await this.delete(hash)
    return undefined
  }

  async read(hash: Hash, offset: number, length: number): Promise<Uint8Array | undefined> {
    checkHash(hash)
    if (!this.#catalog.isChecked(hash) && !(await this.#check(hash))) return undefined
    await this.#used(hash)
    return await this.#readRaw(hash, offset, length)
  }

  async put(bytes: Uint8Array): Promise<Hash> {
    const blob = new Uint8Array(bytes)
    const hash = await hashOf(blob)
    if (await this.has(hash)) {
      await this.#used(hash)
      return hash
    }
    await this.#clear(this.#catalog.reserve(blob.length))
    try {
      const isNew = await this.#withRoom(blob.length, () => this.#insert(hash, blob))
      if (isNew) this.#catalog.add(hash, blob.length)
      else this.#catalog.release(blob.length)
    } catch (error) {
      this.#catalog.release(blob.length)
      throw error
    }
    return hash
  }

  async has(hash: Hash): Promise<boolean> {
    return (await this.sizeOf(hash)) !== undefined
  }

  async sizeOf(hash: Hash): Promise<number | undefined> {
    checkHash(hash)
    return await this.#guard.run('ReadFailed', () => this.#database.get('sizes', hash))
  }

  async delete(hash: Hash): Promise<void> {
    checkHash(hash)
    await this.#delete([hash], [])
    this.#catalog.remove(hash)
  }

  async draftOf(hash: Hash, owner: string): Promise<DraftState | undefined> {
    const draft = this.#catalog.draft(draftName(hash, owner))
    return draft && { totalBytes: draft.totalBytes, receivedBytes: draft.receivedBytes }
  }

  async draft(hash: Hash, totalBytes: number, owner: string): Promise<BlobDraft> {
    const name = draftName(hash, owner)
    await this.#clear(this.#catalog.openDraft(name, totalBytes), name)
    try {
      const { receivedBytes } = this.#catalog.draft(name)!
      const row = await this.#draftRow(name, totalBytes, receivedBytes)
      const sha256 = await startSha256()
      for (let at = 0; at < receivedBytes; at += chunkBytesMax) {
        const length = Math.min(chunkBytesMax, receivedBytes - at)
        sha256.update(await readPieces(this.#database, row.place, at, length))
      }
      return new BlobIdbDraft(name, hash, totalBytes, receivedBytes, sha256, this.#home)
    } catch (error) {
      this.#catalog.closeDraft(name)
      throw error
    }
  }

  pin(hash: Hash): () => void {
    return this.#catalog.pin(hash)
  }

  protect(inUse: () => Iterable<Hash>): void {
    this.#catalog.protect(inUse)
  }

  async sweep(unusedMs: number, deletionsMax: number): Promise<number> {
    const blobs = this.#catalog.takeUnused(unusedMs, deletionsMax)
    await this.#clear({ blobs, drafts: this.#catalog.expireDrafts() })
    return blobs.length
  }

  close(): Promise<void> {
    return this.#guard.close()
  }

  // ——— reading ———

  async #readRaw(hash: Hash, offset: number, length: number): Promise<Uint8Array | undefined> {
    return await this.#guard.run('ReadFailed', async () => {
      const place = await this.#database.get('places', hash)
      if (place !== undefined) return await readPieces(this.#database, place, offset, length)
      const whole = await this.#database.get('blobs', hash)
      return whole === undefined ? undefined : whole.slice(offset, offset + length)
    })
  }

  /** Whether the copy is there and right; a damaged one is removed. */
  async #check(hash: Hash): Promise<boolean> {
    const sizeBytes = this.#catalog.sizeOf(hash)
    if (sizeBytes === undefined) return false
    const sha256 = await startSha256()
    for (let at = 0; at < sizeBytes; at += chunkBytesMax) {
      const bytes = await this.#readRaw(hash, at, chunkBytesMax)
      if (bytes !== undefined) sha256.update(bytes)
    }
    const isRight = sha256.digest() === hash
    if (isRight) this.#catalog.checked(hash)
    else await this.delete(hash)
    return isRight
  }

  async #used(hash: Hash): Promise<void> {
    if (!this.#catalog.touch(hash)) return
    const noted = this.#guard.run('WriteFailed', () => this.#database.put('used', this.#clock(), hash))
    // For want of it the blob only counts as used longer ago.
    await noted.catch(() => undefined)
  }

  // ——— writing ———

  /** Whether it was not there before. */
  async #insert(hash: Hash, blob: Uint8Array): Promise<boolean> {
    const transaction = this.#database.transaction([...allTables], 'readwrite', durable)
    const sizes = transaction.objectStore('sizes')
    const isThere = (await sizes.getKey(hash)) !== undefined
    if (!isThere) {
      await Promise.all([
        sizes.put(blob.length, hash),
        transaction.objectStore('used').put(this.#clock(), hash),
        ...(blob.length <= chunkBytesMax
          ? [transaction.objectStore('blobs').put(blob, hash)]
          : this.#inPieces(hash, blob).map(([key, piece]) =>
              transaction.objectStore('pieces').put(piece, key),
            )),
        ...(blob.length <= chunkBytesMax ? [] : [transaction.objectStore('places').put(hash, hash)]),
      ])
    }
    await transaction.done
    return !isThere
  }

  #inPieces(hash: Hash, blob: Uint8Array): [[string, number], Uint8Array][] {
    const pieces: [[string, number], Uint8Array][] = []
    for (let at = 0; at < blob.length; at += chunkBytesMax) {
      pieces.push([[hash, at], blob.slice(at, at + chunkBytesMax)])
    }
    return pieces
  }

  async #draftRow(name: string, totalBytes: number, receivedBytes: number): Promise<DraftRow> {
    const there = await this.#guard.run('ReadFailed', () => this.#database.get('drafts', name))
    if (there?.totalBytes === totalBytes && there.receivedBytes === receivedBytes) return there
    if (there !== undefined) await this.#delete([], [name])
    // No place is used twice: what is being deleted under the same name must not meet what comes.
    const place = `${name}/${this.#clock()}-${this.#places++}`
    const row = { totalBytes, receivedBytes: 0, usedAt: this.#clock(), place }
    await this.#guard.run('WriteFailed', () => this.#database.put('drafts', row, name))
    return row
  }

  async #append(name: string, receivedBytes: number, bytes: Uint8Array): Promise<void> {
    await this.#clear(this.#catalog.growDraft(name, bytes.length))
    try {
      await this.#withRoom(bytes.length, async () => {
        const transaction = this.#database.transaction(['pieces', 'drafts'], 'readwrite')
        const drafts = transaction.objectStore('drafts')
        const row = (await drafts.get(name))!
        const usedAt = this.#clock()
        await Promise.all([
          transaction.objectStore('pieces').put(bytes, [row.place, receivedBytes]),
          drafts.put({ ...row, receivedBytes: receivedBytes + bytes.length, usedAt }, name),
          transaction.done,
        ])
      })
    } catch (error) {
      this.#catalog.shrinkDraft(name, bytes.length)
      throw error
    }
  }

  async #adopt(name: string, hash: Hash): Promise<void> {
    await this.#guard.run('WriteFailed', async () => {
      const transaction = this.#database.transaction([...allTables], 'readwrite', durable)
      const drafts = transaction.objectStore('drafts')
      const { place, receivedBytes } = (await drafts.get(name))!
      const sizes = transaction.objectStore('sizes')
      const isThere = (await sizes.getKey(hash)) !== undefined
      await Promise.all([
        drafts.delete(name),
        ...(isThere
          ? [transaction.objectStore('pieces').delete(piecesOf(place))]
          : [
              sizes.put(receivedBytes, hash),
              transaction.objectStore('places').put(place, hash),
              transaction.objectStore('used').put(this.#clock(), hash),
            ]),
        transaction.done,
      ])
    })
    this.#catalog.finishDraft(name, hash)
  }

  /** `opening` is a draft whose row is looked after by who opens it. */
  async #clear({ blobs, drafts }: Evicted, opening?: string): Promise<void> {
    const gone = drafts.filter((name) => name !== opening)
    if (blobs.length + gone.length > 0) await this.#delete(blobs, gone)
  }

  async #delete(blobs: readonly Hash[], drafts: readonly string[]): Promise<void> {
    await this.#guard.run('WriteFailed', async () => {
      const transaction = this.#database.transaction([...allTables], 'readwrite', durable)
      const table = transaction.objectStore.bind(transaction)
      for (const hash of blobs) {
        const place = await table('places').get(hash)
        if (place !== undefined) void table('pieces').delete(piecesOf(place))
        for (const name of ['blobs', 'sizes', 'used', 'places'] as const) void table(name).delete(hash)
      }
      for (const name of drafts) {
        const row = await table('drafts').get(name)
        if (row !== undefined) void table('pieces').delete(piecesOf(row.place))
        void table('drafts').delete(name)
      }
      await transaction.done
    })
  }

  /**
   * The browser may give less than the limit: then what was not used for longest goes, and the write is tried once
   * more. Rejects with a BlobRefusal `Full` when that does not help.
   */
  async #withRoom<T>(bytes: number, write: () => Promise<T>): Promise<T> {
    try {
      return await this.#guard.run('WriteFailed', write)
    } catch (error) {
      if (!isQuota(error)) throw error
      // Twice as much, since a database needs room to make room.
      const evicted = this.#catalog.takeForRoom(2 * bytes)
      await this.#clear(evicted)
      if (evicted.blobs.length + evicted.drafts.length === 0) throw this.#quotaRefusal(bytes, error)
      return await this.#guard.run('WriteFailed', write).catch((again: unknown) => {
        throw isQuota(again) ? this.#quotaRefusal(bytes, again) : again
      })
    }
  }

  #quotaRefusal(bytes: number, cause: unknown): BlobRefusal {
    const message = `The browser has no room for ${bytes} bytes more in ${this.#name}: make room on the disk or clear data of this site`
    return new BlobRefusal('Full', message, cause)
  }
}

async function tabLimits(): Promise<BlobLimits> {
  const { quota = Number.POSITIVE_INFINITY } = await navigator.storage
    .estimate()
    .catch(() => ({}) as StorageEstimate)
  return {
    blobBytesMax,
    totalBytesMax: Math.min(totalBytesMax, Math.floor(quota * quotaShare)),
    evicts: true,
  }
}

const isQuota = (error: unknown): boolean =>
  error instanceof StorageError &&
  (error.cause as { name?: unknown } | undefined)?.name === 'QuotaExceededError'

async function hashOf(bytes: Uint8Array): Promise<Hash> {
  return toHex(
    new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)),
  ) as Hash
}
