import { concatBytes, toHex } from '../kernel/bytes.ts'
import type { Hash, Sha256 } from '../kernel/ids.ts'
import type { BlobDraft, BlobStore } from '../storage/blob-store.ts'

/** Where the parts of a blob are put together, in order. */
export interface BlobSink {
  readonly totalBytes: number
  readonly receivedBytes: number
  append(bytes: Uint8Array): Promise<void>
  /** The blob is in the store: its bytes where they are at hand, else `true`. `undefined`: the bytes are wrong. */
  finish(): Promise<Uint8Array | true | undefined>
  /** Leaves what came for another time, where that can be. */
  close(): Promise<void>
  discard(): Promise<void>
}

/** The drafts of this node's exchange with other peers. */
const draftOwner = 'peers'
/** Blobs up to this size are put together in memory, as long as not more than so much is, in bytes. */
const inMemoryMax = 1024 * 1024
const heldBytesMax = 32 * 1024 * 1024

/** Makes sinks: small blobs in memory, large ones as drafts of the store, which outlive a disconnect and a restart. */
export class BlobSinks {
  readonly #store: BlobStore
  readonly #sha256: Sha256
  #heldBytes = 0

  constructor(store: BlobStore, sha256: Sha256) {
    this.#store = store
    this.#sha256 = sha256
  }

  /** Rejects with a BlobRefusal. */
  async open(hash: Hash, totalBytes: number): Promise<BlobSink> {
    if (totalBytes > inMemoryMax || this.#heldBytes + totalBytes > heldBytesMax) {
      return new DraftSink(await this.#store.draft(hash, totalBytes, draftOwner))
    }
    this.#heldBytes += totalBytes
    const release = (): void => {
      this.#heldBytes -= totalBytes
    }
    return new MemorySink(hash, totalBytes, this.#store, this.#sha256, release)
  }

  /** What an earlier attempt left; `undefined` when nothing. */
  async resume(hash: Hash): Promise<BlobSink | undefined> {
    const left = await this.#store.draftOf(hash, draftOwner)
    if (left === undefined || left.receivedBytes === 0) return undefined
    return new DraftSink(await this.#store.draft(hash, left.totalBytes, draftOwner))
  }
}

class DraftSink implements BlobSink {
  readonly #draft: BlobDraft

  constructor(draft: BlobDraft) {
    this.#draft = draft
  }

  get totalBytes(): number {
    return this.#draft.totalBytes
  }

  get receivedBytes(): number {
    return this.#draft.receivedBytes
  }

  append(bytes: Uint8Array): Promise<void> {
    return this.#draft.append(bytes)
  }

  async finish(): Promise<true | undefined> {
    return (await this.#draft.finish()) || undefined
  }

  close(): Promise<void> {
    return this.#draft.close()
  }

  discard(): Promise<void> {
    return this.#draft.discard()
  }
}

class MemorySink implements BlobSink {
  readonly totalBytes: number
  readonly #hash: Hash
  readonly #store: BlobStore
  readonly #sha256: Sha256
  readonly #release: () => void
  #parts: Uint8Array[] = []
  #receivedBytes = 0
  #isOver = false

  constructor(hash: Hash, totalBytes: number, store: BlobStore, sha256: Sha256, release: () => void) {
    this.#hash = hash
    this.totalBytes = totalBytes
    this.#store = store
    this.#sha256 = sha256
    this.#release = release
  }

  get receivedBytes(): number {
    return this.#receivedBytes
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.#parts.push(bytes)
    this.#receivedBytes += bytes.length
  }

  async finish(): Promise<Uint8Array | undefined> {
    const bytes = concatBytes(...this.#parts)
    await this.discard()
    if (toHex(this.#sha256(bytes)) !== this.#hash) return undefined
    await this.#store.put(bytes)
    return bytes
  }

  close(): Promise<void> {
    return this.discard()
  }

  async discard(): Promise<void> {
    this.#parts = []
    if (!this.#isOver) this.#release()
    this.#isOver = true
  }
}
