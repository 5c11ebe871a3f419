import { parseJson } from './json-read'
import { NUMBER } from './json-value'
import { closeObject, finish, openObject, writeInteger, writeKey } from './json-write'
import { fail, readInput } from './stdio'

/** A kernel's input: a whole number up to 10 million. */
export function readSize(): i32 {
  const input = parseJson(readInput())
  const size = input.kind == NUMBER ? input.number() : -1
  if (!(size >= 0 && size <= 10_000_000) || Math.floor(size) != size) {
    fail('the input has to be a whole number from 0 to 10000000')
  }
  return <i32>size
}

export function writeChecksum(checksum: u32): void {
  openObject()
  writeKey('checksum')
  writeInteger(checksum)
  closeObject()
  finish()
}

/** FNV-1a over words of 32 bits. */
export function mix(hash: u32, word: u32): u32 {
  return (hash ^ word) * 0x01000193
}

/** The hash of a double's bits, the lower half first. */
export function mixDouble(hash: u32, value: f64): u32 {
  const bits = reinterpret<u64>(value)
  return mix(mix(hash, <u32>bits), <u32>(bits >>> 32))
}

/** The next of a row of numbers that look random (a linear congruence, from "Numerical Recipes"). */
export function nextRandom(state: u32): u32 {
  return state * 1664525 + 1013904223
}

export const hashStart: u32 = 0x811c9dc5
