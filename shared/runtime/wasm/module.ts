import { ModuleContent, readValueType, sectionIds } from './content.ts'
import { limits } from './limits.ts'
import { Reader } from './reader.ts'
import { malformed, Refused } from './refusal.ts'
import {
  limit,
  readData,
  readElements,
  readExports,
  readGlobals,
  readImports,
  readMemories,
  readTables,
} from './sections.ts'

/** Takes a module apart; throws `Refused` on the first thing in it that is not allowed. Instructions are not looked at. */
export function readModule(wasm: Uint8Array): ModuleContent {
  const content = new ModuleContent(wasm)
  const reader = new Reader(wasm)
  for (const byte of [0x00, 0x61, 0x73, 0x6d]) {
    if (reader.byte() !== byte) throw malformed('no \\0asm at its start', reader.at - 1)
  }
  const version = [reader.byte(), reader.byte(), reader.byte(), reader.byte()].join()
  if (version !== '1,0,0,0') {
    const component = version.endsWith(',1,0')
    if (!component) throw malformed('an unknown version', 4)
    throw new Refused('the component model', 4, 'build a core module for WASI preview 1')
  }
  while (!reader.done) {
    const offset = reader.at
    const id = reader.byte()
    const part = reader.part(reader.u32())
    if (id !== sectionIds.custom) {
      if (content.sections.has(id)) throw malformed('a section twice', offset)
      content.sections.set(id, { from: part.at, to: part.end })
    }
    readSection(content, id, part, offset)
  }
  return content
}

function readSection(content: ModuleContent, id: number, part: Reader, offset: number): void {
  switch (id) {
    case sectionIds.custom:
      part.at = part.end
      break
    case sectionIds.type:
      readTypes(content, part)
      break
    case sectionIds.import:
      readImports(content, part)
      break
    case sectionIds.function:
      for (let left = limit(part, 'functions'); left > 0; left--) content.functions.push(part.u32())
      break
    case sectionIds.table:
      readTables(part)
      break
    case sectionIds.memory:
      readMemories(content, part)
      break
    case sectionIds.global:
      readGlobals(content, part)
      break
    case sectionIds.export:
      readExports(content, part)
      break
    case sectionIds.start:
      throw new Refused('a start section', offset, 'do the work in _start instead')
    case sectionIds.element:
      readElements(content, part)
      break
    case sectionIds.code:
      readBodies(content, part)
      break
    case sectionIds.data:
      readData(part)
      break
    case sectionIds.dataCount:
      part.u32()
      break
    case sectionIds.tag:
      throw new Refused('exceptions', offset, 'build without -fwasm-exceptions')
    default:
      throw malformed(`section ${id}`, offset)
  }
  if (!part.done) throw malformed('a section with bytes left over', part.at)
}

function readTypes(content: ModuleContent, part: Reader): void {
  for (let left = limit(part, 'types'); left > 0; left--) {
    const offset = part.at
    const form = part.byte()
    if (form !== 0x60) throw typeRefusal(form, offset)
    const parameters = readValueTypes(part, 'parameters')
    const results = readValueTypes(part, 'results')
    content.types.push({ key: `${parameters.join()}>${results.join()}`, parameters, results })
  }
}

function typeRefusal(form: number, offset: number): Refused {
  if (form === 0x5d) return new Refused('stack switching', offset, 'it is not in WebAssembly 2.0')
  const collected = [0x4e, 0x4f, 0x50, 0x5e, 0x5f].includes(form)
  return collected
    ? new Refused('garbage collection', offset, 'only function types are taken')
    : malformed('an unknown kind of type', offset)
}

function readValueTypes(part: Reader, what: 'parameters' | 'results'): Uint8Array {
  const count = limit(part, what)
  const from = part.at
  for (let left = count; left > 0; left--) readValueType(part)
  return part.bytes.subarray(from, part.at)
}

function readBodies(content: ModuleContent, part: Reader): void {
  for (let left = limit(part, 'functions'); left > 0; left--) {
    const offset = part.at
    const body = part.part(part.u32())
    if (body.end - body.at > limits.bodyBytes) {
      throw new Refused('a function too large', offset, `split it, ${limits.bodyBytes} bytes are the most`)
    }
    content.bodies.push(body.at)
    content.bodies.push(body.end)
  }
}
