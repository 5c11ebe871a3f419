/** Thrown by the reader only, and caught where a whole message is read. */
export class ProtobufError extends Error {}

export type Field =
  | { readonly number: number; readonly kind: 'varint'; readonly value: bigint }
  | { readonly number: number; readonly kind: 'bytes'; readonly value: Uint8Array }
  | { readonly number: number; readonly kind: 'fixed' }

/**
 * The fields of one message in their order. Stricter than the format where readers could disagree about what a message
 * says: no groups, no tags past 32 bits, no numbers past 64.
 */
export function* fieldsOf(message: Uint8Array): Generator<Field> {
  const reader = new ProtobufReader(message)
  while (!reader.done) yield reader.field()
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}

class ProtobufReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length
  }

  field(): Field {
    const tag = this.#varint(5)
    if (tag >= 2n ** 32n) throw new ProtobufError('a field has too large a number')
    const number = Number(tag >> 3n)
    if (number === 0) throw new ProtobufError('a field has number 0')
    switch (Number(tag & 7n)) {
      case 0:
        return { number, kind: 'varint', value: this.#varint(10) }
      case 1:
        this.#take(8)
        return { number, kind: 'fixed' }
      case 2:
        return { number, kind: 'bytes', value: this.#take(Number(this.#varint(5))) }
      case 5:
        this.#take(4)
        return { number, kind: 'fixed' }
      default:
        throw new ProtobufError('a field is of a kind that is not used')
    }
  }

  #varint(lengthMax: number): bigint {
    let low = 0
    let value = 0n
    for (let i = 0; i < lengthMax; i++) {
      const byte = this.#byte()
      // Nearly all numbers are small: a sum of numbers until it would lose bits.
      if (i < 4) low |= (byte & 0x7f) << (7 * i)
      else value |= BigInt(byte & 0x7f) << BigInt(7 * i)
      if ((byte & 0x80) !== 0) continue
      if (value >= 2n ** 64n) throw new ProtobufError('a number has more than 64 bits')
      return value | BigInt(low)
    }
    throw new ProtobufError('a number is too long')
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw new ProtobufError('it ends too early')
    return byte
  }

  #take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) throw new ProtobufError('it ends too early')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }
}
