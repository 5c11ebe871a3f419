import { readCbor } from './cbor-read.ts'
import { writeCbor } from './cbor-write.ts'
import { type Refusal, refuse } from './refusal.ts'

/** RFC 8949 section 4.2.1: one byte string for one value. Throws on values CBOR of ours does not carry. */
export function encodeCanonical(value: unknown): Uint8Array {
  return writeCbor(value)
}

/** Strict: the value, if these are the bytes that `encodeCanonical` makes of it; else a refusal. */
export function decodeCanonical(bytes: Uint8Array): unknown | Refusal {
  try {
    return readCbor(bytes)
  } catch (error) {
    return refuse('MalformedCbor', error instanceof Error ? error.message : 'undecodable')
  }
}
