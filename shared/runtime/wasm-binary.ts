import { Reader } from './wasm/reader.ts'

export { Reader }

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
