import { joinBytes } from '../../kernel/bytes.ts'
import { sectionIds } from './content.ts'
import { Reader } from './reader.ts'
import { unsignedBytes } from './writer.ts'

/*
 * A module of our own choice, whose sections are changed one by one: QuickJS, ONNX Runtime. Strangers' modules are read
 * by module.ts.
 */

export interface Section {
  readonly id: number
  readonly body: Uint8Array
}

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
  const written = sections.flatMap(({ id, body }) => [Uint8Array.of(id), unsignedBytes(body.length), body])
  return joinBytes([header, ...written])
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
  return joinBytes([unsignedBytes(count + entries.length), reader.rest(), ...entries])
}
