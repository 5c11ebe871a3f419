import type { Hash } from '../../shared/kernel/ids.ts'
import { type BlobDraft, BlobRefusal, type BlobStore } from '../../shared/storage/blob-store.ts'
import { isFenced, type Store } from '../../shared/storage/store.ts'

export interface SharedBlobsParts {
  /** Shared by the fleet. */
  readonly store: Store
  /** Bytes of all blobs there; beyond it programs and inputs are refused. Outputs of what was accepted are not. */
  readonly totalBytesMax: number
  /** Unix milliseconds. */
  readonly clock?: () => number
}

/** `blob/<hash>`: a blob whose parts are under `chunk/<hash>/`. */
interface SharedBlob {
  readonly sizeBytes: number
  /** Whether all parts are there. */
  readonly isWhole: boolean
  /** When it was last used, in days since 1970: nobody deletes what was used within the retention, whose days are whole. */
  readonly day: number
}

const dayMs = 24 * 60 * 60_000
const chunkBytes = 512 * 1024
/** Chunks on their way to the server, or from it, at one time. */
const atOnce = 2
const rowsAtOnce = 1_000
/** Blobs known to be there and used today. */
const knownMax = 100_000
const blobPrefix = 'blob/'
const owner = 'fleet'

/**
 * Copies of blobs in the store that a fleet shares, so that they outlive the disk of the relay that has them. What is
 * read is checked against its hash; a copy that is damaged counts as not there, and is made anew by whoever has one.
 */
export class SharedBlobs {
  readonly #store: Store
  readonly #totalBytesMax: number
  readonly #clock: () => number
  /** The day on which each was seen to be there. */
  readonly #known = new Map<Hash, number>()
  readonly #keeping = new Map<Hash, Promise<void>>()
  readonly #fetching = new Map<Hash, Promise<boolean>>()
  /** As far as this relay knows: counted at each sweep, and what it adds itself. */
  #totalBytes = 0

  constructor({ store, totalBytesMax, clock = Date.now }: SharedBlobsParts) {
    this.#store = store
    this.#totalBytesMax = totalBytesMax
    this.#clock = clock
  }

  /** `undefined` where no whole copy is there. */
  async sizeOf(hash: Hash): Promise<number | undefined> {
    const { blob } = await this.#look(hash)
    return blob?.isWhole === true ? blob.sizeBytes : undefined
  }

  /**
   * Makes sure that a copy of a blob of the local store is there. Rejects with a BlobRefusal `Full` for one that is still
   * to be accepted, when there is no room.
   */
  async keep(hash: Hash, local: BlobStore, isAccepted: boolean): Promise<void> {
    if (this.#known.get(hash) === this.#today) return
    const keeping = this.#keeping.get(hash) ?? this.#copy(hash, local, isAccepted)
    this.#keeping.set(hash, keeping)
    try {
      await keeping
    } finally {
      if (this.#keeping.get(hash) === keeping) this.#keeping.delete(hash)
    }
  }

  /** Brings a copy to the local store; false where there is none that is right. */
  async fetch(hash: Hash, local: BlobStore): Promise<boolean> {
    const fetching = this.#fetching.get(hash) ?? this.#bring(hash, local)
    this.#fetching.set(hash, fetching)
    try {
      return await fetching
    } finally {
      if (this.#fetching.get(hash) === fetching) this.#fetching.delete(hash)
    }
  }

  /** Marks what this relay still needs as used, and deletes what nobody used for so long; resolves to how many went. */
  async sweep(unusedMs: number, inUse: Iterable<Hash>): Promise<number> {
    for (const hash of inUse) if (this.#known.get(hash) !== this.#today) await this.#touch(hash)
    const oldest = this.#today - Math.ceil(unusedMs / dayMs)
    let [deleted, total] = [0, 0]
    for await (const { hash, value, blob } of this.#all()) {
      if (blob.day < oldest && (await this.#delete(hash, blob, value))) deleted++
      else total += blob.sizeBytes
    }
    this.#totalBytes = total
    return deleted
  }

  get #today(): number {
    return Math.floor(this.#clock() / dayMs)
  }

  async #look(
    hash: Hash,
  ): Promise<{ readonly blob: SharedBlob | undefined; readonly value: Uint8Array | undefined }> {
    const value = await this.#store.get(blobPrefix + hash)
    return { value, blob: value && decode(value) }
  }

  async *#all(): AsyncGenerator<{ hash: Hash; value: Uint8Array; blob: SharedBlob }> {
    let from = blobPrefix
    for (;;) {
      const rows = await this.#store.list(blobPrefix, { from, limit: rowsAtOnce })
      for (const { key, value } of rows)
        yield { hash: key.slice(blobPrefix.length) as Hash, value, blob: decode(value) }
      if (rows.length < rowsAtOnce) return
      from = rows.at(-1)!.key
    }
  }

  async #copy(hash: Hash, local: BlobStore, isAccepted: boolean): Promise<void> {
    if (await this.#touch(hash)) return
    const sizeBytes = await local.sizeOf(hash)
    if (sizeBytes === undefined) throw new Error(`the blob ${hash} is not here to be shared`)
    if (!isAccepted && this.#totalBytes + sizeBytes > this.#totalBytesMax)
      throw new BlobRefusal('Full', `The fleet has no room for a blob of ${sizeBytes} bytes`)
    const unpin = local.pin(hash)
    try {
      await this.#write(hash, { sizeBytes, isWhole: false, day: this.#today })
      await inTurns(chunksOf(sizeBytes), async (n) => {
        const value = await local.read(hash, n * chunkBytes, chunkBytes)
        if (value === undefined) throw new Error(`the blob ${hash} is not here any more`)
        await this.#store.batch([{ key: chunkKey(hash, n), value }])
      })
      await this.#write(hash, { sizeBytes, isWhole: true, day: this.#today })
    } finally {
      unpin()
    }
    this.#totalBytes += sizeBytes
    this.#note(hash)
  }

  /** True where a whole copy is there; it counts as used today. */
  async #touch(hash: Hash): Promise<boolean> {
    const { blob, value } = await this.#look(hash)
    if (blob?.isWhole !== true) return false
    if (blob.day < this.#today) {
      try {
        const fence = { key: blobPrefix + hash, value }
        await this.#store.batch([{ ...fence, value: encode({ ...blob, day: this.#today }) }], { fence })
      } catch (error) {
        if (!isFenced(error)) throw error
        // Another touched it, or deleted it, at the same moment.
        return await this.#touch(hash)
      }
    }
    this.#note(hash)
    return true
  }

  async #bring(hash: Hash, local: BlobStore): Promise<boolean> {
    const { blob, value } = await this.#look(hash)
    if (blob?.isWhole !== true) return false
    const draft = await local.draft(hash, blob.sizeBytes, owner)
    const isRight = await this.#fill(draft)
    // What is damaged there somebody else may still have.
    if (!isRight) await this.#delete(hash, blob, value!)
    return isRight
  }

  async #fill(draft: BlobDraft): Promise<boolean> {
    let isOver = false
    try {
      while (draft.receivedBytes < draft.totalBytes) {
        const n = Math.floor(draft.receivedBytes / chunkBytes)
        const chunk = await this.#store.get(chunkKey(draft.hash, n))
        const bytes = chunk?.subarray(draft.receivedBytes - n * chunkBytes)
        if (bytes === undefined || bytes.length === 0) return false
        await draft.append(bytes.subarray(0, draft.totalBytes - draft.receivedBytes))
      }
      isOver = true
      return await draft.finish()
    } finally {
      if (!isOver) await draft.close()
    }
  }

  /** False where it was changed meanwhile, as by one who needs it. */
  async #delete(hash: Hash, { sizeBytes }: SharedBlob, value: Uint8Array): Promise<boolean> {
    const key = blobPrefix + hash
    const chunks = chunksOf(sizeBytes).map((n) => ({ key: chunkKey(hash, n), value: undefined }))
    this.#known.delete(hash)
    try {
      await this.#store.batch([{ key, value: undefined }, ...chunks], { fence: { key, value } })
      return true
    } catch (error) {
      if (isFenced(error)) return false
      throw error
    }
  }

  async #write(hash: Hash, blob: SharedBlob): Promise<void> {
    await this.#store.batch([{ key: blobPrefix + hash, value: encode(blob) }])
  }

  #note(hash: Hash): void {
    if (this.#known.size >= knownMax) this.#known.clear()
    this.#known.set(hash, this.#today)
  }
}

const encode = (blob: SharedBlob): Uint8Array => new TextEncoder().encode(JSON.stringify(blob))
const decode = (value: Uint8Array): SharedBlob => JSON.parse(new TextDecoder().decode(value)) as SharedBlob
const chunkKey = (hash: Hash, n: number): string => `chunk/${hash}/${String(n).padStart(4, '0')}`
const chunksOf = (sizeBytes: number): number[] =>
  Array.from({ length: Math.ceil(sizeBytes / chunkBytes) }, (_, n) => n)

/** Does the work for each, `atOnce` at one time. */
async function inTurns(items: readonly number[], work: (item: number) => Promise<void>): Promise<void> {
  const left = items.values()
  const lane = async (): Promise<void> => {
    for (const item of left) await work(item)
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
}
