import { malformed } from './refusal.ts'

/** Reads a module; `at` is always the byte in the whole module. Throws `Refused` on what is no number or ends too early. */
export class Reader {
  at: number
  readonly bytes: Uint8Array
  readonly end: number

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  get done(): boolean {
    return this.at >= this.end
  }

  byte(): number {
    if (this.at >= this.end) throw malformed('ends too early', this.at)
    return this.bytes[this.at++]!
  }

  skip(length: number): void {
    if (length > this.end - this.at) throw malformed('ends too early', this.at)
    this.at += length
  }

  /** The part of that many bytes that comes next. */
  part(length: number): Reader {
    const from = this.at
    this.skip(length)
    return new Reader(this.bytes, from, this.at)
  }

  /** The next bytes themselves. */
  take(length: number): Uint8Array {
    const from = this.at
    this.skip(length)
    return this.bytes.subarray(from, this.at)
  }

  /** Bytes with their length in front. */
  vector(): Uint8Array {
    return this.take(this.u32())
  }

  rest(): Uint8Array {
    return this.take(this.end - this.at)
  }

  expect(byte: number): void {
    if (this.byte() !== byte) throw malformed(`not the byte ${byte}`, this.at - 1)
  }

  /** Passes over a LEB128 number of any length. */
  skipLeb(): void {
    while (this.byte() >= 0x80);
  }

  u32(): number {
    let value = this.byte()
    if (value < 0x80) return value
    value &= 0x7f
    for (let shift = 7; shift < 28; shift += 7) {
      const byte = this.byte()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    const last = this.byte()
    if (last > 0x0f) throw malformed('a number over 32 bits', this.at - 1)
    return (value | (last << 28)) >>> 0
  }

  s32(): number {
    return this.signed(32)
  }

  /** A signed number of at most `bits` bits; only the low 32 of them are told. */
  signed(bits: 32 | 33 | 64): number {
    let value = 0
    for (let shift = 0; shift < bits; shift += 7) {
      const byte = this.byte()
      if (shift < 32) value |= (byte & 0x7f) << shift
      if (byte >= 0x80) continue
      return shift < 25 && (byte & 0x40) !== 0 ? value | (-1 << (shift + 7)) : value
    }
    throw malformed(`a number over ${bits} bits`, this.at)
  }

  /** A vector's length; each entry takes a byte at least, so that a length over what is left is refused at once. */
  count(): number {
    const from = this.at
    const count = this.u32()
    if (count > this.end - this.at) throw malformed('a vector longer than its section', from)
    return count
  }

  name(): string {
    const part = this.part(this.u32())
    return new TextDecoder().decode(part.bytes.subarray(part.at, part.end))
  }
}
