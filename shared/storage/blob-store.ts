import type { Hash } from '../kernel/ids.ts'

/** Content-addressed bytes: programs, models, large inputs and results. The name of a blob is its SHA-256. */
export interface BlobStore {
  /**
   * The bytes, checked against the hash; `undefined` when they are not there. A damaged copy is removed and counts as
   * not there, so that it can be fetched again.
   */
  get(hash: Hash): Promise<Uint8Array | undefined>
  /**
   * At most `length` bytes from `offset` on, fewer at the end; `undefined` when the blob is not there. A copy is checked
   * as a whole once after the store was opened, not at every read.
   */
  read(hash: Hash, offset: number, length: number): Promise<Uint8Array | undefined>
  /** Keeps the bytes, durably when it resolves. Rejects with a BlobRefusal over the limits. */
  put(bytes: Uint8Array): Promise<Hash>
  /** Whether a copy is there, unchecked. */
  has(hash: Hash): Promise<boolean>
  /** Of the copy in bytes, unchecked. */
  sizeOf(hash: Hash): Promise<number | undefined>
  /** Deleting what is not there is no error. */
  delete(hash: Hash): Promise<void>
  /** What an earlier attempt left of a blob that comes in parts; `undefined` when nothing. */
  draftOf(hash: Hash, owner: string): Promise<DraftState | undefined>
  /**
   * A blob that comes in parts: goes on with the draft that is there under this hash and owner, if it is for as many
   * bytes, or begins one. `owner` is 1 to 32 of `a-z` and `0-9`: drafts of different owners do not mix. Rejects with a
   * BlobRefusal over the limits, `Busy` while the draft is open.
   */
  draft(hash: Hash, totalBytes: number, owner: string): Promise<BlobDraft>
  /** Until the function that it returns is called, the blob is not evicted or swept. */
  pin(hash: Hash): () => void
  /** What the view names, whenever it is asked, is not evicted or swept. */
  protect(inUse: () => Iterable<Hash>): void
  /**
   * Deletes blobs that were not put, got or read for `unusedMs`, the longest unused first and at most `deletionsMax`, and
   * drafts that have expired. Resolves to how many blobs went.
   */
  sweep(unusedMs: number, deletionsMax: number): Promise<number>
  close(): Promise<void>
}

export interface DraftState {
  readonly totalBytes: number
  /** How many of them are here: the next part begins there. */
  readonly receivedBytes: number
}

/** Bytes of a blob as they come, in order. It survives a restart, and expires after `draftMs`. One writer at a time. */
export interface BlobDraft extends DraftState {
  readonly hash: Hash
  /** Rejects with a BlobRefusal `Full`, or a RangeError beyond `totalBytes`; the draft stays as it was. */
  append(bytes: Uint8Array): Promise<void>
  /** True when the bytes are all there and hash to the name: the blob is in the store. Else all of it is thrown away. */
  finish(): Promise<boolean>
  /** Leaves what came for another attempt. */
  close(): Promise<void>
  discard(): Promise<void>
}

export interface BlobLimits {
  /** Bytes of one blob. */
  readonly blobBytesMax: number
  /** Bytes of all blobs and drafts together. */
  readonly totalBytesMax: number
  /** Whether a full store lets go of what was not used for longest, as a cache does; it refuses otherwise. */
  readonly evicts?: boolean
}

/** The largest program, input or output of a task, in bytes (FORMATS: 64 MiB). */
export const blobBytesMax = 64 * 2 ** 20
/** A blob travels in parts of at most this many bytes (STO-07). */
export const chunkBytesMax = 256 * 1024
/** A draft that got nothing for this long is thrown away: 24 h, in ms. */
export const draftMs = 24 * 60 * 60_000

/** 4 GiB is what a relay or an agent gives to blobs unless told otherwise. */
export const defaultBlobLimits: BlobLimits = { blobBytesMax, totalBytesMax: 4 * 2 ** 30 }

/**
 * The store keeps its limits: `TooLarge` is about this blob, `Full` about all of them, `Busy` about a draft that is
 * being written. Nothing was written.
 */
export class BlobRefusal extends Error {
  readonly code: 'TooLarge' | 'Full' | 'Busy'

  constructor(code: BlobRefusal['code'], message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'BlobRefusal'
    this.code = code
  }
}

/** Whether the text is a SHA-256 as 64 lowercase hex digits. */
export function isHash(text: string): text is Hash {
  return /^[0-9a-f]{64}$/.test(text)
}

/** Throws a RangeError for what is no hash: paths and keys are made of it. */
export function checkHash(hash: Hash): void {
  if (!isHash(hash)) throw new RangeError('a blob is named by 64 lowercase hex digits')
}

/** The name of a draft; throws a RangeError for what is no hash or no owner. */
export function draftName(hash: Hash, owner: string): string {
  checkHash(hash)
  if (!/^[a-z0-9]{1,32}$/.test(owner)) throw new RangeError('a draft belongs to 1 to 32 of a-z and 0-9')
  return `${hash}.${owner}`
}
