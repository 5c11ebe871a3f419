import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { type Ed25519Engine, pkcs8FromSeed } from '../../shared/host/ed25519-engine.ts'
import { concatBytes } from '../../shared/kernel/bytes.ts'

/** SubjectPublicKeyInfo of an Ed25519 key up to the 32 bytes of the key (RFC 8410, section 4). */
const spkiPrefix = Uint8Array.of(48, 42, 48, 5, 6, 3, 43, 101, 112, 3, 33, 0)

/**
 * Ed25519 by Node's own library, in the calling thread. It is the library that is behind Node's WebCrypto, without the way
 * to another thread and back for each signature, which costs as much as making one.
 */
export const nodeEngine: Ed25519Engine = {
  name: 'node',

  async importPublicKey(publicKey) {
    let key: KeyObject
    try {
      const der = Buffer.from(concatBytes(spkiPrefix, publicKey))
      key = createPublicKey({ key: der, format: 'der', type: 'spki' })
    } catch {
      return undefined
    }
    return { verify: async (bytes, signature) => verify(null, bytes, key, signature) }
  },

  async signerFromSeed(seed) {
    const pkcs8 = pkcs8FromSeed(seed)
    try {
      const key = createPrivateKey({ key: Buffer.from(pkcs8.buffer), format: 'der', type: 'pkcs8' })
      const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
      return {
        publicKey: Uint8Array.from(spki.subarray(spkiPrefix.length)),
        // A Buffer behaves unlike other arrays of bytes: its `slice` is a view, and it may share its memory with others.
        sign: async (bytes) => new Uint8Array(sign(null, bytes, key)),
      }
    } finally {
      pkcs8.fill(0)
    }
  },
}
