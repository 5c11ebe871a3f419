import type { Hash } from '../../shared/kernel/ids.ts'
import type { BlobDraft, BlobStore, DraftState } from '../../shared/storage/blob-store.ts'
import type { SharedBlobs } from './shared-blobs.ts'

/**
 * A relay's blobs, and behind them those that its fleet shares: what is not here is brought here when it is asked for.
 * What tasks rest on is shared by `share`, before they are accepted or ended; what was merely uploaded is not.
 */
export class FleetBlobs implements BlobStore {
  readonly #local: BlobStore
  readonly #shared: SharedBlobs
  readonly #inUse: (() => Iterable<Hash>)[] = []

  constructor(local: BlobStore, shared: SharedBlobs) {
    this.#local = local
    this.#shared = shared
  }

  /** Rejects with a BlobRefusal `Full` for what is not `isAccepted` yet, when the fleet has no room. */
  async share(hashes: Iterable<Hash>, isAccepted: boolean): Promise<void> {
    for (const hash of new Set(hashes)) await this.#shared.keep(hash, this.#local, isAccepted)
  }

  async get(hash: Hash): Promise<Uint8Array | undefined> {
    const here = await this.#local.get(hash)
    if (here !== undefined || !(await this.#shared.fetch(hash, this.#local))) return here
    return await this.#local.get(hash)
  }

  async read(hash: Hash, offset: number, length: number): Promise<Uint8Array | undefined> {
    const here = await this.#local.read(hash, offset, length)
    if (here !== undefined || !(await this.#shared.fetch(hash, this.#local))) return here
    return await this.#local.read(hash, offset, length)
  }

  put(bytes: Uint8Array): Promise<Hash> {
    return this.#local.put(bytes)
  }

  async has(hash: Hash): Promise<boolean> {
    return (await this.sizeOf(hash)) !== undefined
  }

  async sizeOf(hash: Hash): Promise<number | undefined> {
    return (await this.#local.sizeOf(hash)) ?? (await this.#shared.sizeOf(hash))
  }

  /** Here only: others may need it. */
  delete(hash: Hash): Promise<void> {
    return this.#local.delete(hash)
  }

  draftOf(hash: Hash, owner: string): Promise<DraftState | undefined> {
    return this.#local.draftOf(hash, owner)
  }

  draft(hash: Hash, totalBytes: number, owner: string): Promise<BlobDraft> {
    return this.#local.draft(hash, totalBytes, owner)
  }

  pin(hash: Hash): () => void {
    return this.#local.pin(hash)
  }

  protect(inUse: () => Iterable<Hash>): void {
    this.#inUse.push(inUse)
    this.#local.protect(inUse)
  }

  async sweep(unusedMs: number, deletionsMax: number): Promise<number> {
    const deleted = await this.#local.sweep(unusedMs, deletionsMax)
    const inUse = new Set(this.#inUse.flatMap((view) => [...view()]))
    return deleted + (await this.#shared.sweep(unusedMs, inUse))
  }

  close(): Promise<void> {
    return this.#local.close()
  }
}
