import { hash } from 'node:crypto'

/** Synchronous SHA-256 by Node's own library. */
export function nodeSha256(bytes: Uint8Array): Uint8Array {
  // As a text of 32 characters: the library takes twice as long to hand out a Buffer, which behaves unlike other
  // arrays of bytes besides.
  const text = hash('sha256', bytes, 'binary')
  const digest = new Uint8Array(32)
  for (let i = 0; i < digest.length; i++) digest[i] = text.charCodeAt(i)
  return digest
}
