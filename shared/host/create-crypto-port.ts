import type { PeerId, Sha256 } from '../kernel/ids.ts'
import type { CryptoPort } from './crypto-port.ts'
import type { Ed25519Engine, Signer, VerifyingKey } from './ed25519-engine.ts'
import { isAcceptablePoint, isAcceptableSignature } from './ed25519-rule.ts'
import { peerIdFromPublicKey, publicKeyFromPeerId } from './peer-id.ts'
import { platformHasEd25519, webCryptoEngine } from './webcrypto.ts'

/** Imported public keys kept; 4,096 of them are well under 4 MB. The least recently used half goes first. */
const importedKeysMax = 4096
/** `getRandomValues` refuses more at once (Web Cryptography API, 10.1.1). */
const randomBytesAtOnce = 65_536

/** The platform's own Ed25519 where it has one, else the one written in JavaScript (20 times slower, same answers). */
export async function chooseEngine(): Promise<Ed25519Engine> {
  if (await platformHasEd25519()) return webCryptoEngine
  const { nobleEngine } = await import('./noble-crypto.ts')
  return nobleEngine
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
export function createVerify(engine: Ed25519Engine): CryptoPort['verify'] {
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

/** Uniform in [0, 2^32): a seed for choices that are no secret. */
export function randomUint32(crypto: Pick<CryptoPort, 'randomBytes'>): number {
  const bytes = crypto.randomBytes(4)
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
}

/** Small amounts come out of a supply: asking the platform takes longer than most of what they are used for. */
export function randomBytes(length: number): Uint8Array {
  if (length > suppliedMax) return platformRandomBytes(length)
  if (supplyLeft < length) {
    crypto.getRandomValues(supply)
    supplyLeft = supply.length
  }
  const part = supply.subarray(supplyLeft - length, supplyLeft)
  supplyLeft -= length
  const bytes = new Uint8Array(part)
  // What was given out is nobody else's, and is not to be found here later.
  part.fill(0)
  return bytes
}

const suppliedMax = 64
const supply = new Uint8Array(4096)
let supplyLeft = 0

function platformRandomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at += randomBytesAtOnce) {
    crypto.getRandomValues(bytes.subarray(at, at + randomBytesAtOnce))
  }
  return bytes
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
