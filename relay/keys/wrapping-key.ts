import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { argon2id } from 'hash-wasm'

/** Where the key that encrypts the private key comes from; recorded when the identity is made. */
export type KeySource = 'keyFile' | 'passphrase' | 'keychain'

/** Argon2id as it was run for one identity; recorded, so that later versions may choose other costs. */
export interface PassphraseDerivation {
  readonly name: 'argon2id'
  readonly memoryKiB: number
  readonly iterations: number
  readonly parallelism: number
  /** Hex, 16 bytes. */
  readonly salt: string
}

/** AES-256-GCM as stored. All hex. */
export interface Sealed {
  /** 12 bytes, random. */
  readonly iv: string
  /** With the 16-byte tag at its end. */
  readonly ciphertext: string
}

const cipher = 'aes-256-gcm'
const tagBytes = 16

/** RFC 9106, section 4, second recommended option: 64 MiB, three passes. About 0.2 s. */
export function newDerivation(): PassphraseDerivation {
  const salt = randomBytes(16).toString('hex')
  return { name: 'argon2id', memoryKiB: 65_536, iterations: 3, parallelism: 1, salt }
}

/** The caller zeroes the key. */
export async function deriveKey(passphrase: string, derivation: PassphraseDerivation): Promise<Uint8Array> {
  return argon2id({
    password: passphrase.normalize('NFKC'),
    salt: Buffer.from(derivation.salt, 'hex'),
    memorySize: derivation.memoryKiB,
    iterations: derivation.iterations,
    parallelism: derivation.parallelism,
    hashLength: 32,
    outputType: 'binary',
  })
}

export function seal(key: Uint8Array, plaintext: Uint8Array, context: Uint8Array): Sealed {
  const iv = randomBytes(12)
  const encryption = createCipheriv(cipher, key, iv, { authTagLength: tagBytes }).setAAD(context)
  const body = Buffer.concat([encryption.update(plaintext), encryption.final(), encryption.getAuthTag()])
  return { iv: iv.toString('hex'), ciphertext: body.toString('hex') }
}

/** The caller zeroes what it gets; `undefined` when the key is another or a byte was changed. */
export function open(key: Uint8Array, sealed: Sealed, context: Uint8Array): Uint8Array | undefined {
  const body = Buffer.from(sealed.ciphertext, 'hex')
  if (body.length < tagBytes) return undefined
  try {
    const decryption = createDecipheriv(cipher, key, Buffer.from(sealed.iv, 'hex'), {
      authTagLength: tagBytes,
    })
    decryption.setAAD(context).setAuthTag(body.subarray(-tagBytes))
    const first = decryption.update(body.subarray(0, -tagBytes))
    const rest = decryption.final()
    const plaintext = Buffer.concat([first, rest])
    first.fill(0)
    rest.fill(0)
    return plaintext
  } catch {
    return undefined
  }
}
