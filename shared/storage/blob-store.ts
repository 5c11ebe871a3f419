import type { Hash } from '../kernel/ids.ts'

/** Content-addressed bytes: programs, large inputs and results. The name of a blob is its SHA-256. */
export interface BlobStore {
  /**
   * The bytes, checked against the hash; `undefined` when they are not there. A damaged copy is removed and counts as
   * not there, so that it can be fetched again.
   */
  get(hash: Hash): Promise<Uint8Array | undefined>
  /** Keeps the bytes, durably when it resolves. Rejects with a BlobRefusal over the limits. */
  put(bytes: Uint8Array): Promise<Hash>
  /** Whether a copy is there, unchecked. */
  has(hash: Hash): Promise<boolean>
  /** Deleting what is not there is no error. */
  delete(hash: Hash): Promise<void>
  close(): Promise<void>
}

export interface BlobLimits {
  /** Bytes of one blob. */
  readonly blobBytesMax: number
  /** Bytes of all blobs together. */
  readonly totalBytesMax: number
}

/** 64 MiB is the largest output a task may have; 4 GiB is what a relay gives to blobs unless told otherwise. */
export const defaultBlobLimits: BlobLimits = { blobBytesMax: 64 * 2 ** 20, totalBytesMax: 4 * 2 ** 30 }

/** The store keeps its limits: `TooLarge` is about this blob, `Full` about all of them. Nothing was written. */
export class BlobRefusal extends Error {
  readonly code: 'TooLarge' | 'Full'

  constructor(code: BlobRefusal['code'], message: string) {
    super(message)
    this.name = 'BlobRefusal'
    this.code = code
  }
}

/** The size of the blobs in a store, and the rule on what may still be added. */
export class BlobBudget {
  readonly #limits: BlobLimits
  #usedBytes: number

  constructor(limits: BlobLimits, usedBytes: number) {
    this.#limits = limits
    this.#usedBytes = usedBytes
  }

  /** Throws BlobRefusal when a blob of this size may not be added; else counts it, until `release`. */
  reserve(sizeBytes: number): void {
    const { blobBytesMax, totalBytesMax } = this.#limits
    if (sizeBytes > blobBytesMax) {
      throw new BlobRefusal(
        'TooLarge',
        `A blob of ${sizeBytes} bytes is over the limit of ${blobBytesMax} bytes`,
      )
    }
    if (this.#usedBytes + sizeBytes > totalBytesMax) {
      const message = `A blob of ${sizeBytes} bytes does not fit: ${this.#usedBytes} of ${totalBytesMax} bytes are used`
      throw new BlobRefusal('Full', message)
    }
    this.#usedBytes += sizeBytes
  }

  release(sizeBytes: number): void {
    this.#usedBytes = Math.max(0, this.#usedBytes - sizeBytes)
  }
}

/** Whether the text is a SHA-256 as 64 lowercase hex digits. */
export function isHash(text: string): text is Hash {
  return /^[0-9a-f]{64}$/.test(text)
}
