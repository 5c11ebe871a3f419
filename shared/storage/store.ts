/** One change of a store: `undefined` deletes. Values are opaque bytes. */
export interface StoreChange {
  readonly key: string
  readonly value: Uint8Array | undefined
}

export interface StoreRow {
  readonly key: string
  readonly value: Uint8Array
}

/** Keys are ASCII text of at most 512 characters, parts separated by `/`. */
export interface Store {
  /** `undefined` for a missing key. */
  get(key: string): Promise<Uint8Array | undefined>
  /** Rows whose key starts with the prefix, in key order (code units). At most `limit` rows after `from` (exclusive). */
  list(prefix: string, options?: { readonly from?: string; readonly limit?: number }): Promise<StoreRow[]>
  /** All or nothing, in order, and durable when it resolves. */
  batch(changes: readonly StoreChange[]): Promise<void>
  close(): Promise<void>
}

/** A failure of the host's storage. `code` is stable, `cause` is what the backend said. */
export class StorageError extends Error {
  readonly code: 'ConnectionFailed' | 'WriteFailed' | 'ReadFailed' | 'OpenFailed' | 'Closed'

  constructor(code: StorageError['code'], message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'StorageError'
    this.code = code
  }
}
