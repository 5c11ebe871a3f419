import type { PeerId } from '../kernel/ids.ts'

/** Ed25519 (strict RFC 8032: small-order keys and non-canonical encodings are refused on every platform). */
export interface CryptoPort {
  readonly self: PeerId
  /** 64-byte signature by this node's key. */
  sign(bytes: Uint8Array): Promise<Uint8Array>
  /** Whether `signature` is the peer's over `bytes`; false, never a throw, for malformed ids or signatures. */
  verify(peer: PeerId, bytes: Uint8Array, signature: Uint8Array): Promise<boolean>
  /** Synchronous SHA-256. */
  sha256(bytes: Uint8Array): Uint8Array
  randomBytes(length: number): Uint8Array
}
