import { base58btc } from 'multiformats/bases/base58'
import { concatBytes } from '../kernel/bytes.ts'
import type { PeerId } from '../kernel/ids.ts'
import { publicKeyBytes } from './ed25519-rule.ts'

/**
 * What stands before the raw key in a peer id: multihash identity (0x00) of 36 bytes, which are the protobuf
 * {1: Ed25519 = 1, 2: 32 bytes} (libp2p specs, peer-ids.md).
 */
const idPrefix = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20)
/** 38 bytes of that form always make 52 characters of base58. */
const idLength = 52

/** The peer id of a raw 32-byte Ed25519 public key; throws RangeError on any other length. */
export function peerIdFromPublicKey(publicKey: Uint8Array): PeerId {
  if (publicKey.length !== publicKeyBytes) {
    throw new RangeError(`an Ed25519 public key has ${publicKeyBytes} bytes, not ${publicKey.length}`)
  }
  return base58btc.baseEncode(concatBytes(idPrefix, publicKey)) as PeerId
}

/** The raw public key a peer id stands for; `undefined` unless the text is exactly the id of an Ed25519 key. */
export function publicKeyFromPeerId(text: string): Uint8Array | undefined {
  if (text.length !== idLength) return undefined
  let bytes: Uint8Array
  try {
    bytes = base58btc.baseDecode(text)
  } catch {
    return undefined
  }
  if (bytes.length !== idPrefix.length + publicKeyBytes) return undefined
  for (const [at, byte] of idPrefix.entries()) if (bytes[at] !== byte) return undefined
  return bytes.slice(idPrefix.length)
}

/** Whether the text is the peer id of an Ed25519 key. */
export function isPeerId(text: string): text is PeerId {
  return publicKeyFromPeerId(text) !== undefined
}
