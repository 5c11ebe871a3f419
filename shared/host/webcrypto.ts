import { type Ed25519Engine, ofBuffer, pkcs8FromSeed, type Signer } from './ed25519-engine.ts'

const algorithm = 'Ed25519'

/** WebCrypto of Node, browsers and workers. */
export const webCryptoEngine: Ed25519Engine = {
  name: 'webcrypto',

  async importPublicKey(publicKey) {
    let key: CryptoKey
    try {
      key = await crypto.subtle.importKey('raw', ofBuffer(publicKey), algorithm, false, ['verify'])
    } catch {
      return undefined
    }
    return {
      verify: (bytes, signature) =>
        crypto.subtle.verify(algorithm, key, ofBuffer(signature), ofBuffer(bytes)),
    }
  },

  async signerFromSeed(seed) {
    // WebCrypto tells the public key of a private one only in a JWK, with the secret beside it in a text that cannot be
    // zeroed.
    const { getPublicKeyAsync } = await import('@noble/ed25519')
    const publicKey = await getPublicKeyAsync(seed)
    const pkcs8 = pkcs8FromSeed(seed)
    try {
      const key = await crypto.subtle.importKey('pkcs8', ofBuffer(pkcs8), algorithm, false, ['sign'])
      return webCryptoSigner(key, publicKey)
    } finally {
      pkcs8.fill(0)
    }
  },
}

/** A signer over a private CryptoKey, which may be (and should be) non-extractable. */
export function webCryptoSigner(privateKey: CryptoKey, publicKey: Uint8Array): Signer {
  return {
    publicKey,
    sign: async (bytes) => new Uint8Array(await crypto.subtle.sign(algorithm, privateKey, ofBuffer(bytes))),
  }
}

/** Whether this platform's WebCrypto knows Ed25519; false too where there is no WebCrypto at all. */
export async function platformHasEd25519(): Promise<boolean> {
  try {
    await crypto.subtle.importKey('raw', ofBuffer(someKey), algorithm, false, ['verify'])
    return true
  } catch {
    return false
  }
}

/** A valid public key to try the platform with (RFC 8032, 7.1, test 1). */
const someKey = Uint8Array.of(
  ...[0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a],
  ...[0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a],
)
