import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { publicKeyFromPeerId } from '../../shared/host/peer-id.ts'
import type { PeerId } from '../../shared/kernel/ids.ts'
import type { KeySource, PassphraseDerivation, Sealed } from './wrapping-key.ts'

/** What `key.json` says. */
export interface KeyRecord {
  /** Names the wrapping key. */
  readonly keyId: string
  readonly keySource: KeySource
  readonly peerId: PeerId
  /** ISO 8601, UTC. */
  readonly createdAt: string
  /** Of the wrapping key, when the source is a passphrase. */
  readonly derivation: PassphraseDerivation | undefined
  /** The 32 secret bytes, encrypted. */
  readonly privateKey: Sealed
}

const recordFormat = 'tabmesh-identity/1'
const wrappingKeyFormat = 'tabmesh-wrapping-key/1'

const hex = (bytes: number) => Type.String({ pattern: `^[0-9a-f]{${2 * bytes}}$` })
const text = Type.String({ pattern: '^[\\x20-\\x7e]{1,100}$' })

const recordSchema = Type.Object(
  {
    format: Type.Literal(recordFormat),
    keyId: text,
    keySource: Type.Union([Type.Literal('keyFile'), Type.Literal('passphrase'), Type.Literal('keychain')]),
    peerId: text,
    createdAt: text,
    cipher: Type.Literal('AES-256-GCM'),
    derivation: Type.Optional(
      // Bounded, so that a changed file cannot ask for all memory or for hours.
      Type.Object(
        {
          name: Type.Literal('argon2id'),
          memoryKiB: Type.Integer({ minimum: 8, maximum: 1_048_576 }),
          iterations: Type.Integer({ minimum: 1, maximum: 100 }),
          parallelism: Type.Integer({ minimum: 1, maximum: 16 }),
          salt: hex(16),
        },
        { additionalProperties: false },
      ),
    ),
    privateKey: Type.Object({ iv: hex(12), ciphertext: hex(32 + 16) }, { additionalProperties: false }),
  },
  { additionalProperties: false },
)

const wrappingKeySchema = Type.Object(
  { format: Type.Literal(wrappingKeyFormat), keyId: text, key: hex(32) },
  { additionalProperties: false },
)

export function writeKeyRecord(record: KeyRecord): string {
  const { keyId, keySource, peerId, createdAt, derivation, privateKey } = record
  const json = {
    format: recordFormat,
    keyId,
    keySource,
    peerId,
    createdAt,
    cipher: 'AES-256-GCM',
    derivation,
    privateKey,
  }
  return `${JSON.stringify(json, undefined, 2)}\n`
}

/** The record, or what is wrong with the text, to go on after the file's name. */
export function readKeyRecord(content: string): KeyRecord | string {
  const json = parse(content)
  if (json === undefined) return 'is not JSON'
  if (!Value.Check(recordSchema, json)) return explain(Value.Errors(recordSchema, json))
  const { keyId, keySource, peerId, createdAt, derivation, privateKey } = json
  if (publicKeyFromPeerId(peerId) === undefined) return 'has a malformed peerId'
  return { keyId, keySource, peerId: peerId as PeerId, createdAt, derivation, privateKey }
}

export function writeWrappingKey(keyId: string, key: Uint8Array): string {
  const json = { format: wrappingKeyFormat, keyId, key: Buffer.from(key).toString('hex') }
  return `${JSON.stringify(json, undefined, 2)}\n`
}

/** The key, which the caller zeroes, or what is wrong with the text, to go on after the file's name. */
export function readWrappingKey(content: string, keyId: string): Uint8Array | string {
  const json = parse(content)
  if (json === undefined) return 'is not JSON'
  if (!Value.Check(wrappingKeySchema, json)) return explain(Value.Errors(wrappingKeySchema, json))
  if (json.keyId !== keyId) return `has the key ${json.keyId}, this identity needs ${keyId}`
  return Uint8Array.from(Buffer.from(json.key, 'hex'))
}

function parse(content: string): unknown {
  try {
    return JSON.parse(content)
  } catch {
    return undefined
  }
}

/** Names the field and not its value, which may be a secret. */
function explain(errors: readonly { readonly instancePath: string; readonly message: string }[]): string {
  const [first] = errors
  if (first === undefined) return 'is malformed'
  return `is malformed: ${first.instancePath === '' ? 'the whole' : first.instancePath.slice(1)} ${first.message}`
}
