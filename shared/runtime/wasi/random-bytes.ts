/**
 * The bytes that `random_get` gives: one endless stream for each seed, which calls take from one after the other, however
 * they divide it. Not for secrets.
 *
 * Byte k of the stream is byte k mod 4, lowest first, of the 32-bit number k div 4 of sfc32 (Chris Doty-Humphrey,
 * PractRand). Of the seed's eight 32-bit words w0…w7 (8 hex digits each, first digit highest) its state starts as
 * a = w0^w4, b = w1^w5, c = w2^w6, counter = w3^w7, and its first 15 numbers are dropped: the same numbers that
 * JavaScript programs get as `Math.random`.
 */
export class RandomBytes {
  #a: number
  #b: number
  #c: number
  #counter: number
  /** The number that is being given away, next byte lowest, and how many bytes are left of it. */
  #word = 0
  #left = 0

  /** `seed` is 64 hex digits. */
  constructor(seed: string) {
    const word = (i: number): number => Number.parseInt(seed.slice(8 * i, 8 * i + 8), 16) | 0
    this.#a = word(0) ^ word(4)
    this.#b = word(1) ^ word(5)
    this.#c = word(2) ^ word(6)
    this.#counter = word(3) ^ word(7)
    for (let i = 0; i < 15; i++) this.#next()
  }

  fill(bytes: Uint8Array): void {
    let at = 0
    while (this.#left > 0 && at < bytes.length) bytes[at++] = this.#byte()
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    for (; at + 4 <= bytes.length; at += 4) view.setInt32(at, this.#next(), true)
    while (at < bytes.length) bytes[at++] = this.#byte()
  }

  #byte(): number {
    if (this.#left === 0) {
      this.#word = this.#next()
      this.#left = 4
    }
    const byte = this.#word & 0xff
    this.#word >>>= 8
    this.#left--
    return byte
  }

  #next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum
  }
}
