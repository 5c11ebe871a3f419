/*
 * One rule for what an Ed25519 signature is, whatever library then does the arithmetic.
 *
 * RFC 8032 leaves room at the edges and libraries fill it differently: OpenSSL and BoringSSL take public keys of small
 * order, noble multiplies by the cofactor. Peers that disagree on one signature disagree on a verdict. So what is
 * checked here, before the platform is asked, is everything that can be checked on the encodings alone:
 *
 * 1. A and R are canonical encodings: y < p (RFC 8032, 5.1.3 step 1).
 * 2. A and R are not of small order. This covers the encodings with x = 0 and the sign bit set (5.1.3 step 4) too,
 *    since x = 0 only at y = 1 and y = -1.
 * 3. S < L (5.1.7 step 1).
 *
 * The equation itself is checked without the cofactor, [S]B = R + [k]A, which is what OpenSSL, BoringSSL, NSS and
 * CryptoKit do; the noble implementation here does the same.
 */

export const publicKeyBytes = 32
const signatureBytes = 64

/** L, the order of the base point, little-endian (RFC 8032, 5.1). */
const groupOrder = littleEndian(2n ** 252n + 27742317777372353535851937790883648493n)
/** p = 2^255 - 19, little-endian. */
const fieldOrder = littleEndian(2n ** 255n - 19n)
/** y of the eight points whose order divides 8: 0, 1, -1 and the two y of the points of order 8 (±x each). */
const smallOrderYs: readonly Uint8Array[] = [
  0n,
  1n,
  2n ** 255n - 20n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
].map(littleEndian)

/** Whether the 32 bytes may be a public key at all: canonical and not of small order. They may still be no curve point. */
export function isAcceptablePoint(point: Uint8Array): boolean {
  if (point.length !== publicKeyBytes) return false
  const y = new Uint8Array(point)
  y[31] = (y[31] ?? 0) & 0x7f
  return isBelow(y, fieldOrder) && !smallOrderYs.some((small) => compare(y, small) === 0)
}

/** Whether the 64 bytes R ‖ S have the strict form; says nothing on whether the signature is right. */
export function isAcceptableSignature(signature: Uint8Array): boolean {
  if (signature.length !== signatureBytes) return false
  return isBelow(signature.subarray(32), groupOrder) && isAcceptablePoint(signature.subarray(0, 32))
}

function isBelow(value: Uint8Array, bound: Uint8Array): boolean {
  return compare(value, bound) < 0
}

/** Order of two little-endian numbers of the same length. */
function compare(a: Uint8Array, b: Uint8Array): number {
  for (let i = a.length - 1; i >= 0; i--) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function littleEndian(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32)
  for (let i = 0; i < 32; i++) bytes[i] = Number((value >> BigInt(8 * i)) & 0xffn)
  return bytes
}
