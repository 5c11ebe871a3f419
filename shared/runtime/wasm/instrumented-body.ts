import type { Analysis } from './analysis.ts'
import { blockParameters, blockResults } from './block-types.ts'
import type { FloatScratch } from './canonical-nan.ts'
import { writeCanonical } from './canonical-nan.ts'
import type { ModuleContent } from './content.ts'
import { valueTypes } from './content.ts'
import { cost } from './fuel.ts'
import type { Instructions } from './instructions.ts'
import { emptyBlock } from './instructions.ts'
import { Numbers } from './numbers.ts'
import { shapes } from './opcodes.ts'
import type { Writer } from './writer.ts'

/** What the bodies refer to in the module around them. */
export interface Surroundings {
  readonly content: ModuleContent
  /** Indices of the added globals. */
  readonly fuel: number
  readonly callBudget: number
  /** Function that grows the memory within the run's limit; undefined leaves memory.grow as it is. */
  readonly grow: number | undefined
  /** Index of the type without parameters and with the results of the type given. */
  readonly resultsOnly: (type: number) => number
}

export interface BodyToWrite {
  readonly func: number
  readonly code: Instructions
  readonly analysis: Analysis
  /** Bytes of the call budget that the function takes while it runs, or 0. */
  readonly frameBytes: number
}

/**
 * Writes a function's body with fuel, call budget and canonical NaNs. What cannot be reached is left out.
 *
 * Fuel: `#pending` is what the straight-line code since the last charge costs. It is charged before control can go more
 * than one way, so a path through the function pays for what it ran. A function with a loop keeps the fuel in a local:
 * read from the global at its entry and after calls, written before calls and at its exit; any other works on the global.
 */
export class BodyWriter {
  readonly #around: Surroundings
  readonly #out: Writer
  #code!: Instructions
  #analysis!: Analysis
  #func = 0
  #frameBytes = 0
  #pending = 0
  /** Up to this instruction branches are small and inside, and are charged as if all of them were run. */
  #regionEnd = -1
  #cached = false
  #wrapped = false
  #fuelLocal = 0
  #lengthLocal = 0
  #scratch: FloatScratch = { f32: 0, f64: 0, v128: 0 }
  readonly #blockOps = new Numbers()
  readonly #blockTypes = new Numbers()
  /** Whether a branch goes to the block's end. */
  readonly #targeted = new Numbers()

  constructor(around: Surroundings, out: Writer) {
    this.#around = around
    this.#out = out
  }

  write({ func, code, analysis, frameBytes }: BodyToWrite): void {
    this.#code = code
    this.#analysis = analysis
    this.#func = func
    this.#frameBytes = frameBytes
    this.#cached = analysis.loops
    this.#wrapped = this.#cached || frameBytes > 0
    this.#regionEnd = -1
    this.#blockOps.length = 0
    this.#blockTypes.length = 0
    this.#targeted.length = 0
    this.#writeLocals()
    this.#writeEntry()
    this.#writeInstructions()
  }

  #writeLocals(): void {
    const { content } = this.#around
    const code = this.#code
    const out = this.#out
    const parameters = content.typeOf(this.#func).parameters.length
    const marked = new Set(this.#analysis.marks)
    const added: number[] = []
    let next = parameters + code.locals
    const add = (type: number): number => {
      added.push(type)
      return next++
    }
    if (this.#cached) this.#fuelLocal = add(valueTypes.i64)
    if (this.#analysis.lengths) this.#lengthLocal = add(valueTypes.i32)
    this.#scratch = {
      f32: marked.has(shapes.f32) ? add(valueTypes.f32) : 0,
      f64: marked.has(shapes.f64) ? add(valueTypes.f64) : 0,
      v128: marked.has(shapes.f32x4) || marked.has(shapes.f64x2) ? add(valueTypes.v128) : 0,
    }
    out.u32(code.localGroups.length + added.length)
    out.copy(content.bytes, code.groupsAt, code.at[0]!)
    for (const type of added) out.two(1, type)
  }

  #writeEntry(): void {
    const out = this.#out
    const { content, fuel } = this.#around
    this.#pending = cost.entry(this.#code.locals)
    if (this.#cached || this.#analysis.calls) {
      this.#op(0x23, fuel)
      if (this.#cached) this.#op(0x22, this.#fuelLocal)
      out.two(0x42, 0x00)
      out.two(0x53, 0x04)
      out.byte(0x40)
      out.two(0x00, 0x0b)
    }
    if (this.#frameBytes > 0) takeCallBudget(out, this.#around.callBudget, this.#frameBytes)
    if (!this.#wrapped) return
    const { results } = content.typeOf(this.#func)
    out.byte(0x02)
    if (results.length === 0) out.byte(0x40)
    else if (results.length === 1) out.byte(results[0]!)
    else out.signed(this.#around.resultsOnly(content.functions.at(this.#func)))
  }

  #writeInstructions(): void {
    const { bytes } = this.#around.content
    const { op: ops, at, count } = this.#code
    const marks = this.#analysis.marks
    const out = this.#out
    /** First byte that is not copied yet. */
    let from = at[0]!
    let dead = -1
    for (let i = 0; i < count; i++) {
      const op = ops[i]!
      if (dead >= 0) {
        if (op >= 0x02 && op <= 0x04) dead++
        else if (op === 0x0b && dead > 0) dead--
        else if ((op === 0x0b || op === 0x05) && dead === 0) {
          dead = -1
          from = at[i]!
          if (op === 0x0b) this.#leaveBlock()
          if (op === 0x0b && i === count - 1) break
        }
        continue
      }
      if (op >= 0x20 && op < 0x100 && op !== 0x40) {
        this.#pending++
        const mark = marks === undefined ? 0 : marks[i]!
        if (mark === 0) continue
        out.copy(bytes, from, at[i + 1]!)
        from = at[i + 1]!
        writeCanonical(out, mark, this.#scratch)
        continue
      }
      if (op === 0x02 || op === 0x01 || op === 0x1a) {
        this.#pending++
        if (op === 0x02) this.#enterBlock(i)
        continue
      }
      if (op === 0x0b && i === count - 1) {
        out.copy(bytes, from, at[i]!)
        this.#charge(i)
        from = at[i]!
        break
      }
      if (op === 0x0b && this.#endsQuietly()) continue
      out.copy(bytes, from, at[i]!)
      from = at[i]!
      if (this.#special(i, op)) from = at[i + 1]!
      const mark = marks === undefined ? 0 : marks[i]!
      if (mark !== 0) {
        out.copy(bytes, from, at[i + 1]!)
        from = at[i + 1]!
        writeCanonical(out, mark, this.#scratch)
      }
      if (op === 0x00 || op === 0x0c || op === 0x0e || op === 0x0f) {
        out.copy(bytes, from, at[i + 1]!)
        dead = 0
      }
    }
    this.#writeExit()
  }

  /** A block's end that no branch goes to is no place to charge at. */
  #endsQuietly(): boolean {
    const top = this.#blockOps.length - 1
    if (this.#blockOps.at(top) !== 0x02 || this.#targeted.at(top) === 1) return false
    this.#pending++
    this.#leaveBlock()
    return true
  }

  /** Charges, and writes what the instruction becomes; true if nothing of it is to be copied any more. */
  #special(i: number, op: number): boolean {
    const { at, immediate } = this.#code
    const { content } = this.#around
    const out = this.#out
    switch (op) {
      case 0x00:
        // Nobody pays for what ends in a trap, unless the region is paid for as a whole.
        if (i > this.#regionEnd) this.#pending = 0
        return false
      case 0x03:
        this.#pending += 1
        this.#charge(i)
        this.#enterBlock(i)
        out.copy(content.bytes, at[i]!, at[i + 1]!)
        this.#checkNow()
        return true
      case 0x04:
        this.#pending += 1
        this.#enterBlock(i)
        this.#charge(i)
        return false
      case 0x05:
        this.#charge(i)
        return false
      case 0x0b:
        this.#pending += 1
        this.#charge(i)
        this.#leaveBlock()
        return false
      case 0x0c:
      case 0x0d:
        this.#target(immediate[i]!)
        this.#pending += 1 + cost.passing(this.#arity(immediate[i]!))
        this.#charge(i)
        return false
      case 0x0e:
        this.#targets(i)
        this.#charge(i)
        return false
      case 0x0f:
        this.#pending += 1
        this.#charge(i)
        if (!this.#wrapped) return false
        this.#op(0x0c, this.#blockOps.length)
        return true
      case 0x10:
      case 0x11:
        this.#call(i, op)
        return true
      case 0x40:
        if (this.#around.grow === undefined) break
        this.#pending += cost.grow
        this.#beforeCall()
        this.#op(0x10, this.#around.grow)
        this.#afterCall()
        return true
      case 0x108:
      case 0x10a:
      case 0x10b:
        this.#pending += 1
        this.#charge(i)
        this.#chargeLength()
        return false
    }
    this.#pending++
    return false
  }

  #call(i: number, op: number): void {
    const { at, immediate } = this.#code
    const { content } = this.#around
    const type = op === 0x11 ? content.types[immediate[i]!]! : content.typeOf(immediate[i]!)
    this.#pending += 1 + cost.passing(type.parameters.length + type.results.length)
    this.#beforeCall()
    this.#out.copy(content.bytes, at[i]!, at[i + 1]!)
    this.#afterCall()
  }

  #enterBlock(i: number): void {
    this.#blockOps.push(this.#code.op[i]!)
    this.#blockTypes.push(this.#code.immediate[i]!)
    this.#targeted.push(0)
    if (i > this.#regionEnd && this.#code.op[i] !== 0x03) this.#regionEnd = smallRegion(this.#code, i)
  }

  #leaveBlock(): void {
    if (this.#blockOps.length === 0) return
    this.#blockOps.length--
    this.#blockTypes.length--
    this.#targeted.length--
  }

  #target(depth: number): void {
    const block = this.#targeted.length - 1 - depth
    if (block >= 0) this.#targeted.items[block] = 1
  }

  #targets(i: number): void {
    const { bytes } = this.#around.content
    let at = this.#code.at[i]! + 1
    let last = 0
    const next = (): number => {
      let value = 0
      for (let shift = 0; ; shift += 7) {
        const byte = bytes[at++]!
        value |= (byte & 0x7f) << shift
        if (byte < 0x80) return value >>> 0
      }
    }
    for (let left = next() + 1; left > 0; left--) {
      last = next()
      this.#target(last)
    }
    this.#pending += 1 + cost.passing(this.#arity(last))
  }

  #arity(depth: number): number {
    const { content } = this.#around
    const block = this.#blockOps.length - 1 - depth
    if (block < 0) return content.typeOf(this.#func).results.length
    const type = this.#blockTypes.at(block)
    if (type === emptyBlock) return 0
    return this.#blockOps.at(block) === 0x03 ? blockParameters(content, type) : blockResults(content, type)
  }

  #op(op: number, index: number): void {
    this.#out.byte(op)
    this.#out.u32(index)
  }

  #readFuel(): void {
    if (this.#cached) this.#op(0x20, this.#fuelLocal)
    else this.#op(0x23, this.#around.fuel)
  }

  #writeFuel(): void {
    if (this.#cached) this.#op(0x21, this.#fuelLocal)
    else this.#op(0x24, this.#around.fuel)
  }

  /** What is left of the fuel after what is pending, on the operand stack. */
  #fuelLeft(): void {
    this.#readFuel()
    if (this.#pending === 0) return
    this.#out.byte(0x42)
    this.#out.signed(this.#pending)
    this.#out.byte(0x7d)
    this.#pending = 0
  }

  #charge(i: number): void {
    if (this.#pending === 0 || i <= this.#regionEnd) return
    this.#fuelLeft()
    this.#writeFuel()
  }

  #beforeCall(): void {
    if (!this.#cached && this.#pending === 0) return
    this.#fuelLeft()
    this.#op(0x24, this.#around.fuel)
  }

  #afterCall(): void {
    if (!this.#cached) return
    this.#op(0x23, this.#around.fuel)
    this.#op(0x21, this.#fuelLocal)
  }

  /** Charges for as many bytes as the operand on top says, which stays. */
  #chargeLength(): void {
    const out = this.#out
    this.#op(0x21, this.#lengthLocal)
    this.#readFuel()
    this.#op(0x20, this.#lengthLocal)
    // i64.extend_i32_u, divided by the bytes per unit of fuel
    out.two(0xad, 0x42)
    out.signed(cost.bytesShift)
    out.two(0x88, 0x7d)
    this.#writeFuel()
    this.#checkNow()
    this.#op(0x20, this.#lengthLocal)
  }

  /** Traps when the fuel is used up. */
  #checkNow(): void {
    const out = this.#out
    this.#readFuel()
    out.two(0x42, 0x00)
    out.two(0x53, 0x04)
    out.byte(0x40)
    if (this.#cached) {
      this.#readFuel()
      this.#op(0x24, this.#around.fuel)
    }
    out.two(0x00, 0x0b)
  }

  #writeExit(): void {
    const out = this.#out
    if (this.#wrapped) {
      out.byte(0x0b)
      if (this.#cached) {
        this.#readFuel()
        this.#op(0x24, this.#around.fuel)
      }
      if (this.#frameBytes > 0) giveBackCallBudget(out, this.#around.callBudget, this.#frameBytes)
    }
    out.byte(0x0b)
  }
}

/** `callBudget -= bytes; if (callBudget < 0) unreachable` */
export function takeCallBudget(out: Writer, global: number, bytes: number): void {
  changeGlobal(out, global, bytes, 0x6b)
  out.byte(0x23)
  out.u32(global)
  out.two(0x41, 0x00)
  out.two(0x48, 0x04)
  out.byte(0x40)
  out.two(0x00, 0x0b)
}

export function giveBackCallBudget(out: Writer, global: number, bytes: number): void {
  changeGlobal(out, global, bytes, 0x6a)
}

function changeGlobal(out: Writer, global: number, by: number, op: number): void {
  out.byte(0x23)
  out.u32(global)
  out.byte(0x41)
  out.signed(by)
  out.two(op, 0x24)
  out.u32(global)
}

const regionMax = 24

/** The last instruction of a block or if that is small and goes nowhere else and calls nothing, or -1. */
function smallRegion({ op: ops, immediate, count }: Instructions, from: number): number {
  let depth = 1
  for (let i = from + 1; i < count && i <= from + regionMax; i++) {
    const op = ops[i]!
    if (op === 0x02 || op === 0x04) depth++
    else if (op === 0x0b) {
      if (--depth === 0) return i
    } else if (op === 0x0c || op === 0x0d) {
      if (immediate[i]! >= depth) return -1
    } else if (op === 0x03 || (op >= 0x0e && op <= 0x11) || op === 0x40 || (op >= 0x108 && op <= 0x10b))
      return -1
  }
  return -1
}
