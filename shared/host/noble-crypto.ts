import { getPublicKeyAsync, Point, signAsync } from '@noble/ed25519'
import { concatBytes, equalBytes } from '../kernel/bytes.ts'
import type { Ed25519Engine } from './ed25519-engine.ts'

/** L, the order of the base point (RFC 8032, 5.1). */
const groupOrder = Point.CURVE().n

/**
 * Ed25519 in JavaScript, for platforms whose WebCrypto lacks it.
 *
 * noble's own `verify` multiplies by the cofactor and so takes signatures that OpenSSL and BoringSSL refuse. Here the
 * equation is theirs: R must be, byte for byte, the encoding of [S]B - [k]A.
 */
export const nobleEngine: Ed25519Engine = {
  name: 'noble',

  async importPublicKey(publicKey) {
    let negatedKey: Point
    try {
      negatedKey = Point.fromBytes(publicKey, false).negate()
    } catch {
      return undefined
    }
    const keyBytes = new Uint8Array(publicKey)
    return {
      async verify(bytes, signature) {
        const r = new Uint8Array(signature.subarray(0, 32))
        const s = fromLittleEndian(signature.subarray(32))
        const digest = await crypto.subtle.digest(
          'SHA-512',
          concatBytes(r, keyBytes, bytes) as Uint8Array<ArrayBuffer>,
        )
        const k = fromLittleEndian(new Uint8Array(digest)) % groupOrder
        // Nothing here is secret, hence the faster multiplication that is not constant in time.
        const expected = Point.BASE.multiply(s, false).add(negatedKey.multiply(k, false))
        return equalBytes(expected.toBytes(), r)
      },
    }
  },

  async signerFromSeed(seed) {
    // noble needs the secret at every signature: without WebCrypto there is nowhere else to keep it.
    const secret = new Uint8Array(seed)
    return { publicKey: await getPublicKeyAsync(secret), sign: (bytes) => signAsync(bytes, secret) }
  },
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  let value = 0n
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] ?? 0)
  return value
}
