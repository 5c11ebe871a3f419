import { asciiBytes, concatBytes } from '../kernel/bytes.ts'
import { encodeCanonical } from '../kernel/codec.ts'
import type { Hash } from '../kernel/ids.ts'

/** What a signed request says beside its body. */
export interface RequestHead {
  readonly networkId: Hash
  /** Upper case. */
  readonly method: string
  /** With the query, as it is sent. */
  readonly path: string
  /** UUID v4, new for each request. */
  readonly id: string
  /** ISO 8601 UTC with milliseconds. */
  readonly time: string
}

export const signingHeaders = {
  key: 'tabmesh-key',
  id: 'tabmesh-id',
  time: 'tabmesh-time',
  signature: 'tabmesh-signature',
} as const

/** A request is refused when its time is further than this from the relay's clock. */
export const requestFreshMs = 5 * 60_000

/** "tabmesh/http/1" ‖ CBOR [networkId, method, path with query, id, time, SHA-256 of the body]; hashes as hex text. */
export const requestSigningBytes = (head: RequestHead, bodyHash: Hash): Uint8Array =>
  concatBytes(
    asciiBytes('tabmesh/http/1'),
    encodeCanonical([head.networkId, head.method, head.path, head.id, head.time, bodyHash]),
  )
