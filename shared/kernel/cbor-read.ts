import { depthMax, halfOf } from './cbor-write.ts'

/*
 * Reads what `writeCbor` writes, and nothing else: every other way to say the same is refused where it stands, in one pass.
 */

let bytes: Uint8Array
let at = 0
let end = 0

/** The value of all these bytes. Throws an Error that says what is wrong with bytes that `writeCbor` would not have written. */
export function readCbor(source: Uint8Array): unknown {
  bytes = source
  at = 0
  end = source.length
  try {
    const value = read(0)
    if (at < end) throw new Error(`${end - at} bytes too many`)
    return value
  } finally {
    bytes = nothing
  }
}

const nothing = new Uint8Array(0)

function read(depth: number): unknown {
  const first = next()
  const info = first & 0x1f
  switch (first >> 5) {
    case 0:
      return lengthOf(info)
    case 1:
      return negative(info)
    case 2:
      return readBytes(lengthOf(info))
    case 3:
      return readText(lengthOf(info))
    case 4:
      return readList(lengthOf(info), depth)
    case 5:
      return readMap(lengthOf(info), depth)
    case 7:
      return readSimple(info)
    default:
      throw new Error('a tag')
  }
}

function next(): number {
  if (at >= end) throw new Error('cut short')
  return bytes[at++]!
}

/** The number in an item's head, which has to be in the shortest form there is for it. */
function lengthOf(info: number): number {
  if (info < 24) return info
  let value: number
  let least: number
  switch (info) {
    case 24:
      value = next()
      least = 24
      break
    case 25:
      value = 0x100 * next() + next()
      least = 0x100
      break
    case 26:
      value = uint32()
      least = 0x1_0000
      break
    case 27:
      value = 0x1_0000_0000 * uint32() + uint32()
      least = 0x1_0000_0000
      if (value > Number.MAX_SAFE_INTEGER) throw new Error('a number beyond 2^53')
      break
    default:
      throw new Error('a length that is open or reserved')
  }
  if (value < least) throw new Error('a number longer than needed')
  return value
}

function uint32(): number {
  const value = 0x100_0000 * next() + 0x1_0000 * next()
  return value + 0x100 * next() + next()
}

function negative(info: number): number {
  const value = lengthOf(info)
  if (value === Number.MAX_SAFE_INTEGER) throw new Error('a number beyond 2^53')
  return -1 - value
}

/** A copy: what is kept of a message must not keep the whole of it. */
function readBytes(length: number): Uint8Array {
  if (length > end - at) throw new Error('cut short')
  const copy = new Uint8Array(length)
  copy.set(bytes.subarray(at, at + length))
  at += length
  return copy
}

function readList(length: number, depth: number): unknown[] {
  if (depth === depthMax) throw new Error('too many lists and maps within one another')
  if (length > end - at) throw new Error('cut short')
  const list: unknown[] = []
  for (let i = 0; i < length; i++) list.push(read(depth + 1))
  return list
}

function readMap(length: number, depth: number): Record<string, unknown> {
  if (depth === depthMax) throw new Error('too many lists and maps within one another')
  if (2 * length > end - at) throw new Error('cut short')
  const map: Record<string, unknown> = {}
  let before = at
  let beforeEnd = at
  for (let i = 0; i < length; i++) {
    const start = at
    const first = next()
    if (first >> 5 !== 3) throw new Error('a key that is no text')
    const key = readText(lengthOf(first & 0x1f))
    if (i > 0 && !isAscending(before, beforeEnd, start, at)) throw new Error('keys out of order')
    before = start
    beforeEnd = at
    const value = read(depth + 1)
    if (key === '__proto__') Object.defineProperty(map, key, { value, ...ownField })
    else map[key] = value
  }
  return map
}

const ownField = { configurable: true, enumerable: true, writable: true }

/** Whether the bytes of the one key are before those of the next; equal ones are not. */
function isAscending(a: number, aEnd: number, b: number, bEnd: number): boolean {
  for (let i = a, j = b; i < aEnd && j < bEnd; i++, j++) {
    if (bytes[i] !== bytes[j]) return bytes[i]! < bytes[j]!
  }
  return aEnd - a < bEnd - b
}

function readSimple(info: number): unknown {
  switch (info) {
    case 20:
      return false
    case 21:
      return true
    case 22:
      return null
    case 25:
      return readFloat(2)
    case 26:
      return readFloat(4)
    case 27:
      return readFloat(8)
    default:
      throw new Error('a simple value that is not in use')
  }
}

const float = new DataView(new ArrayBuffer(8))

function readFloat(sizeBytes: 2 | 4 | 8): number {
  for (let i = 0; i < sizeBytes; i++) float.setUint8(i, next())
  const value =
    sizeBytes === 2 ? ofHalf(float.getUint16(0)) : sizeBytes === 4 ? float.getFloat32(0) : float.getFloat64(0)
  if (!Number.isFinite(value)) throw new Error('a float that is no number')
  if (Number.isSafeInteger(value)) throw new Error('a whole number as a float')
  if (sizeBytes === 4 && halfOf(float.getUint32(0)) !== undefined)
    throw new Error('a float longer than needed')
  if (sizeBytes === 8 && Math.fround(value) === value) throw new Error('a float longer than needed')
  return value
}

function ofHalf(half: number): number {
  const exponent = (half >> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0x1f) return Number.NaN
  const size = exponent === 0 ? fraction * 2 ** -24 : (fraction + 0x400) * 2 ** (exponent - 25)
  return (half & 0x8000) === 0 ? size : -size
}

// ——— texts ———

/** Texts up to this are looked up among those read of late: names of fields come again with every message. */
const knownLengthMax = 24
const known: string[] = Array.from({ length: 1_024 }, () => '')

/** Characters of one text, in a list of its length: made into a text at one go. */
const codesOf: number[][] = Array.from({ length: 129 }, (_, length) => new Array<number>(length).fill(0))

function readText(length: number): string {
  if (length > end - at) throw new Error('cut short')
  if (length <= knownLengthMax) return readShortText(length)
  if (length < codesOf.length) {
    const codes = codesOf[length]!
    for (let i = 0; i < length; i++) {
      const byte = bytes[at + i]!
      if (byte > 0x7f) return readOtherText(length)
      codes[i] = byte
    }
    at += length
    return String.fromCharCode.apply(null, codes)
  }
  return readOtherText(length)
}

function readShortText(length: number): string {
  if (length === 0) return ''
  const place =
    (length * 31 + bytes[at]! * 7 + bytes[at + length - 1]! * 131 + bytes[at + (length >> 1)]!) & 1_023
  const found = known[place]!
  if (found.length === length && isHere(found)) {
    at += length
    return found
  }
  const codes = codesOf[length]!
  for (let i = 0; i < length; i++) {
    const byte = bytes[at + i]!
    if (byte > 0x7f) return readOtherText(length)
    codes[i] = byte
  }
  at += length
  const text = String.fromCharCode.apply(null, codes)
  known[place] = text
  return text
}

function isHere(ascii: string): boolean {
  for (let i = 0; i < ascii.length; i++) if (ascii.charCodeAt(i) !== bytes[at + i]) return false
  return true
}

const partUnits = 4_096

/** UTF-8 of any length. Throws on what is not: each character has one form, and halves of pairs have none. */
function readOtherText(length: number): string {
  const stop = at + length
  let text = ''
  let units: number[] = []
  while (at < stop) {
    const code = readCodePoint(stop)
    if (code > 0xffff) units.push(0xd800 + ((code - 0x1_0000) >> 10), 0xdc00 + ((code - 0x1_0000) & 0x3ff))
    else units.push(code)
    if (units.length < partUnits) continue
    text += String.fromCharCode.apply(null, units)
    units = []
  }
  return text + String.fromCharCode.apply(null, units)
}

function readCodePoint(stop: number): number {
  const first = bytes[at++]!
  if (first < 0x80) return first
  // Unicode 16, table 3-7.
  if (first >= 0xc2 && first <= 0xdf) return ((first & 0x1f) << 6) | continuation(stop, 0x80, 0xbf)
  if (first >= 0xe0 && first <= 0xef) {
    const second = continuation(stop, first === 0xe0 ? 0xa0 : 0x80, first === 0xed ? 0x9f : 0xbf)
    return ((first & 0x0f) << 12) | (second << 6) | continuation(stop, 0x80, 0xbf)
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const second = continuation(stop, first === 0xf0 ? 0x90 : 0x80, first === 0xf4 ? 0x8f : 0xbf)
    const third = continuation(stop, 0x80, 0xbf)
    return ((first & 0x07) << 18) | (second << 12) | (third << 6) | continuation(stop, 0x80, 0xbf)
  }
  throw new Error('a text that is not UTF-8')
}

/** The six bits of a byte that continues a character. */
function continuation(stop: number, least: number, most: number): number {
  const byte = at < stop ? bytes[at++]! : 0
  if (byte < least || byte > most) throw new Error('a text that is not UTF-8')
  return byte & 0x3f
}
