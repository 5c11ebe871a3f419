import { concatBytes, toHex } from '../../../shared/kernel/bytes.ts'
import type { Hash } from '../../../shared/kernel/ids.ts'
import { BlobCatalog, type Evicted } from '../../../shared/storage/blob-catalog.ts'
import {
  type BlobDraft,
  type BlobLimits,
  type BlobStore,
  type DraftState,
  defaultBlobLimits,
  draftName,
} from '../../../shared/storage/blob-store.ts'
import { sha256 } from './test-keys.ts'

/** A blob store whose disk is a map; `clear` loses it. */
export class MemoryBlobs implements BlobStore {
  readonly #blobs = new Map<Hash, Uint8Array>()
  readonly #parts = new Map<string, Uint8Array[]>()
  #catalog: BlobCatalog
  readonly #limits: BlobLimits
  readonly #clock: () => number

  constructor(limits: BlobLimits = defaultBlobLimits, clock: () => number = Date.now) {
    this.#limits = limits
    this.#clock = clock
    this.#catalog = new BlobCatalog(limits, clock, [], [])
  }

  async get(hash: Hash): Promise<Uint8Array | undefined> {
    this.#catalog.touch(hash)
    return this.#blobs.get(hash)
  }

  async read(hash: Hash, offset: number, length: number): Promise<Uint8Array | undefined> {
    this.#catalog.touch(hash)
    return this.#blobs.get(hash)?.slice(offset, offset + length)
  }

  async put(bytes: Uint8Array): Promise<Hash> {
    const hash = toHex(sha256(bytes)) as Hash
    if (this.#blobs.has(hash)) return hash
    this.#clear(this.#catalog.reserve(bytes.length))
    this.#blobs.set(hash, new Uint8Array(bytes))
    this.#catalog.add(hash, bytes.length)
    return hash
  }

  async has(hash: Hash): Promise<boolean> {
    return this.#blobs.has(hash)
  }

  async sizeOf(hash: Hash): Promise<number | undefined> {
    return this.#blobs.get(hash)?.length
  }

  async delete(hash: Hash): Promise<void> {
    this.#blobs.delete(hash)
    this.#catalog.remove(hash)
  }

  async draftOf(hash: Hash, owner: string): Promise<DraftState | undefined> {
    const draft = this.#catalog.draft(draftName(hash, owner))
    return draft && { totalBytes: draft.totalBytes, receivedBytes: draft.receivedBytes }
  }

  async draft(hash: Hash, totalBytes: number, owner: string): Promise<BlobDraft> {
    const name = draftName(hash, owner)
    this.#clear(this.#catalog.openDraft(name, totalBytes))
    const parts = this.#parts.get(name) ?? []
    this.#parts.set(name, parts)
    const catalog = this.#catalog
    const drop = async (): Promise<void> => {
      catalog.dropDraft(name)
      this.#parts.delete(name)
    }
    return {
      hash,
      totalBytes,
      get receivedBytes() {
        return parts.reduce((sum, part) => sum + part.length, 0)
      },
      append: async (bytes) => {
        this.#clear(catalog.growDraft(name, bytes.length))
        parts.push(new Uint8Array(bytes))
      },
      finish: async () => {
        const bytes = concatBytes(...parts)
        await drop()
        if (bytes.length !== totalBytes || toHex(sha256(bytes)) !== hash) return false
        await this.put(bytes)
        return true
      },
      close: async () => catalog.closeDraft(name),
      discard: drop,
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
    this.#clear({ blobs, drafts: this.#catalog.expireDrafts() })
    return blobs.length
  }

  clear(): void {
    this.#blobs.clear()
    this.#parts.clear()
    this.#catalog = new BlobCatalog(this.#limits, this.#clock, [], [])
  }

  async close(): Promise<void> {}

  #clear({ blobs, drafts }: Evicted): void {
    for (const hash of blobs) this.#blobs.delete(hash)
    for (const name of drafts) this.#parts.delete(name)
  }
}
