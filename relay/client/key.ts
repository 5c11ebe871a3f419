import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import { ClientError } from '../../shared/client/client-error.ts'
import type { Key } from '../../shared/client/library.ts'
import { chooseEngine, createCryptoPort, createVerify } from '../../shared/host/create-crypto-port.ts'
import { seedInPkcs8 } from '../../shared/host/ed25519-engine.ts'
import { inWords } from '../file-words.ts'
import { nodeSha256 } from '../keys/node-sha256.ts'

export interface KeyFileOptions {
  /** Encrypts the file. */
  readonly passphrase?: string
}

/** What checks signatures and owns no key. */
export const checker = async () => ({ verify: createVerify(await chooseEngine()), sha256: nodeSha256 })

/** A key for as long as the process runs. */
export const createKey = (): Promise<Key> => keyOf(generateKeyPairSync('ed25519').privateKey)

/**
 * The key in a file, made when there is none: PKCS#8 in PEM, readable by its owner only. Rejects with a
 * ClientError `BadKey` when what is there is no Ed25519 key, the passphrase is another, or the file cannot be had.
 */
export async function openKey(path: string, { passphrase }: KeyFileOptions = {}): Promise<Key> {
  const made = generateKeyPairSync('ed25519').privateKey
  const encryption = passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase }
  try {
    const file = await open(path, 'wx', 0o600)
    try {
      await file.writeFile(made.export({ type: 'pkcs8', format: 'pem', ...encryption }))
      await file.sync()
    } finally {
      await file.close()
    }
    return await keyOf(made)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw badKey(path, 'made', inWords(error), error)
  }
  const pem = await readFile(path, 'utf8').catch((error: unknown) => {
    throw badKey(path, 'read', inWords(error), error)
  })
  return await keyOf(readKey(path, pem, passphrase))
}

function readKey(path: string, pem: string, passphrase: string | undefined): KeyObject {
  try {
    const key = createPrivateKey({
      key: pem,
      format: 'pem',
      ...(passphrase === undefined ? {} : { passphrase }),
    })
    if (key.asymmetricKeyType === 'ed25519') return key
  } catch (error) {
    throw badKey(path, 'read', 'it holds no key, or the passphrase is another', error)
  }
  throw badKey(path, 'used', 'it holds no Ed25519 key')
}

const badKey = (path: string, how: 'made' | 'read' | 'used', why: string, cause?: unknown): ClientError =>
  new ClientError('BadKey', `The key file ${path} cannot be ${how}: ${why}`, cause)

async function keyOf(privateKey: KeyObject): Promise<Key> {
  const pkcs8 = new Uint8Array(privateKey.export({ type: 'pkcs8', format: 'der' }))
  try {
    const engine = await chooseEngine()
    const signer = await engine.signerFromSeed(seedInPkcs8(pkcs8))
    return createCryptoPort({ signer, engine, sha256: nodeSha256 })
  } finally {
    pkcs8.fill(0)
  }
}
