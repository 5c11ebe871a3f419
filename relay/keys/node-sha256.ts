import { hash } from 'node:crypto'

/** Synchronous SHA-256 by Node's own library. */
export function nodeSha256(bytes: Uint8Array): Uint8Array {
  return hash('sha256', bytes, 'buffer')
}
