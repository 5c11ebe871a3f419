/*
 * CBOR as RFC 8949, 4.2.1 wants it of an encoder that is to give one string of bytes for one value: the shortest heads, the
 * shortest floats that lose nothing, lengths in front, keys in bytewise order of their encodings.
 */

/** Lists and maps within one another, in both directions: what is read and what is written has the same bound. */
export const depthMax = 64

const firstBytes = 64 * 1024
/** A buffer that one large value made larger than this is not kept. */
const keptBytesMax = 1024 * 1024

let buffer = new Uint8Array(firstBytes)
let at = 0

/** Throws TypeError on what has no place in such bytes, RangeError on what is nested too deeply. */
export function writeCbor(value: unknown): Uint8Array {
  at = 0
  write(value, 0)
  const bytes = buffer.slice(0, at)
  if (buffer.length > keptBytesMax) buffer = new Uint8Array(firstBytes)
  return bytes
}

function write(value: unknown, depth: number): void {
  switch (typeof value) {
    case 'string':
      return writeText(value)
    case 'number':
      return writeNumber(value)
    case 'boolean':
      return writeByte(value ? 0xf5 : 0xf4)
    case 'object':
      if (value === null) return writeByte(0xf6)
      if (value instanceof Uint8Array) return writeBytes(value)
      if (depth === depthMax) throw new RangeError(`more than ${depthMax} lists and maps within one another`)
      return Array.isArray(value) ? writeList(value, depth) : writeMap(value, depth)
    default:
      throw new TypeError(`${typeof value} has no place in what is encoded`)
  }
}

function room(bytes: number): void {
  if (at + bytes <= buffer.length) return
  const larger = new Uint8Array(Math.max(2 * buffer.length, at + bytes))
  larger.set(buffer.subarray(0, at))
  buffer = larger
}

function writeByte(byte: number): void {
  room(1)
  buffer[at++] = byte
}

/** The head of an item: its major type in the upper three bits, and a length or whole number up to 2^53. */
function writeHead(major: number, value: number): void {
  room(9)
  if (value < 24) {
    buffer[at] = major | value
    at++
  } else if (value < 0x100) {
    buffer[at++] = major | 24
    buffer[at++] = value
  } else if (value < 0x1_0000) {
    buffer[at++] = major | 25
    buffer[at++] = value >> 8
    buffer[at++] = value
  } else if (value < 0x1_0000_0000) {
    buffer[at++] = major | 26
    writeUint32(value)
  } else {
    buffer[at++] = major | 27
    writeUint32(Math.floor(value / 0x1_0000_0000))
    writeUint32(value)
  }
}

function writeUint32(value: number): void {
  buffer[at++] = value >>> 24
  buffer[at++] = value >>> 16
  buffer[at++] = value >>> 8
  buffer[at++] = value
}

function writeNumber(value: number): void {
  if (Number.isSafeInteger(value)) {
    if (value >= 0) writeHead(0x00, value)
    else writeHead(0x20, -1 - value)
  } else if (Number.isFinite(value)) {
    writeFloat(value)
  } else {
    throw new TypeError(`${value} has no place in what is encoded`)
  }
}

const float = new DataView(new ArrayBuffer(8))

function writeFloat(value: number): void {
  room(9)
  float.setFloat32(0, value)
  if (float.getFloat32(0) === value) {
    const half = halfOf(float.getUint32(0))
    if (half !== undefined) {
      buffer[at++] = 0xf9
      buffer[at++] = half >> 8
      buffer[at++] = half
      return
    }
    buffer[at++] = 0xfa
    writeUint32(float.getUint32(0))
    return
  }
  float.setFloat64(0, value)
  buffer[at++] = 0xfb
  writeUint32(float.getUint32(0))
  writeUint32(float.getUint32(4))
}

/** The same number in half the bits, from the bits of a finite one; `undefined` where that would lose some. */
export function halfOf(single: number): number | undefined {
  const sign = (single >>> 16) & 0x8000
  const exponent = ((single >>> 23) & 0xff) - 127
  const fraction = single & 0x7f_ffff
  if (exponent >= -14 && exponent <= 15) {
    return (fraction & 0x1fff) === 0 ? sign | ((exponent + 15) << 10) | (fraction >> 13) : undefined
  }
  if (exponent < -24 || exponent > 15) return undefined
  // Below 2^-14 halves have no leading one, and steps of 2^-24.
  const shift = -1 - exponent
  const whole = 0x80_0000 | fraction
  return (whole & ((1 << shift) - 1)) === 0 ? sign | (whole >> shift) : undefined
}

function writeBytes(bytes: Uint8Array): void {
  writeHead(0x40, bytes.length)
  room(bytes.length)
  buffer.set(bytes, at)
  at += bytes.length
}

function writeText(text: string): void {
  const { length } = text
  // Three bytes a character at most; the head is as for ASCII, and made good where it was not.
  writeHead(0x60, length)
  room(3 * length)
  const start = at
  const to = buffer
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    to[start + i] = code
    if (code > 0x7f) return writeOtherText(text, i, start)
  }
  at = start + length
}

/** Goes on with a text that begins at `start` with its first character that is not ASCII. */
function writeOtherText(text: string, from: number, start: number): void {
  at = start + from
  for (let i = from; i < text.length; i++) {
    const code = text.codePointAt(i)!
    if (code > 0xffff) i++
    writeCodePoint(code)
  }
  const sizeBytes = at - start
  const before = headLength(text.length)
  const after = headLength(sizeBytes)
  if (after !== before) {
    room(after - before)
    buffer.copyWithin(start + after - before, start, at)
  }
  at = start - before
  writeHead(0x60, sizeBytes)
  at += sizeBytes
}

function writeCodePoint(code: number): void {
  if (code < 0x80) {
    buffer[at++] = code
  } else if (code < 0x800) {
    buffer[at++] = 0xc0 | (code >> 6)
    buffer[at++] = 0x80 | (code & 0x3f)
  } else if (code < 0x1_0000) {
    // Half of a pair alone is no character: U+FFFD, as everywhere where text becomes UTF-8.
    const character = code >= 0xd800 && code <= 0xdfff ? 0xfffd : code
    buffer[at++] = 0xe0 | (character >> 12)
    buffer[at++] = 0x80 | ((character >> 6) & 0x3f)
    buffer[at++] = 0x80 | (character & 0x3f)
  } else {
    buffer[at++] = 0xf0 | (code >> 18)
    buffer[at++] = 0x80 | ((code >> 12) & 0x3f)
    buffer[at++] = 0x80 | ((code >> 6) & 0x3f)
    buffer[at++] = 0x80 | (code & 0x3f)
  }
}

const headLength = (value: number): number =>
  value < 24 ? 1 : value < 0x100 ? 2 : value < 0x1_0000 ? 3 : value < 0x1_0000_0000 ? 5 : 9

function writeList(list: readonly unknown[], depth: number): void {
  writeHead(0x80, list.length)
  for (let i = 0; i < list.length; i++) write(list[i], depth + 1)
}

function writeMap(map: object, depth: number): void {
  if (!isPlain(map)) throw new TypeError('only plain objects have a place in what is encoded')
  const keys = Object.keys(map)
  writeHead(0xa0, keys.length)
  if (keys.length === 0) return
  for (const key of sorted(keys)) {
    writeText(key)
    write((map as Record<string, unknown>)[key], depth + 1)
  }
}

function isPlain(map: object): boolean {
  return (
    (map as { constructor?: unknown }).constructor === Object ||
    Object.prototype.toString.call(map) === '[object Object]'
  )
}

/** Keys as objects have them, and the same sorted. */
interface Order {
  readonly given: readonly string[]
  readonly sorted: readonly string[]
}

/** Objects of a program are of few forms: their orders by the first key. When there are too many, they begin anew. */
const orders = new Map<string, Order[]>()
const ordersMax = 512
const keysOfOrderMax = 32
let ordersKnown = 0

function sorted(keys: string[]): readonly string[] {
  const first = keys[0]!
  const alike = orders.get(first)
  const known = alike?.find(({ given }) => isSame(given, keys))
  if (known !== undefined) return known.sorted
  const order = { given: [...keys], sorted: inOrder(keys) }
  if (keys.length > keysOfOrderMax) return order.sorted
  if (ordersKnown === ordersMax) {
    orders.clear()
    ordersKnown = 0
  }
  ordersKnown++
  const list = orders.get(first)
  if (list === undefined) orders.set(first, [order])
  else list.push(order)
  return order.sorted
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Sorts the keys in place; those of what was decoded are in order already. */
function inOrder(keys: string[]): string[] {
  for (let i = 1; i < keys.length; i++) {
    const key = keys[i]!
    let place = i
    for (; place > 0 && isBefore(key, keys[place - 1]!); place--) keys[place] = keys[place - 1]!
    keys[place] = key
  }
  return keys
}

/** Whether the encoding of `a` is bytewise before that of `b`: shorter ones are, by their heads. */
function isBefore(a: string, b: string): boolean {
  if (!isAscii(a) || !isAscii(b)) return isBeforeByBytes(a, b)
  return a.length === b.length ? a < b : a.length < b.length
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false
  return true
}

function isBeforeByBytes(a: string, b: string): boolean {
  const [first, second] = [encodedText(a), encodedText(b)]
  for (let i = 0; i < first.length && i < second.length; i++) {
    if (first[i] !== second[i]) return first[i]! < second[i]!
  }
  return first.length < second.length
}

/** As it will be written, behind what has been written. */
function encodedText(text: string): Uint8Array {
  const start = at
  writeText(text)
  const bytes = buffer.slice(start, at)
  at = start
  return bytes
}
