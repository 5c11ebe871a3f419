import { Reader } from './wasm-binary.ts'

/** A call in a function's body. */
export interface Call {
  /** Where the instruction begins and ends in the body, locals included. */
  readonly start: number
  readonly end: number
  /** Of a direct call the function called, of an indirect one the type. */
  readonly kind: 'direct' | 'indirect'
  readonly index: number
}

/** A function's body taken apart. */
export interface Code {
  readonly body: Uint8Array
  /** Declared locals, parameters not among them. */
  readonly locals: number
  readonly calls: readonly Call[]
}

/** What follows an opcode. Opcodes that are not here are refused. */
type Immediate = 'none' | 'block' | 'index' | 'two' | 'table' | 'memory' | 'long' | 'f32' | 'f64' | 'prefix'

const immediates = new Map<number, Immediate>()
const set = (immediate: Immediate, from: number, to = from): void => {
  for (let opcode = from; opcode <= to; opcode++) immediates.set(opcode, immediate)
}
set('none', 0x00, 0x01)
set('block', 0x02, 0x04)
set('none', 0x05)
set('none', 0x0b)
set('index', 0x0c, 0x0d)
set('table', 0x0e)
set('none', 0x0f)
set('index', 0x10)
set('two', 0x11)
set('none', 0x1a, 0x1b)
set('index', 0x20, 0x24)
set('memory', 0x28, 0x3e)
set('index', 0x3f, 0x40)
set('long', 0x41, 0x42)
set('f32', 0x43)
set('f64', 0x44)
set('none', 0x45, 0xc4)
set('prefix', 0xfc)

/** Takes a function's body apart; throws on an instruction that is not of WebAssembly 1.0 with bulk memory. */
export function readCode(body: Uint8Array): Code {
  const reader = new Reader(body)
  let locals = 0
  for (let groups = reader.u32(); groups > 0; groups--) {
    locals += reader.u32()
    reader.byte()
  }
  const calls: Call[] = []
  while (!reader.done) {
    const start = reader.at
    const opcode = reader.byte()
    if (opcode !== 0x10 && opcode !== 0x11) {
      skipImmediate(reader, opcode)
      continue
    }
    const index = reader.u32()
    if (opcode === 0x11) reader.skipLeb()
    calls.push({ start, end: reader.at, kind: opcode === 0x10 ? 'direct' : 'indirect', index })
  }
  return { body, locals, calls }
}

function skipImmediate(reader: Reader, opcode: number): void {
  const immediate = immediates.get(opcode)
  switch (immediate) {
    case 'none':
      return
    case 'block':
    case 'index':
    case 'long':
      return reader.skipLeb()
    case 'two':
    case 'memory':
      reader.skipLeb()
      return reader.skipLeb()
    case 'table':
      for (let left = reader.u32() + 1; left > 0; left--) reader.skipLeb()
      return
    case 'f32':
      reader.take(4)
      return
    case 'f64':
      reader.take(8)
      return
    case 'prefix':
      return skipPrefixed(reader)
    case undefined:
      throw new Error(`The module uses instruction 0x${opcode.toString(16)}, which is not known here`)
  }
}

/** Saturating conversions, and filling and copying of memory. */
function skipPrefixed(reader: Reader): void {
  const opcode = reader.u32()
  if (opcode <= 7) return
  if (opcode === 10) reader.skipLeb()
  if (opcode === 10 || opcode === 11) return reader.skipLeb()
  throw new Error(`The module uses instruction 0xfc ${opcode}, which is not known here`)
}
