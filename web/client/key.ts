import { openDB } from 'idb'
import type { Key } from '../../shared/client/library.ts'
import {
  chooseEngine,
  createCryptoPort,
  createVerify,
  randomBytes,
} from '../../shared/host/create-crypto-port.ts'
import { webCryptoEngine, webCryptoSigner } from '../../shared/host/webcrypto.ts'
import { loadTabSha256 } from '../identity/tab-sha256.ts'

const storeName = 'keys'

/** What checks signatures and owns no key. */
export const checker = async () => ({
  verify: createVerify(await chooseEngine()),
  sha256: await loadTabSha256(),
})

/** A key for as long as the page is open. It cannot be read out of the browser where that knows Ed25519 (2025 and later). */
export async function createKey(): Promise<Key> {
  const engine = await chooseEngine()
  if (engine === webCryptoEngine) return await keyOf(await newPair())
  const seed = randomBytes(32)
  const signer = await engine.signerFromSeed(seed)
  seed.fill(0)
  return createCryptoPort({ signer, engine, sha256: await loadTabSha256() })
}

/**
 * The key of that name in this page's origin, made when it is not there; its secret cannot be read out of the browser.
 * Rejects where the browser does not know Ed25519, or keeps nothing.
 */
export async function openKey(name = 'default'): Promise<Key> {
  if ((await chooseEngine()) !== webCryptoEngine) {
    throw new Error(
      'This browser cannot keep an Ed25519 key: use createKey(), for as long as the page is open',
    )
  }
  const database = await openDB('tabmesh-client', 1, {
    upgrade: (fresh) => void fresh.createObjectStore(storeName),
  })
  try {
    const made = await newPair()
    // Of two pages that begin at once, one comes first.
    const transaction = database.transaction(storeName, 'readwrite', { durability: 'strict' })
    const kept = (await transaction.store.get(name)) as CryptoKeyPair | undefined
    if (kept === undefined) await transaction.store.put(made, name)
    await transaction.done
    return await keyOf(kept ?? made)
  } finally {
    database.close()
  }
}

const newPair = async (): Promise<CryptoKeyPair> =>
  (await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])) as CryptoKeyPair

async function keyOf({ privateKey, publicKey }: CryptoKeyPair): Promise<Key> {
  const raw = new Uint8Array(await crypto.subtle.exportKey('raw', publicKey))
  const signer = webCryptoSigner(privateKey, raw)
  return createCryptoPort({ signer, engine: webCryptoEngine, sha256: await loadTabSha256() })
}
