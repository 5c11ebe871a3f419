import { hash } from 'node:crypto'

/** Synchronous SHA-256 by Node's own library. */
export function nodeSha256(bytes: Uint8Array): Uint8Array {
  // A Buffer behaves unlike other arrays of bytes: its `slice` is a view, and it may share its memory with others.
  return new Uint8Array(hash('sha256', bytes, 'buffer'))
}
