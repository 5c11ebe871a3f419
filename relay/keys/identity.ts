import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { createCryptoPort } from '../../shared/host/create-crypto-port.ts'
import type { CryptoPort } from '../../shared/host/crypto-port.ts'
import { seedInPkcs8 } from '../../shared/host/ed25519-engine.ts'
import { asciiBytes } from '../../shared/kernel/bytes.ts'
import type { PeerId } from '../../shared/kernel/ids.ts'
import { IdentityError } from './identity-error.ts'
import {
  closeToOthers,
  keyFileName,
  type Log,
  readIdentityFiles,
  wrappingKeyFileName,
  writeIdentityFiles,
} from './identity-files.ts'
import {
  type KeyRecord,
  readKeyRecord,
  readWrappingKey,
  writeKeyRecord,
  writeWrappingKey,
} from './key-record.ts'
import { nodeEngine } from './node-engine.ts'
import { nodeSha256 } from './node-sha256.ts'
import { deriveKey, type KeySource, newDerivation, open, seal } from './wrapping-key.ts'

/** What a Node.js process needs of its identity. */
export interface NodeIdentity {
  readonly peerId: PeerId
  /** For libp2p, which keeps the secret in memory as long as it runs. */
  readonly privateKey: Ed25519PrivateKey
  readonly crypto: CryptoPort
  /** Names the wrapping key; recorded beside the encrypted key. */
  readonly keyId: string
  readonly keySource: KeySource
}

export interface IdentityInit {
  /** The node's data directory; the identity is in `identity/` below it. */
  readonly dir: string
  /** For a first start. `auto`: the passphrase where one is given, else a key file, with a warning. */
  readonly keySource?: 'auto' | 'keyFile' | 'passphrase'
  /** From TABMESH_PASSPHRASE. */
  readonly passphrase?: string | undefined
  readonly log: Log
}

/**
 * The node's identity: made at the first start, loaded at every later one. Rejects with an IdentityError when the one
 * recorded cannot be opened, and never makes another in its place.
 */
export async function loadOrCreateIdentity(init: IdentityInit): Promise<NodeIdentity> {
  const directory = join(init.dir, 'identity')
  const files = await readIdentityFiles(directory)
  if (files !== undefined) return load(init, directory, files)
  const record = await create(init, directory)
  if (record !== undefined) return record
  const others = await readIdentityFiles(directory)
  if (others === undefined) throw damaged(directory, 'it vanished while it was being made')
  return load(init, directory, others)
}

async function load(
  init: IdentityInit,
  directory: string,
  files: ReadonlyMap<string, string>,
): Promise<NodeIdentity> {
  await closeToOthers(directory, init.log)
  const text = files.get(keyFileName)
  if (text === undefined) throw damaged(directory, `${keyFileName} is missing`)
  const record = readKeyRecord(text)
  if (typeof record === 'string') throw damaged(directory, `${keyFileName} ${record}`)
  if (record.keySource !== 'passphrase' && isGiven(init.passphrase)) {
    init.log(
      'warn',
      `TABMESH_PASSPHRASE is not used: the identity in ${directory} was made with another key source`,
    )
  }
  const key = await recordedKey(init, directory, record, files.get(wrappingKeyFileName))
  const seed = open(key, record.privateKey, contextOf(record))
  key.fill(0)
  if (seed === undefined) {
    if (record.keySource !== 'passphrase') throw damaged(directory, 'the private key does not decrypt')
    throw new IdentityError(
      'PassphraseWrong',
      `The passphrase in TABMESH_PASSPHRASE does not open the identity in ${directory}`,
    )
  }
  const identity = await identityOf(seed, record)
  init.log('info', `Identity loaded: ${identity.peerId}`)
  return identity
}

/** `undefined` when another process made one meanwhile. */
async function create(init: IdentityInit, directory: string): Promise<NodeIdentity | undefined> {
  const keySource = chooseSource(init)
  const seed = newSeed()
  const derivation = keySource === 'passphrase' ? newDerivation() : undefined
  const key = derivation === undefined ? randomBytes(32) : await deriveKey(init.passphrase ?? '', derivation)
  const head = { keyId: randomUUID(), keySource, createdAt: new Date().toISOString() }
  // identityOf zeroes the seed it is given.
  const identity = await identityOf(new Uint8Array(seed), head)
  const unsealed = { ...head, peerId: identity.peerId, derivation }
  const record: KeyRecord = { ...unsealed, privateKey: seal(key, seed, contextOf(unsealed)) }
  const files = new Map([[keyFileName, writeKeyRecord(record)]])
  if (keySource === 'keyFile') files.set(wrappingKeyFileName, writeWrappingKey(head.keyId, key))
  seed.fill(0)
  key.fill(0)
  if (!(await writeIdentityFiles(directory, files))) return undefined
  if (keySource === 'keyFile') {
    const path = join(directory, wrappingKeyFileName)
    init.log(
      'warn',
      `The identity key is encrypted by the key file ${path}: who can read both files has the key`,
    )
  }
  init.log('info', `Identity created: ${identity.peerId}`)
  return identity
}

function chooseSource({ keySource = 'auto', passphrase }: IdentityInit): 'keyFile' | 'passphrase' {
  if (keySource === 'passphrase' && !isGiven(passphrase)) {
    throw new IdentityError(
      'PassphraseMissing',
      'The key source is a passphrase and TABMESH_PASSPHRASE is not set',
    )
  }
  if (keySource !== 'auto') return keySource
  return isGiven(passphrase) ? 'passphrase' : 'keyFile'
}

/** The key that opens the record, from the source recorded in it; the caller zeroes it. */
async function recordedKey(
  init: IdentityInit,
  directory: string,
  record: KeyRecord,
  wrappingKeyText: string | undefined,
): Promise<Uint8Array> {
  switch (record.keySource) {
    case 'keychain':
      throw new IdentityError('KeychainUnavailable', 'Failed to access system keychain')
    case 'passphrase':
      if (!isGiven(init.passphrase)) {
        const message = `The identity in ${directory} is protected by a passphrase and TABMESH_PASSPHRASE is not set`
        throw new IdentityError('PassphraseMissing', message)
      }
      if (record.derivation === undefined) throw damaged(directory, `${keyFileName} lacks its derivation`)
      return deriveKey(init.passphrase, record.derivation)
    case 'keyFile': {
      const path = join(directory, wrappingKeyFileName)
      if (wrappingKeyText === undefined) {
        throw new IdentityError(
          'KeyFileUnavailable',
          `The key file ${path} of this identity is missing; restore it from a backup`,
        )
      }
      const key = readWrappingKey(wrappingKeyText, record.keyId)
      if (typeof key === 'string')
        throw new IdentityError('KeyFileUnavailable', `The key file ${path} ${key}`)
      return key
    }
  }
}

/** Zeroes `seed`. */
async function identityOf(
  seed: Uint8Array,
  head: Pick<NodeIdentity, 'keyId' | 'keySource'>,
): Promise<NodeIdentity> {
  try {
    const signer = await nodeEngine.signerFromSeed(seed)
    const privateKey = await generateKeyPairFromSeed('Ed25519', seed)
    const crypto = createCryptoPort({ signer, engine: nodeEngine, sha256: nodeSha256 })
    return { peerId: crypto.self, privateKey, crypto, keyId: head.keyId, keySource: head.keySource }
  } finally {
    seed.fill(0)
  }
}

function newSeed(): Uint8Array {
  const { privateKey } = generateKeyPairSync('ed25519', {
    privateKeyEncoding: { format: 'der', type: 'pkcs8' },
    publicKeyEncoding: { format: 'der', type: 'spki' },
  })
  const seed = Uint8Array.from(seedInPkcs8(privateKey))
  privateKey.fill(0)
  return seed
}

/** Bound to the ciphertext, so that no field of the record can be changed unseen. */
function contextOf(record: Omit<KeyRecord, 'privateKey'>): Uint8Array {
  return asciiBytes(
    ['tabmesh/identity/1', record.keyId, record.keySource, record.peerId, record.createdAt].join(' '),
  )
}

function isGiven(passphrase: string | undefined): passphrase is string {
  return passphrase !== undefined && passphrase !== ''
}

function damaged(directory: string, what: string): IdentityError {
  const advice = 'restore it from a backup, or move the directory away to start as a new node'
  return new IdentityError('Damaged', `The identity in ${directory} is damaged: ${what}; ${advice}`)
}
