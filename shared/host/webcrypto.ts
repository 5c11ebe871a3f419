import { concatBytes } from '../kernel/bytes.ts'
import type { PeerId, Sha256 } from '../kernel/ids.ts'
import type { CryptoPort } from './crypto-port.ts'
import { isAcceptablePoint, isAcceptableSignature } from './ed25519-rule.ts'
import { peerIdFromPublicKey, publicKeyFromPeerId } from './peer-id.ts'

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
  readonly name: 'webcrypto' | 'noble'
  /** `undefined` when the bytes are no curve point, where the engine can tell at this stage. */
  importPublicKey(publicKey: Uint8Array): Promise<VerifyingKey | undefined>
  /** A signer from the 32-byte secret; the caller zeroes `seed` afterwards. */
  signerFromSeed(seed: Uint8Array): Promise<Signer>
}

export type Verify = CryptoPort['verify']

/** Imported public keys kept; 4,096 of them are well under 4 MB. The least recently used half goes first. */
const importedKeysMax = 4096
/** `getRandomValues` refuses more at once (Web Cryptography API, 10.1.1). */
const randomBytesAtOnce = 65_536
/** PKCS#8 of an Ed25519 key up to the 32 secret bytes (RFC 8410, section 7). */
const pkcs8Prefix = Uint8Array.of(48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32)
const algorithm = 'Ed25519'

/** The platform's own Ed25519 where it has one, else the one written in JavaScript (20 times slower, same answers). */
export async function chooseEngine(): Promise<Ed25519Engine> {
  if (await platformHasEd25519()) return webCryptoEngine
  const { nobleEngine } = await import('./noble-crypto.ts')
  return nobleEngine
}

export async function platformHasEd25519(): Promise<boolean> {
  try {
    await crypto.subtle.importKey('raw', ofBuffer(someKey), algorithm, false, ['verify'])
    return true
  } catch {
    return false
  }
}

/** Everything a node asks of cryptography, for the key that `signer` holds. */
export function createCryptoPort(init: {
  readonly signer: Signer
  readonly engine: Ed25519Engine
  readonly sha256: Sha256
}): CryptoPort {
  const { signer, engine, sha256 } = init
  return {
    self: peerIdFromPublicKey(signer.publicKey),
    sign: (bytes) => signer.sign(bytes),
    verify: createVerify(engine),
    sha256,
    randomBytes,
  }
}

/** `verify` alone, for those who check signatures and own no key. */
export function createVerify(engine: Ed25519Engine): Verify {
  const keys = new KeyCache(engine)
  return async (peer, bytes, signature) => {
    if (!isAcceptableSignature(signature)) return false
    const found = keys.get(peer)
    if (found === undefined) return false
    if (!(found instanceof Promise)) return found.verify(bytes, signature)
    // What is checked is what was given at the call, whatever the caller writes into its buffers meanwhile. (Not `slice`:
    // that of a Node Buffer copies nothing.)
    const [givenBytes, givenSignature] = [new Uint8Array(bytes), new Uint8Array(signature)]
    const key = await found
    return key !== undefined && key.verify(givenBytes, givenSignature)
  }
}

export function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at += randomBytesAtOnce) {
    crypto.getRandomValues(bytes.subarray(at, at + randomBytesAtOnce))
  }
  return bytes
}

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
    const pkcs8 = pkcs8FromSeed(seed)
    try {
      const extractable = await crypto.subtle.importKey('pkcs8', ofBuffer(pkcs8), algorithm, true, ['sign'])
      const { x } = await crypto.subtle.exportKey('jwk', extractable)
      const key = await crypto.subtle.importKey('pkcs8', ofBuffer(pkcs8), algorithm, false, ['sign'])
      return webCryptoSigner(key, fromBase64Url(x ?? ''))
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

/** A key, the import of one that is under way, or `undefined` for what can never verify. */
type CachedKey = VerifyingKey | Promise<VerifyingKey | undefined> | undefined

/**
 * Imported keys by peer id, in two generations: when the young one is full it becomes the old one and the old one is
 * forgotten. A hit in the old one moves up. So the work per call is constant and the size never exceeds the limit.
 */
class KeyCache {
  readonly #engine: Ed25519Engine
  #young = new Map<PeerId, CachedKey>()
  #old = new Map<PeerId, CachedKey>()

  constructor(engine: Ed25519Engine) {
    this.#engine = engine
  }

  get(peer: PeerId): CachedKey {
    const young = this.#young.get(peer)
    if (young !== undefined) return young
    const old = this.#old.get(peer)
    if (old !== undefined) return this.#keep(peer, old)
    const publicKey = publicKeyFromPeerId(peer)
    // What can never verify is not kept, so garbage does not push out real peers.
    if (publicKey === undefined || !isAcceptablePoint(publicKey)) return undefined
    return this.#keep(peer, this.#import(peer, publicKey))
  }

  async #import(peer: PeerId, publicKey: Uint8Array): Promise<VerifyingKey | undefined> {
    const key = await this.#engine.importPublicKey(publicKey)
    if (this.#young.has(peer)) this.#young.set(peer, key)
    return key
  }

  #keep(peer: PeerId, key: CachedKey): CachedKey {
    if (this.#young.size >= importedKeysMax / 2) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(peer, key)
    return key
  }
}

/** WebCrypto takes views of plain ArrayBuffers only, which the bytes of this project always are. */
function ofBuffer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>
}

function fromBase64Url(text: string): Uint8Array {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))
}

/** A valid public key to try the platform with (RFC 8032, 7.1, test 1). */
const someKey = Uint8Array.of(
  ...[0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a],
  ...[0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a],
)
