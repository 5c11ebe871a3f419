/** Reading and writing the binary format of WebAssembly, as far as the engine's own module needs it. */

export interface Section {
  readonly id: number
  readonly body: Uint8Array
}

export const sectionIds = {
  type: 1,
  import: 2,
  function: 3,
  global: 6,
  export: 7,
  element: 9,
  code: 10,
  data: 11,
} as const

/** The sections of a module in their order; throws on bytes that are none. */
export function readSections(wasm: Uint8Array): Section[] {
  if (wasm.length < 8 || wasm[0] !== 0x00 || wasm[1] !== 0x61 || wasm[2] !== 0x73 || wasm[3] !== 0x6d) {
    throw new Error('The bytes are not a WebAssembly module')
  }
  const reader = new Reader(wasm.subarray(8))
  const sections: Section[] = []
  while (!reader.done) sections.push({ id: reader.byte(), body: reader.vector() })
  return sections
}

export function writeModule(sections: readonly Section[]): Uint8Array {
  const header = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00)
  return join([header, ...sections.flatMap(({ id, body }) => [Uint8Array.of(id), u32(body.length), body])])
}

export function sectionOf(sections: readonly Section[], name: keyof typeof sectionIds): Uint8Array {
  const section = sections.find(({ id }) => id === sectionIds[name])
  if (section === undefined) throw new Error(`The module has no ${name} section`)
  return section.body
}

/** A vector's body with more entries at its end. */
export function appendTo(vector: Uint8Array, entries: readonly Uint8Array[]): Uint8Array {
  const reader = new Reader(vector)
  const count = reader.u32()
  return join([u32(count + entries.length), reader.rest(), ...entries])
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

export function u32(value: number): Uint8Array {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Uint8Array.from([...bytes, rest])
    bytes.push((rest & 0x7f) | 0x80)
  }
}

export function s32(value: number): Uint8Array {
  const bytes: number[] = []
  for (let rest = value; ; rest >>= 7) {
    const low = rest & 0x7f
    const sign = low & 0x40
    if ((rest >> 7 === 0 && sign === 0) || (rest >> 7 === -1 && sign !== 0))
      return Uint8Array.from([...bytes, low])
    bytes.push(low | 0x80)
  }
}

export class Reader {
  #at = 0
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get at(): number {
    return this.#at
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length
  }

  byte(): number {
    if (this.done) throw new Error('The module ends too early')
    return this.#bytes[this.#at++]!
  }

  take(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length) throw new Error('The module ends too early')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  /** Bytes with their length in front. */
  vector(): Uint8Array {
    return this.take(this.u32())
  }

  rest(): Uint8Array {
    return this.take(this.#bytes.length - this.#at)
  }

  expect(byte: number): void {
    if (this.byte() !== byte) throw new Error(`The module lacks byte ${byte} at ${this.#at - 1}`)
  }

  u32(): number {
    return this.#leb(false)
  }

  s32(): number {
    return this.#leb(true)
  }

  /** Passes over a LEB128 number of any length. */
  skipLeb(): void {
    while ((this.byte() & 0x80) !== 0);
  }

  #leb(signed: boolean): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte()
      value |= (byte & 0x7f) << shift
      if ((byte & 0x80) !== 0) continue
      const negative = signed && shift < 25 && (byte & 0x40) !== 0
      return negative ? value | (-1 << (shift + 7)) : signed ? value : value >>> 0
    }
    throw new Error('The module holds a number that is too long')
  }
}
