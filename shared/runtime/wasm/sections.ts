import type { FunctionType, ModuleContent } from './content.ts'
import { readValueType } from './content.ts'
import { limits } from './limits.ts'
import type { Reader } from './reader.ts'
import { malformed, Refused } from './refusal.ts'
import { wasiImports, wasiModule } from './wasi-imports.ts'

/** A vector's length that has to be at most the limit of that name. */
export function limit(part: Reader, what: keyof typeof limits): number {
  const offset = part.at
  const count = part.count()
  if (count > limits[what]) throw tooMany(what, offset)
  return count
}

function tooMany(what: keyof typeof limits, offset: number): Refused {
  return new Refused(`too many ${what}`, offset, `${limits[what]} are the most`)
}

const importKinds = ['function', 'table', 'memory', 'global', 'tag']

export function readImports(content: ModuleContent, part: Reader): void {
  for (let left = limit(part, 'imports'); left > 0; left--) {
    const offset = part.at
    const module = part.name()
    const name = part.name()
    const kind = part.byte()
    if (kind !== 0) {
      const feature = kind === 4 ? 'exceptions' : `an imported ${importKinds[kind] ?? 'thing'}`
      throw new Refused(feature, offset, `only functions of ${wasiModule} can be imported`)
    }
    content.functions.push(part.u32())
    content.importedFunctions++
    if (module !== wasiModule || !Object.hasOwn(wasiImports, name)) {
      const feature = `the import "${shorten(module)}" "${shorten(name)}"`
      throw new Refused(feature, offset, `only functions of ${wasiModule} can be imported`)
    }
    content.imports.push({ module, name, offset })
  }
}

/** Names come from strangers and end in a message. */
function shorten(name: string): string {
  const printable = name.replace(/[^\x20-\x7e]/gu, '?')
  return printable.length > 60 ? `${printable.slice(0, 60)}…` : printable
}

const letters = new Map([
  [0x7f, 'i'],
  [0x7e, 'I'],
])

/** In the letters of wasi-imports.ts. */
export function signatureOf({ parameters, results }: FunctionType): string {
  const text = (types: Uint8Array) => Array.from(types, (type) => letters.get(type) ?? '?').join('')
  return `${text(parameters)}>${text(results)}`
}

/** Flags, least and most of a table or memory. */
function readLimits(part: Reader, what: 'memory' | 'table'): { min: number; max: number | undefined } {
  const offset = part.at
  const flags = part.byte()
  if ((flags & ~0x0f) !== 0) throw malformed('unknown limits', offset)
  if ((flags & 0x08) !== 0) throw new Refused('custom page sizes', offset, 'pages are of 64 KiB')
  if ((flags & 0x04) !== 0)
    throw new Refused('memory64', offset, `build for wasm32, a ${what} has 32-bit addresses`)
  if ((flags & 0x02) !== 0)
    throw new Refused('threads', offset, `a ${what} cannot be shared, build without -pthread`)
  const min = part.u32()
  return { min, max: (flags & 0x01) === 0 ? undefined : part.u32() }
}

export function readTables(part: Reader): void {
  const from = part.at
  const count = part.count()
  for (let left = count; left > 0; left--) {
    const offset = part.at
    const type = part.byte()
    if (type === 0x40) throw new Refused('typed function references', offset, 'a table starts empty')
    if (type === 0x6f) throw new Refused('reference types (externref)', offset, 'a table holds functions')
    if (type === 0x63 || type === 0x64)
      throw new Refused('typed function references', offset, 'a table holds functions')
    if (type !== 0x70) throw new Refused('garbage collection', offset, 'a table holds functions')
    const { min } = readLimits(part, 'table')
    if (min > limits.tableElements) {
      throw new Refused('a table too large', offset, `${limits.tableElements} elements are the most`)
    }
  }
  if (count > 1) throw new Refused('reference types (several tables)', from, 'one table is the most')
}

export function readMemories(content: ModuleContent, part: Reader): void {
  const from = part.at
  const count = part.count()
  for (let left = count; left > 0; left--) {
    const offset = part.at
    content.memory = { ...readLimits(part, 'memory'), offset }
    if (content.memory.min > limits.memoryPages) {
      throw new Refused('a memory too large', offset, `${limits.memoryPages} pages (2 GiB) are the most`)
    }
  }
  if (count > 1) throw new Refused('multi-memory', from, 'one memory is the most')
}

export function readGlobals(content: ModuleContent, part: Reader): void {
  content.globals = limit(part, 'globals')
  for (let left = content.globals; left > 0; left--) {
    readValueType(part)
    const offset = part.at
    const flags = part.byte()
    if (flags === 2 || flags === 3) throw new Refused('threads', offset, 'a global cannot be shared')
    if (flags > 1) throw malformed('an unknown kind of global', offset)
    readConstant(part)
  }
}

/** One constant and `end`. */
function readConstant(part: Reader): void {
  const offset = part.at
  const op = part.byte()
  if (op === 0x41) part.signed(32)
  else if (op === 0x42) part.signed(64)
  else if (op === 0x43) part.skip(4)
  else if (op === 0x44) part.skip(8)
  else if (op === 0xfd && part.u32() === 12) part.skip(16)
  else if (op === 0xd0 || op === 0xd2) throw new Refused('reference types', offset, 'use numbers only')
  else if (op === 0xfb) throw new Refused('garbage collection', offset, 'use numbers only')
  else throw new Refused('extended constant expressions', offset, 'an initial value is one constant')
  if (part.byte() !== 0x0b) {
    throw new Refused('extended constant expressions', part.at - 1, 'an initial value is one constant')
  }
}

export function readExports(content: ModuleContent, part: Reader): void {
  for (let left = limit(part, 'exports'); left > 0; left--) {
    const offset = part.at
    const name = part.name()
    const kind = part.byte()
    if (kind === 4) throw new Refused('exceptions', offset, 'build without -fwasm-exceptions')
    if (kind > 4) throw malformed('an unknown kind of export', part.at - 1)
    content.exports.set(name, { kind, index: part.u32(), offset })
  }
}

export function readElements(content: ModuleContent, part: Reader): void {
  for (let left = limit(part, 'elementSegments'); left > 0; left--) {
    const offset = part.at
    const flags = part.u32()
    if (flags > 7) throw malformed('an unknown kind of element segment', offset)
    if (flags > 3)
      throw new Refused('reference types (element expressions)', offset, 'list functions by their index')
    if (flags === 2 && part.u32() !== 0)
      throw new Refused('reference types (several tables)', offset, 'one table is the most')
    if (flags === 0 || flags === 2) readConstant(part)
    if (flags !== 0 && part.byte() !== 0) throw malformed('an unknown kind of element', part.at - 1)
    for (let more = part.count(); more > 0; more--) content.elements.push(part.u32())
    if (content.elements.length > limits.elements) throw tooMany('elements', offset)
  }
}

export function readData(part: Reader): void {
  for (let left = limit(part, 'dataSegments'); left > 0; left--) {
    const offset = part.at
    const flags = part.u32()
    if (flags > 2) throw malformed('an unknown kind of data segment', offset)
    if (flags === 2 && part.u32() !== 0) throw new Refused('multi-memory', offset, 'one memory is the most')
    if (flags !== 1) readConstant(part)
    part.skip(part.u32())
  }
}
