/**
 * Seeded random source of the core: sfc32 (Chris Doty-Humphrey, PractRand), 128 bits of state.
 * The same seed gives the same sequence on every host. Not for secrets.
 */
export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  /** `seed` is any 32-bit integer; `stream` separates sources that share a seed. */
  constructor(seed: number, stream = 0) {
    this.#a = seed | 0
    this.#b = stream | 0
    this.#c = (seed ^ 0x9e3779b9) | 0
    for (let i = 0; i < 15; i++) this.uint32()
  }

  /** Uniform in [0, 2^32). */
  uint32(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum
    this.#c |= 0
    return sum >>> 0
  }

  /** Uniform in [0, 1). */
  unit(): number {
    return this.uint32() / 4294967296
  }

  /** Uniform integer in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.unit() * bound)
  }

  /** `value` times a factor uniform in [1 - share, 1 + share): spreads timers of many nodes. */
  jitter(value: number, share: number): number {
    return value * (1 - share + 2 * share * this.unit())
  }

  /** Lowercase hex of `length` random bytes. */
  hex(length: number): string {
    let text = ''
    for (let i = 0; i < length; i++) text += (this.uint32() & 0xff).toString(16).padStart(2, '0')
    return text
  }
}
