import { toHex } from '../../../shared/kernel/bytes.ts'
import type { Hash } from '../../../shared/kernel/ids.ts'
import {
  BlobBudget,
  type BlobLimits,
  type BlobStore,
  defaultBlobLimits,
} from '../../../shared/storage/blob-store.ts'
import { sha256 } from './test-keys.ts'

export class MemoryBlobs implements BlobStore {
  readonly #blobs = new Map<Hash, Uint8Array>()
  readonly #budget: BlobBudget

  constructor(limits: BlobLimits = defaultBlobLimits) {
    this.#budget = new BlobBudget(limits, 0)
  }

  async get(hash: Hash): Promise<Uint8Array | undefined> {
    return this.#blobs.get(hash)
  }

  async put(bytes: Uint8Array): Promise<Hash> {
    const hash = toHex(sha256(bytes)) as Hash
    if (this.#blobs.has(hash)) return hash
    this.#budget.reserve(bytes.length)
    this.#blobs.set(hash, new Uint8Array(bytes))
    return hash
  }

  async has(hash: Hash): Promise<boolean> {
    return this.#blobs.has(hash)
  }

  async delete(hash: Hash): Promise<void> {
    this.#blobs.delete(hash)
  }

  clear(): void {
    this.#blobs.clear()
  }

  async close(): Promise<void> {}
}
