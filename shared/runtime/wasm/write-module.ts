import type { Surroundings } from './body-writer.ts'
import { BodyWriter } from './body-writer.ts'
import { giveBackCallBudget, takeCallBudget } from './call-budget.ts'
import type { ModuleContent } from './content.ts'
import { sectionIds, valueTypes } from './content.ts'
import { frameBytesAhead } from './frames.ts'
import { cost } from './fuel.ts'
import type { Instructions } from './instructions.ts'
import { limits } from './limits.ts'
import type { Plan } from './plan.ts'
import { readBody } from './plan.ts'
import { Refused } from './refusal.ts'
import { memoryImport } from './wasi-imports.ts'
import { unsignedBytes, Writer } from './writer.ts'

/** The module's types with those that are added. */
class Types {
  readonly added: Uint8Array[] = []
  readonly #byKey = new Map<string, number>()
  readonly #content: ModuleContent
  readonly #resultsOnly = new Map<number, number>()

  constructor(content: ModuleContent) {
    this.#content = content
    for (const [index, { key }] of content.types.entries())
      if (!this.#byKey.has(key)) this.#byKey.set(key, index)
  }

  index(parameters: Uint8Array, results: Uint8Array): number {
    const key = `${parameters.join()}>${results.join()}`
    const known = this.#byKey.get(key)
    if (known !== undefined) return known
    const index = this.#content.types.length + this.added.length
    const out = new Writer()
    out.byte(0x60)
    out.vector(parameters)
    out.vector(results)
    this.added.push(out.view())
    this.#byKey.set(key, index)
    return index
  }

  readonly resultsOnly = (type: number): number => {
    const known = this.#resultsOnly.get(type)
    if (known !== undefined) return known
    const index = this.index(new Uint8Array(0), this.#content.types[type]!.results)
    this.#resultsOnly.set(type, index)
    return index
  }
}

/** A function that is added: its type and its body without the length in front. */
interface Added {
  readonly type: number
  readonly body: Uint8Array
}

/** Writes the module anew: own exports and custom sections left out, everything that the host is promised put in. */
export function writePrepared(content: ModuleContent, code: Instructions, plan: Plan): Uint8Array {
  const types = new Types(content)
  const added: Added[] = []
  const firstAdded = content.functions.length
  const add = (type: number, body: Uint8Array): number => firstAdded + added.push({ type, body }) - 1
  const fuel = content.globals
  const globals = { fuel, callBudget: fuel + 1, pagesMax: fuel + 2, memoryHit: fuel + 3 }
  const own = new Uint8Array(0)
  const number = Uint8Array.of(valueTypes.i32)
  const start = add(types.index(own, own), startBody(content, plan.staticBytes, globals.callBudget))
  const grow = plan.grows ? add(types.index(number, number), growBody(content, globals)) : undefined
  const around: Surroundings = { content, ...globals, grow, resultsOnly: types.resultsOnly }
  const bodies = writeBodies(around, code, plan, add)
  const out = new Writer(bodies.at * 2 + content.bytes.length)
  for (const byte of [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]) out.byte(byte)
  writeAppended(out, content, sectionIds.type, types.added)
  writeAppended(out, content, sectionIds.import, [memoryEntry(content)])
  const functionTypes = added.map(({ type }) => unsignedBytes(type))
  writeAppended(out, content, sectionIds.function, functionTypes)
  copySection(out, content, sectionIds.table)
  const initial = [valueTypes.i64, valueTypes.i32, valueTypes.i32, valueTypes.i32].map(mutableGlobal)
  writeAppended(out, content, sectionIds.global, initial)
  writeExports(out, globals, start)
  copySection(out, content, sectionIds.element)
  copySection(out, content, sectionIds.dataCount)
  const tail = new Writer()
  for (const { body } of added) tail.vector(body)
  const count = unsignedBytes(content.ownFunctions + added.length)
  out.byte(sectionIds.code)
  out.u32(count.length + bodies.at + tail.at)
  out.bytes(count)
  out.bytes(bodies.view())
  out.bytes(tail.view())
  copySection(out, content, sectionIds.data)
  checkSize(out)
  return out.view().slice()
}

function checkSize(out: Writer): void {
  if (out.at <= limits.outputBytes) return
  throw new Refused('too much code', 0, `with its instrumentation it has over ${limits.outputBytes} bytes`)
}

/** All bodies of the module's own functions with their lengths; those with large frames become added functions. */
function writeBodies(
  around: Surroundings,
  code: Instructions,
  plan: Plan,
  add: (type: number, body: Uint8Array) => number,
): Writer {
  const { content } = around
  const all = new Writer(content.bytes.length * 2)
  const one = new Writer(65_536)
  const writer = new BodyWriter(around, one)
  for (const [i, analysis] of plan.analyses.entries()) {
    const func = content.importedFunctions + i
    const frameBytes = plan.frames[i]!
    const ahead = frameBytes > frameBytesAhead
    readBody(content, i, code)
    one.at = 0
    writer.write({ func, code, analysis, frameBytes: ahead ? 0 : frameBytes })
    if (one.at > limits.bodyBytes) {
      throw new Refused(
        'a function too large',
        code.at[0]!,
        'it grows too much with its instrumentation, split it',
      )
    }
    if (ahead) {
      const target = add(content.functions.at(func), one.view().slice())
      one.at = 0
      writeThunk(one, around, { func, target, bytes: frameBytes + plan.estimate.thunkBytes(func) })
    }
    all.vector(one.view())
    checkSize(all)
  }
  return all
}

/** A function that pays for another one's frame, calls it with its own parameters, and gives back. */
function writeThunk(
  out: Writer,
  { content, callBudget }: Surroundings,
  { func, target, bytes }: { func: number; target: number; bytes: number },
): void {
  out.byte(0x00)
  takeCallBudget(out, callBudget, bytes)
  for (const parameter of content.typeOf(func).parameters.keys()) {
    out.byte(0x20)
    out.u32(parameter)
  }
  out.byte(0x10)
  out.u32(target)
  giveBackCallBudget(out, callBudget, bytes)
  out.byte(0x0b)
}

function startBody(content: ModuleContent, staticBytes: number, callBudget: number): Uint8Array {
  const out = new Writer()
  out.byte(0x00)
  takeCallBudget(out, callBudget, staticBytes)
  out.byte(0x10)
  out.u32(content.exports.get('_start')!.index)
  giveBackCallBudget(out, callBudget, staticBytes)
  out.byte(0x0b)
  return out.view()
}

/** Grows the memory by the pages of its parameter: −1 beyond the module's own maximum, a trap beyond the run's. */
function growBody(
  content: ModuleContent,
  { fuel, pagesMax, memoryHit }: { fuel: number; pagesMax: number; memoryHit: number },
): Uint8Array {
  const out = new Writer()
  const put = (...bytes: number[]): void => {
    for (const byte of bytes) out.byte(byte)
  }
  const global = (op: number, index: number): void => {
    out.byte(op)
    out.u32(index)
  }
  const trap = (hit: number): void => {
    put(0x04, 0x40, 0x41, hit)
    global(0x24, memoryHit)
    put(0x00, 0x0b)
  }
  // local 1 (i64): pages there will be; wide, so that nothing wraps
  put(0x01, 0x01, valueTypes.i64, 0x3f, 0x00, 0xad, 0x20, 0x00, 0xad, 0x7c, 0x22, 0x01, 0x42)
  out.signed(Math.min(content.memory?.max ?? 65_536, 65_536))
  put(0x55, 0x04, 0x40, 0x41, 0x7f, 0x0f, 0x0b)
  put(0x20, 0x01)
  global(0x23, pagesMax)
  put(0xad, 0x55)
  trap(1)
  global(0x23, fuel)
  put(0x20, 0x00, 0xad, 0x42)
  out.signed(cost.page)
  put(0x7e, 0x7d)
  global(0x24, fuel)
  global(0x23, fuel)
  put(0x42, 0x00, 0x53, 0x04, 0x40, 0x00, 0x0b)
  // grow, and see whether the host gave them
  put(0x20, 0x00, 0x40, 0x00, 0x22, 0x00, 0x41, 0x7f, 0x46)
  trap(2)
  put(0x20, 0x00, 0x0b)
  return out.view()
}

function mutableGlobal(type: number): Uint8Array {
  return Uint8Array.of(type, 0x01, type === valueTypes.i64 ? 0x42 : 0x41, 0x00, 0x0b)
}

function copySection(out: Writer, { bytes, sections }: ModuleContent, id: number): void {
  const span = sections.get(id)
  if (span === undefined) return
  out.byte(id)
  out.u32(span.to - span.from)
  out.copy(bytes, span.from, span.to)
}

/** A section that is a vector, with entries put at its end. */
function writeAppended(
  out: Writer,
  { bytes, sections }: ModuleContent,
  id: number,
  entries: readonly Uint8Array[],
): void {
  const span = sections.get(id)
  let from = span?.from ?? 0
  let count = 0
  if (span !== undefined) {
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[from++]!
      count += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) break
    }
  }
  const length = unsignedBytes(count + entries.length)
  const to = span?.to ?? 0
  out.byte(id)
  out.u32(length.length + to - from + entries.reduce((sum, entry) => sum + entry.length, 0))
  out.bytes(length)
  out.copy(bytes, from, to)
  for (const entry of entries) out.bytes(entry)
}

/** The module's own memory as an import with the same limits. */
function memoryEntry({ memory }: ModuleContent): Uint8Array {
  const { min, max } = memory!
  const entry = new Writer()
  entry.name(memoryImport.module)
  entry.name(memoryImport.name)
  entry.two(0x02, 0x01)
  entry.u32(min)
  entry.u32(Math.min(max ?? limits.memoryPages, limits.memoryPages))
  return entry.view()
}

function writeExports(out: Writer, globals: Readonly<Record<string, number>>, start: number): void {
  const body = new Writer()
  const entries: [name: string, kind: number, index: number][] = [
    ['_start', 0, start],
    ['memory', 2, 0],
  ]
  for (const name of ['fuel', 'callBudget', 'pagesMax', 'memoryHit']) entries.push([name, 3, globals[name]!])
  body.u32(entries.length)
  for (const [name, kind, index] of entries) {
    body.name(name)
    body.byte(kind)
    body.u32(index)
  }
  out.byte(sectionIds.export)
  out.vector(body.view())
}
