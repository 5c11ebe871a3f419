import { nodeSha256 } from '../../../relay/keys/node-sha256.ts'
import { createCryptoPort, createVerify, randomBytes } from '../../../shared/host/create-crypto-port.ts'
import type { CryptoPort } from '../../../shared/host/crypto-port.ts'
import { webCryptoEngine } from '../../../shared/host/webcrypto.ts'

export const sha256 = (bytes: Uint8Array): Uint8Array => new Uint8Array(nodeSha256(bytes))

export async function newKey(): Promise<CryptoPort> {
  const signer = await webCryptoEngine.signerFromSeed(randomBytes(32))
  return createCryptoPort({ signer, engine: webCryptoEngine, sha256 })
}

export const newKeys = (count: number): Promise<CryptoPort[]> =>
  Promise.all(Array.from({ length: count }, newKey))

/** What checks receipts, with no key of its own. */
export const checker: Pick<CryptoPort, 'verify' | 'sha256'> = {
  verify: createVerify(webCryptoEngine),
  sha256,
}
