import { decode, encode, rfc8949EncodeOptions } from 'cborg'
import { equalBytes } from './bytes.ts'
import { type Refusal, refuse } from './refusal.ts'

const encodeOptions = {
  ...rfc8949EncodeOptions,
  typeEncoders: {
    ...rfc8949EncodeOptions.typeEncoders,
    undefined: (): never => {
      throw new TypeError('undefined has no place in what is encoded')
    },
    number: (value: number): null => {
      if (Number.isFinite(value)) return null
      throw new TypeError(`${value} has no place in what is encoded`)
    },
  },
}

/** RFC 8949 section 4.2.1: one byte string for one value. Throws on values CBOR of ours does not carry. */
export function encodeCanonical(value: unknown): Uint8Array {
  return encode(value, encodeOptions)
}

const decodeOptions = {
  strict: true,
  allowIndefinite: false,
  allowBigInt: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  rejectDuplicateMapKeys: true,
  useMaps: false,
}

/** Strict: the value, if these are the bytes that `encodeCanonical` makes of it; else a refusal. */
export function decodeCanonical(bytes: Uint8Array): unknown | Refusal {
  try {
    const value: unknown = decode(bytes, decodeOptions)
    return equalBytes(encodeCanonical(value), bytes)
      ? value
      : refuse('MalformedCbor', 'not in canonical form')
  } catch (error) {
    return refuse('MalformedCbor', error instanceof Error ? error.message : 'undecodable')
  }
}
