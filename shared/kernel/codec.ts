import { decode, encode, rfc8949EncodeOptions } from 'cborg'
import { type Refusal, refuse } from './refusal.ts'

/** RFC 8949 section 4.2.1: one byte string for one value. Throws on values CBOR of ours does not carry. */
export function encodeCanonical(value: unknown): Uint8Array {
  return encode(value, rfc8949EncodeOptions)
}

/** Strict: only what `encodeCanonical` could have made, whole input, no tags, no undefined, no duplicate keys. */
const decodeOptions = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  rejectDuplicateMapKeys: true,
  useMaps: false,
}

export function decodeCanonical(bytes: Uint8Array): unknown | Refusal {
  try {
    return decode(bytes, decodeOptions)
  } catch (error) {
    return refuse('MalformedCbor', error instanceof Error ? error.message : 'undecodable')
  }
}
