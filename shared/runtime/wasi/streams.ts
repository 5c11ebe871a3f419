import type { LimitError } from '../limit-message.ts'
import type { Meter } from './meter.ts'

/** The input's bytes as a regular file: its size is known, it can be read again and from any place. */
export class InputStream {
  readonly kind = 'input'
  readonly #bytes: Uint8Array
  /** From 0 to 2^63 - 1; past the end nothing is left to read. */
  position = 0n

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get size(): number {
    return this.#bytes.length
  }

  /** Everything from `position` to the end. */
  from(position: bigint): Uint8Array {
    return position >= BigInt(this.size)
      ? this.#bytes.subarray(this.size)
      : this.#bytes.subarray(Number(position))
  }
}

const capacityMin = 4_096

/** Output or log: bytes are added at its end, and the first one too many ends the run. */
export class OutputStream {
  readonly kind = 'output'
  readonly #limit: LimitError
  readonly #sizeMax: number
  readonly #meter: Meter
  /** Grows twofold and never over `sizeMax`: each byte is copied twice at most, on the average. */
  #buffer = new Uint8Array(0)
  #size = 0

  constructor(limit: LimitError, sizeMax: number, meter: Meter) {
    this.#limit = limit
    this.#sizeMax = sizeMax
    this.#meter = meter
  }

  write(bytes: Uint8Array): void {
    const size = this.#size + bytes.length
    if (size > this.#sizeMax) this.#meter.end(this.#limit)
    if (size > this.#buffer.length) this.#grow(size)
    this.#buffer.set(bytes, this.#size)
    this.#size = size
  }

  /** A copy of what was written. */
  bytes(): Uint8Array {
    return this.#buffer.slice(0, this.#size)
  }

  #grow(size: number): void {
    const capacity = Math.min(this.#sizeMax, Math.max(size, 2 * this.#buffer.length, capacityMin))
    const buffer = new Uint8Array(capacity)
    buffer.set(this.#buffer.subarray(0, this.#size))
    this.#buffer = buffer
  }
}

export type Stream = InputStream | OutputStream
