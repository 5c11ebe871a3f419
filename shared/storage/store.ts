import { equalBytes } from '../kernel/bytes.ts'

/** One change of a store: `undefined` deletes. Values are opaque bytes. */
export interface StoreChange {
  readonly key: string
  readonly value: Uint8Array | undefined
}

export interface StoreRow {
  readonly key: string
  readonly value: Uint8Array
}

/**
 * How fresh a read must be, and how far a write must have got when it resolves: `strong` sees every acknowledged write
 * of anybody, `readYourWrites` those of this caller, `causal` those that the ones it saw rest on, `eventual` any
 * state that once was.
 */
export type Consistency = 'strong' | 'readYourWrites' | 'causal' | 'eventual'

export interface ReadOptions {
  /** `strong` unless told. */
  readonly consistency?: Consistency
}

export interface ListOptions extends ReadOptions {
  /** Only rows after this key. */
  readonly from?: string
  /** At most so many rows; all of them unless told. */
  readonly limit?: number
}

/** A row that must still be so when the batch is written: `undefined` says that there is none. */
export interface Fence {
  readonly key: string
  readonly value: Uint8Array | undefined
}

export interface BatchOptions {
  /** `strong` unless told. */
  readonly consistency?: Consistency
  /** Checked in the same atomic step; where it does not hold, nothing is written: StorageError `Fenced`. */
  readonly fence?: Fence
}

/** Keys are ASCII text of at most 512 characters, parts separated by `/`. */
export interface Store {
  /** The weakest level that a call is ever served with. A store in one place says `strong`, whatever is asked. */
  readonly consistency: Consistency
  /** `undefined` for a missing key. */
  get(key: string, options?: ReadOptions): Promise<Uint8Array | undefined>
  /** Rows whose key starts with the prefix, in key order (code units). At most `limit` rows after `from` (exclusive). */
  list(prefix: string, options?: ListOptions): Promise<StoreRow[]>
  /** Puts and deletes: all or nothing, in order, and durable when it resolves. */
  batch(changes: readonly StoreChange[], options?: BatchOptions): Promise<void>
  close(): Promise<void>
}

/** A failure of the host's storage. `code` is stable, `cause` is what the backend said. */
export class StorageError extends Error {
  readonly code: 'ConnectionFailed' | 'WriteFailed' | 'ReadFailed' | 'OpenFailed' | 'Closed' | 'Fenced'

  constructor(code: StorageError['code'], message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'StorageError'
    this.code = code
  }
}

/** Whether nothing was written because another has changed the row that the writer rests on. */
export const isFenced = (error: unknown): boolean => error instanceof StorageError && error.code === 'Fenced'

/** What a store rejects with whose fence did not hold. */
export function fencedError(place: string, fence: Fence): StorageError {
  return new StorageError(
    'Fenced',
    `Nothing was written to the store at ${place}: its row ${JSON.stringify(fence.key)} is not what the writer took it for, so another has taken over`,
  )
}

/** Whether a row is what a fence says of it. */
export function equalValues(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : equalBytes(a, b)
}
