import { type DBSchema, type IDBPDatabase, openDB } from 'idb'
import { joinBytes } from '../../shared/kernel/bytes.ts'
import type { Hash } from '../../shared/kernel/ids.ts'
import type { BlobRecord, DraftRecord } from '../../shared/storage/blob-catalog.ts'

export interface BlobSchema extends DBSchema {
  /** Blobs kept in one piece. */
  blobs: { key: string; value: Uint8Array }
  /** Sizes apart from the blobs, so that counting reads none of them. */
  sizes: { key: string; value: number }
  /** When each blob was last used, Unix milliseconds. */
  used: { key: string; value: number }
  /** Larger blobs, and drafts: by place and offset, so that a part can be read without the rest. */
  pieces: { key: [place: string, offset: number]; value: Uint8Array }
  /** Where the pieces of a blob lie. */
  places: { key: string; value: string }
  drafts: { key: string; value: DraftRow }
}

export interface DraftRow {
  readonly totalBytes: number
  readonly receivedBytes: number
  readonly usedAt: number
  /** Of its pieces; they stay there when the draft becomes a blob. */
  readonly place: string
}

export type BlobDatabase = IDBPDatabase<BlobSchema>

export const allTables = ['blobs', 'sizes', 'used', 'pieces', 'places', 'drafts'] as const
const databaseVersion = 2

/** `blocking` is called when a tab of a later version wants to change the tables. */
export function openBlobDatabase(name: string, blocking: () => void): Promise<BlobDatabase> {
  return openDB<BlobSchema>(name, databaseVersion, {
    upgrade: (database, oldVersion) => {
      if (oldVersion < 1) {
        database.createObjectStore('blobs')
        database.createObjectStore('sizes')
      }
      database.createObjectStore('used')
      database.createObjectStore('pieces')
      database.createObjectStore('places')
      database.createObjectStore('drafts')
    },
    blocking,
  })
}

export async function recordsIn(
  database: BlobDatabase,
): Promise<{ readonly blobs: BlobRecord[]; readonly drafts: (DraftRecord & { readonly place: string })[] }> {
  const transaction = database.transaction(['sizes', 'used', 'drafts'])
  const [hashes, sizes, usedHashes, times, names, rows] = await Promise.all([
    transaction.objectStore('sizes').getAllKeys(),
    transaction.objectStore('sizes').getAll(),
    transaction.objectStore('used').getAllKeys(),
    transaction.objectStore('used').getAll(),
    transaction.objectStore('drafts').getAllKeys(),
    transaction.objectStore('drafts').getAll(),
  ])
  const usedAt = new Map(usedHashes.map((hash, at) => [hash, times[at]!]))
  return {
    blobs: hashes.map((hash, at) => ({
      hash: hash as Hash,
      sizeBytes: sizes[at]!,
      usedAt: usedAt.get(hash) ?? 0,
    })),
    drafts: names.map((name, at) => ({ name, ...rows[at]! })),
  }
}

/** All keys of a place's pieces. */
export const piecesOf = (place: string): IDBKeyRange =>
  IDBKeyRange.bound([place, 0], [place, Number.MAX_SAFE_INTEGER])

/** At most `length` bytes from `offset` on of what lies at a place. */
export async function readPieces(
  database: BlobDatabase,
  place: string,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const pieces = database.transaction('pieces').store
  const end = offset + length
  // The piece that holds the first byte is the last that begins at or before it.
  const first = await pieces.openKeyCursor(IDBKeyRange.bound([place, 0], [place, offset]), 'prev')
  const from = first?.key[1] ?? offset
  const range = IDBKeyRange.bound([place, from], [place, end], false, true)
  const parts: Uint8Array[] = []
  for (let cursor = await pieces.openCursor(range); cursor !== null; cursor = await cursor.continue()) {
    const start = cursor.key[1]
    parts.push(cursor.value.subarray(Math.max(0, offset - start), Math.max(0, end - start)))
  }
  return joinBytes(parts)
}
