import { publicKeyFromRaw } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey, Ed25519PublicKey } from '@libp2p/interface'
import type { Signer } from './ed25519-engine.ts'

/**
 * The private key libp2p asks for, over a signer that does not give its bytes away: noise handshakes, identify and
 * signed peer records only ever call `sign`. Reading `raw` throws.
 */
export function privateKeyForLibp2p(signer: Signer): Ed25519PrivateKey {
  const publicKey = publicKeyFromRaw(signer.publicKey) as Ed25519PublicKey
  return {
    type: 'Ed25519',
    publicKey,
    get raw(): Uint8Array {
      throw new Error('The private key of this node cannot be read: it only signs')
    },
    equals: (key) => publicKey.equals(key?.publicKey),
    sign: async (data, options) => {
      options?.signal?.throwIfAborted()
      const signature = await signer.sign(data instanceof Uint8Array ? data : data.subarray())
      options?.signal?.throwIfAborted()
      return signature
    },
  }
}
