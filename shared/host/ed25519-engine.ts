import { concatBytes } from '../kernel/bytes.ts'

/** What signs in this node's name; the private key stays behind it. */
export interface Signer {
  /** Raw, 32 bytes. */
  readonly publicKey: Uint8Array
  sign(bytes: Uint8Array): Promise<Uint8Array>
}

/** A public key made ready for use. It is given signatures of acceptable form only. */
export interface VerifyingKey {
  verify(bytes: Uint8Array, signature: Uint8Array): Promise<boolean>
}

/** One implementation of the Ed25519 arithmetic. The rule on encodings is not its business: see `ed25519-rule.ts`. */
export interface Ed25519Engine {
  readonly name: 'webcrypto' | 'noble' | 'node'
  /** `undefined` when the bytes are no curve point, where the engine can tell at this stage. */
  importPublicKey(publicKey: Uint8Array): Promise<VerifyingKey | undefined>
  /** A signer from the 32-byte secret; the caller zeroes `seed` afterwards. */
  signerFromSeed(seed: Uint8Array): Promise<Signer>
}

/** PKCS#8 of an Ed25519 key up to the 32 secret bytes (RFC 8410, section 7). */
const pkcs8Prefix = Uint8Array.of(48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32)

/** The caller owns, and zeroes, the bytes. */
export function pkcs8FromSeed(seed: Uint8Array): Uint8Array {
  if (seed.length !== 32) throw new RangeError(`an Ed25519 secret has 32 bytes, not ${seed.length}`)
  return concatBytes(pkcs8Prefix, seed)
}

/** The 32 secret bytes inside a PKCS#8 Ed25519 key (a view of it); throws RangeError on any other shape. */
export function seedInPkcs8(pkcs8: Uint8Array): Uint8Array {
  const isEd25519 = pkcs8.length === 48 && pkcs8Prefix.every((byte, at) => pkcs8[at] === byte)
  if (!isEd25519) throw new RangeError('not a PKCS#8 Ed25519 private key')
  return pkcs8.subarray(pkcs8Prefix.length)
}

/** WebCrypto takes views of plain ArrayBuffers only, which the bytes of this project always are. */
export function ofBuffer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>
}
