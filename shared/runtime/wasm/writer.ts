/** Bytes being written, in a buffer that grows by doubling. */
export class Writer {
  at = 0
  #bytes: Uint8Array

  constructor(capacity = 1024) {
    this.#bytes = new Uint8Array(capacity)
  }

  byte(value: number): void {
    if (this.at === this.#bytes.length) this.#grow(1)
    this.#bytes[this.at++] = value
  }

  two(first: number, second: number): void {
    this.byte(first)
    this.byte(second)
  }

  u32(value: number): void {
    let rest = value
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.byte(rest)
  }

  /** A whole number within ±2^53 as signed LEB128. */
  signed(value: number): void {
    let rest = value
    while (rest < -64 || rest > 63) {
      this.byte((rest & 0x7f) | 0x80)
      rest = Math.floor(rest / 128)
    }
    this.byte(rest & 0x7f)
  }

  bytes(source: Uint8Array): void {
    this.copy(source, 0, source.length)
  }

  copy(source: Uint8Array, from: number, to: number): void {
    const length = to - from
    if (this.at + length > this.#bytes.length) this.#grow(length)
    if (length > 64) {
      this.#bytes.set(source.subarray(from, to), this.at)
    } else {
      const target = this.#bytes
      for (let i = from, j = this.at; i < to; i++, j++) target[j] = source[i]!
    }
    this.at += length
  }

  /** Bytes with their length in front. */
  vector(source: Uint8Array): void {
    this.u32(source.length)
    this.bytes(source)
  }

  name(text: string): void {
    this.vector(new TextEncoder().encode(text))
  }

  /** What was written, valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.at)
  }

  #grow(by: number): void {
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.at + by))
    larger.set(this.#bytes.subarray(0, this.at))
    this.#bytes = larger
  }
}

export function unsignedBytes(value: number): Uint8Array {
  const out = new Writer(5)
  out.u32(value)
  return out.view()
}

/** A whole number within ±2^53. */
export function signedBytes(value: number): Uint8Array {
  const out = new Writer(8)
  out.signed(value)
  return out.view()
}
