import type { Ed25519PrivateKey } from '@libp2p/interface'
import { chooseEngine, createCryptoPort, randomBytes } from '../../shared/host/create-crypto-port.ts'
import type { CryptoPort } from '../../shared/host/crypto-port.ts'
import {
  type Ed25519Engine,
  pkcs8FromSeed,
  type Signer,
  seedInPkcs8,
} from '../../shared/host/ed25519-engine.ts'
import { privateKeyForLibp2p } from '../../shared/host/libp2p-key.ts'
import { peerIdFromPublicKey } from '../../shared/host/peer-id.ts'
import { webCryptoSigner } from '../../shared/host/webcrypto.ts'
import { asciiBytes, concatBytes } from '../../shared/kernel/bytes.ts'
import type { PeerId } from '../../shared/kernel/ids.ts'
import { IdentityDatabase, type IdentityRecord } from './identity-database.ts'
import { IdentityError } from './identity-error.ts'
import { loadTabSha256 } from './tab-sha256.ts'

/** What a tab needs of its identity. The private key cannot be read from any of it. */
export interface TabIdentity {
  readonly peerId: PeerId
  /** For libp2p; it signs, and reading `raw` throws. */
  readonly privateKey: Ed25519PrivateKey
  readonly crypto: CryptoPort
}

export interface TabIdentityInit {
  /** As in `?profile=NAME`; each profile is a node of its own. */
  readonly profile: string
  readonly log: (level: 'info' | 'warn', message: string) => void
}

const contextPrefix = asciiBytes('tabmesh/identity/1')
/** AES-GCM's own length for a nonce (NIST SP 800-38D, 5.2.1.1). */
const ivBytes = 12
const damagedAdvice = 'Restore it from a backup, or clear this site’s data to start as a new node.'

/**
 * The tab's identity: made at the first start of the profile, loaded at every later one. Tabs that start at once get
 * the same. Rejects with an IdentityError when what is stored cannot be used, and never makes another in its place.
 *
 * The private key is encrypted by a key that the browser keeps and does not give out, and is decrypted straight into
 * another such key: on browsers with Ed25519 its bytes are never seen by the page.
 */
export async function loadOrCreateIdentity(init: TabIdentityInit): Promise<TabIdentity> {
  if (globalThis.crypto?.subtle === undefined) {
    const message =
      'This page is not served over https (or from localhost), so the browser gives it no cryptography'
    throw new IdentityError('NotSecureContext', message)
  }
  const engine = await chooseEngine()
  const database = await IdentityDatabase.open(init.profile)
  try {
    const stored = await database.read()
    if (stored !== undefined) return await load(init, engine, stored)
    const record = await createRecord(engine)
    if (!(await database.add(record))) return await load(init, engine, await database.read())
    const identity = await identityOf(engine, record)
    init.log('info', `Identity created: ${identity.peerId}`)
    return identity
  } finally {
    database.close()
  }
}

async function load(init: TabIdentityInit, engine: Ed25519Engine, stored: unknown): Promise<TabIdentity> {
  if (!isIdentityRecord(stored)) throw damaged('it is not in a form this version reads')
  const identity = await identityOf(engine, stored)
  init.log('info', `Identity loaded: ${identity.peerId}`)
  return identity
}

async function identityOf(engine: Ed25519Engine, record: IdentityRecord): Promise<TabIdentity> {
  const signer = await openSigner(engine, record)
  const port = createCryptoPort({ signer, engine, sha256: await loadTabSha256() })
  if (port.self !== record.peerId) throw damaged('its peer id is not that of its key')
  return { peerId: port.self, privateKey: privateKeyForLibp2p(signer), crypto: port }
}

async function createRecord(engine: Ed25519Engine): Promise<IdentityRecord> {
  const usages: KeyUsage[] = ['wrapKey', 'unwrapKey', 'encrypt', 'decrypt']
  const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, usages)
  const iv = randomBytes(ivBytes)
  const made = engine.name === 'webcrypto' ? await makeKey(key, iv) : await makeKeyInScript(engine, key, iv)
  return {
    version: 1,
    peerId: peerIdFromPublicKey(made.publicKey),
    publicKey: made.publicKey,
    createdAt: new Date().toISOString(),
    wrapping: { kind: 'deviceKey', key },
    privateKey: { iv, ciphertext: made.ciphertext },
  }
}

interface MadeKey {
  readonly publicKey: Uint8Array
  readonly ciphertext: Uint8Array
}

async function makeKey(wrappingKey: CryptoKey, iv: Uint8Array): Promise<MadeKey> {
  const pair = (await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify'])) as CryptoKeyPair
  const publicKey = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey))
  const wrapped = await crypto.subtle.wrapKey('pkcs8', pair.privateKey, wrappingKey, aesGcm(iv, publicKey))
  return { publicKey, ciphertext: new Uint8Array(wrapped) }
}

async function makeKeyInScript(
  engine: Ed25519Engine,
  wrappingKey: CryptoKey,
  iv: Uint8Array,
): Promise<MadeKey> {
  const seed = randomBytes(32)
  const pkcs8 = pkcs8FromSeed(seed)
  try {
    const { publicKey } = await engine.signerFromSeed(seed)
    const ciphertext = await crypto.subtle.encrypt(aesGcm(iv, publicKey), wrappingKey, pkcs8 as BufferSource)
    return { publicKey, ciphertext: new Uint8Array(ciphertext) }
  } finally {
    seed.fill(0)
    pkcs8.fill(0)
  }
}

async function openSigner(engine: Ed25519Engine, record: IdentityRecord): Promise<Signer> {
  const { publicKey, wrapping } = record
  const ciphertext = record.privateKey.ciphertext as BufferSource
  const parameters = aesGcm(record.privateKey.iv, publicKey)
  try {
    if (engine.name === 'webcrypto') {
      const usages: KeyUsage[] = ['sign']
      const { subtle } = crypto
      const key = await subtle.unwrapKey(
        'pkcs8',
        ciphertext,
        wrapping.key,
        parameters,
        'Ed25519',
        false,
        usages,
      )
      return webCryptoSigner(key, publicKey)
    }
    return await openSignerInScript(engine, record, parameters)
  } catch (error) {
    throw damaged('its private key does not decrypt', error)
  }
}

async function openSignerInScript(
  engine: Ed25519Engine,
  { wrapping, privateKey }: IdentityRecord,
  parameters: AesGcmParams,
): Promise<Signer> {
  const decrypted = await crypto.subtle.decrypt(
    parameters,
    wrapping.key,
    privateKey.ciphertext as BufferSource,
  )
  const pkcs8 = new Uint8Array(decrypted)
  try {
    return await engine.signerFromSeed(seedInPkcs8(pkcs8))
  } finally {
    pkcs8.fill(0)
  }
}

/** The public key is bound to the ciphertext: another one beside it does not decrypt. */
function aesGcm(iv: Uint8Array, publicKey: Uint8Array): AesGcmParams {
  const additionalData = concatBytes(contextPrefix, publicKey) as BufferSource
  return { name: 'AES-GCM', iv: iv as BufferSource, additionalData }
}

function isIdentityRecord(value: unknown): value is IdentityRecord {
  const record = value as Partial<IdentityRecord> | null
  return (
    typeof record === 'object' &&
    record?.version === 1 &&
    typeof record.peerId === 'string' &&
    isBytes(record.publicKey, 32) &&
    record.wrapping?.kind === 'deviceKey' &&
    record.wrapping.key instanceof CryptoKey &&
    isBytes(record.privateKey?.iv, ivBytes) &&
    isBytes(record.privateKey?.ciphertext)
  )
}

function isBytes(value: unknown, length?: number): boolean {
  return value instanceof Uint8Array && (length === undefined || value.length === length)
}

function damaged(what: string, cause?: unknown): IdentityError {
  return new IdentityError(
    'Damaged',
    `The identity kept in this browser is damaged: ${what}. ${damagedAdvice}`,
    cause,
  )
}
