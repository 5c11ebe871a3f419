import { joinBytes } from '../kernel/bytes.ts'
import { giveBackCallBudget, takeCallBudget } from './wasm/call-budget.ts'
import { Instructions, readInstructions } from './wasm/instructions.ts'
import { Reader } from './wasm/reader.ts'
import type { Section } from './wasm/section-list.ts'
import { sectionOf } from './wasm/section-list.ts'
import { stronglyConnected } from './wasm/strongly-connected.ts'
import { unsignedBytes, Writer } from './wasm/writer.ts'

/*
 * The host's stack is not the same size everywhere, and what a frame takes of it differs between engines and between
 * the tiers of one. A guest that recurses until the host's stack ends would therefore end differently on two machines.
 * So every call that can be part of a recursion takes a fixed number of bytes from a budget while it lasts, and traps
 * when there are none left: a deep guest ends at the same depth everywhere, before the host's stack does.
 */

/** What a frame is taken to need: its variables, and so much for return address, spilled operands and alignment. */
const frameBytes = 160
const variableBytes = 8

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
interface Code {
  readonly body: Uint8Array
  /** Declared locals, parameters not among them. */
  readonly locals: number
  readonly calls: readonly Call[]
}

interface FunctionType {
  /** The type's bytes, to compare types by. */
  readonly key: string
  readonly parameters: number
}

/**
 * The module's code with the budget taken and given back around calls; `budget` is the index of a mutable i32 global that
 * starts at the bytes there are, and is below zero after the trap.
 */
export function boundCallDepth(sections: readonly Section[], budget: number): Uint8Array {
  const types = readTypes(sectionOf(sections, 'type'))
  const imported = readImports(sectionOf(sections, 'import'))
  const declared = indices(sectionOf(sections, 'function'))
  const typeOf = [...imported, ...declared].map((index) => types[index]!)
  const codes = bodies(sectionOf(sections, 'code')).map(readCode)
  // Nodes of the call graph: first the module's own functions, then one for each type, through which indirect calls go.
  const nodeOf = ({ kind, index }: Call): number | undefined => {
    if (kind === 'indirect') return codes.length + index
    return index < imported.length ? undefined : index - imported.length
  }
  const edges = codes.map(({ calls }) => calls.map(nodeOf).filter((node) => node !== undefined))
  const tabled = tableEntries(sectionOf(sections, 'element')).filter((index) => index >= imported.length)
  const targets = types.map((type) => tabled.filter((index) => typeOf[index]!.key === type.key))
  const own = targets.map((list) => list.map((index) => index - imported.length))
  const components = componentsOf([...edges, ...own])
  const rewritten = codes.map((code, self) => {
    const variables = typeOf[self + imported.length]!.parameters + code.locals
    const recursive = code.calls.map((call) => {
      const node = nodeOf(call)
      return node !== undefined && components[node] === components[self]
    })
    return rewrite(code, recursive, budget, frameBytes + variableBytes * variables)
  })
  return joinBytes([
    unsignedBytes(rewritten.length),
    ...rewritten.flatMap((body) => [unsignedBytes(body.length), body]),
  ])
}

function rewrite(
  { body, calls }: Code,
  recursive: readonly boolean[],
  budget: number,
  bytes: number,
): Uint8Array {
  const parts: Uint8Array[] = []
  let from = 0
  for (const [i, { start, end }] of calls.entries()) {
    if (recursive[i] !== true) continue
    parts.push(
      body.subarray(from, start),
      written((out) => takeCallBudget(out, budget, bytes)),
      body.subarray(start, end),
      written((out) => giveBackCallBudget(out, budget, bytes)),
    )
    from = end
  }
  return parts.length === 0 ? body : joinBytes([...parts, body.subarray(from)])
}

function written(write: (out: Writer) => void): Uint8Array {
  const out = new Writer(32)
  write(out)
  return out.view()
}

function readTypes(body: Uint8Array): FunctionType[] {
  const reader = new Reader(body)
  return Array.from({ length: reader.u32() }, () => {
    reader.expect(0x60)
    const parameters = reader.vector()
    return { key: `${parameters.join()}>${reader.vector().join()}`, parameters: parameters.length }
  })
}

/** The types of the imported functions; other imports are passed over. */
function readImports(body: Uint8Array): number[] {
  const reader = new Reader(body)
  const functions: number[] = []
  for (let left = reader.u32(); left > 0; left--) {
    reader.vector()
    reader.vector()
    const kind = reader.byte()
    if (kind === 0) functions.push(reader.u32())
    else if (kind === 2) limits(reader)
    else throw new Error(`The module imports something of kind ${kind}, which is not known here`)
  }
  return functions
}

function limits(reader: Reader): void {
  const flags = reader.byte()
  reader.skipLeb()
  if ((flags & 1) !== 0) reader.skipLeb()
}

function indices(body: Uint8Array): number[] {
  const reader = new Reader(body)
  return Array.from({ length: reader.u32() }, () => reader.u32())
}

function bodies(body: Uint8Array): Uint8Array[] {
  const reader = new Reader(body)
  return Array.from({ length: reader.u32() }, () => reader.vector())
}

/** The functions that an indirect call can reach. */
function tableEntries(body: Uint8Array): number[] {
  const reader = new Reader(body)
  const entries: number[] = []
  for (let left = reader.u32(); left > 0; left--) {
    reader.expect(0x00)
    reader.expect(0x41)
    reader.skipLeb()
    reader.expect(0x0b)
    for (let more = reader.u32(); more > 0; more--) entries.push(reader.u32())
  }
  return entries
}

/** Takes a function's body apart; throws on an instruction that is not known. */
export function readCode(body: Uint8Array): Code {
  const code = new Instructions()
  readInstructions(new Reader(body), 0, code)
  const calls: Call[] = []
  for (let i = 0; i < code.count; i++) {
    const op = code.op[i]
    if (op !== 0x10 && op !== 0x11) continue
    const kind = op === 0x10 ? 'direct' : 'indirect'
    calls.push({ start: code.at[i]!, end: code.at[i + 1]!, kind, index: code.immediate[i]! })
  }
  return { body, locals: code.locals, calls }
}

/** A number for each node, the same for nodes that reach one another. */
function componentsOf(edges: readonly (readonly number[])[]): Int32Array {
  const starts = new Int32Array(edges.length + 1)
  for (const [node, targets] of edges.entries()) starts[node + 1] = starts[node]! + targets.length
  return stronglyConnected(starts, Int32Array.from(edges.flat())).component
}
