import type { Analysis } from './analysis.ts'
import { giveBackCallBudget, takeCallBudget } from './call-budget.ts'
import type { FloatScratch } from './canonical-nan.ts'
import { writeCanonical } from './canonical-nan.ts'
import type { ModuleContent } from './content.ts'
import { valueTypes } from './content.ts'
import { cost } from './fuel.ts'
import { FuelCode } from './fuel-code.ts'
import type { Instructions } from './instructions.ts'
import { shapes } from './opcodes.ts'
import { OpenBlocks } from './open-blocks.ts'
import { Reader } from './reader.ts'
import { smallRegion } from './regions.ts'
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
 * From so many bytes on, an instruction with one number may have it longer than needed: linkers leave room for 32 bits.
 * Engines decide by bytes which functions are small enough to be put into others.
 */
const paddedBytes = 6

/** Writes functions' bodies with fuel, call budget and canonical NaNs. What cannot be reached is left out. */
export class BodyWriter {
  readonly #around: Surroundings
  readonly #out: Writer
  readonly #fuel: FuelCode
  readonly #blocks: OpenBlocks
  #code!: Instructions
  #analysis!: Analysis
  #func = 0
  #frameBytes = 0
  /** Something has to be done at the function's exit, so all ways lead to the end of a block around its code. */
  #wrapped = false
  #scratch: FloatScratch = { f32: 0, f64: 0, v128: 0 }
  /** First byte of the original that is not copied yet. */
  #from = 0

  constructor(around: Surroundings, out: Writer) {
    this.#around = around
    this.#out = out
    this.#fuel = new FuelCode(out, around.fuel)
    this.#blocks = new OpenBlocks(around.content)
  }

  write({ func, code, analysis, frameBytes }: BodyToWrite): void {
    this.#code = code
    this.#analysis = analysis
    this.#func = func
    this.#frameBytes = frameBytes
    this.#wrapped = analysis.loops || frameBytes > 0
    this.#blocks.start(this.#around.content.typeOf(func).results.length)
    this.#writeLocals()
    this.#writeEntry()
    this.#writeInstructions()
    this.#writeExit()
  }

  #writeLocals(): void {
    const { content } = this.#around
    const { localGroups, locals, groupsAt, at } = this.#code
    const out = this.#out
    const marked = new Set(this.#analysis.marks)
    const added: number[] = []
    let next = content.typeOf(this.#func).parameters.length + locals
    const add = (type: number): number => {
      added.push(type)
      return next++
    }
    const fuelLocal = this.#analysis.loops ? add(valueTypes.i64) : undefined
    this.#fuel.start(fuelLocal, this.#analysis.lengths ? add(valueTypes.i32) : 0)
    this.#scratch = {
      f32: marked.has(shapes.f32) ? add(valueTypes.f32) : 0,
      f64: marked.has(shapes.f64) ? add(valueTypes.f64) : 0,
      v128: marked.has(shapes.f32x4) || marked.has(shapes.f64x2) ? add(valueTypes.v128) : 0,
    }
    out.u32(localGroups.length + added.length)
    out.copy(content.bytes, groupsAt, at[0]!)
    for (const type of added) out.two(1, type)
  }

  #writeEntry(): void {
    const out = this.#out
    const { content, callBudget } = this.#around
    this.#fuel.pending = cost.entry(this.#code.locals)
    // Without calls and loops a function ends soon.
    if (this.#analysis.loops || this.#analysis.calls) this.#fuel.enter()
    if (this.#frameBytes > 0) takeCallBudget(out, callBudget, this.#frameBytes)
    if (!this.#wrapped) return
    const { results } = content.typeOf(this.#func)
    out.byte(0x02)
    if (results.length === 0) out.byte(0x40)
    else if (results.length === 1) out.byte(results[0]!)
    else out.signed(this.#around.resultsOnly(content.functions.at(this.#func)))
  }

  #writeExit(): void {
    const out = this.#out
    if (this.#wrapped) {
      out.byte(0x0b)
      this.#fuel.exit()
      if (this.#frameBytes > 0) giveBackCallBudget(out, this.#around.callBudget, this.#frameBytes)
    }
    out.byte(0x0b)
  }

  /** Everything but the last `end`. */
  #writeInstructions(): void {
    const { op: ops, at, count } = this.#code
    const { marks } = this.#analysis
    const last = count - 1
    this.#from = at[0]!
    /** Blocks that were opened since the code cannot be reached any more; below zero where it can. */
    let dead = -1
    for (let i = 0; i < last; i++) {
      const op = ops[i]!
      if (dead >= 0) {
        dead = this.#skip(i, op, dead)
        continue
      }
      if (op < 0x20 || op === 0x40 || (op >= 0x108 && op <= 0x10b)) {
        if (this.#control(i, op)) dead = 0
      } else {
        this.#fuel.pending++
        if (at[i + 1]! - at[i]! >= paddedBytes && op <= 0x41) this.#writeShort(i, op)
      }
      if (marks !== undefined && marks[i] !== 0) {
        this.#copyTo(at[i + 1]!)
        writeCanonical(this.#out, marks[i]!, this.#scratch)
      }
    }
    if (dead >= 0) return
    this.#copyTo(at[last]!)
    this.#fuel.charge(last)
  }

  /** The value of `dead` after an instruction that cannot be reached. */
  #skip(i: number, op: number, dead: number): number {
    if (op >= 0x02 && op <= 0x04) return dead + 1
    if (op === 0x0b && dead > 0) return dead - 1
    if (dead > 0 || (op !== 0x0b && op !== 0x05)) return dead
    this.#from = this.#code.at[i]!
    if (op === 0x0b) this.#blocks.leave()
    return -1
  }

  #copyTo(to: number): void {
    this.#out.copy(this.#around.content.bytes, this.#from, to)
    this.#from = to
  }

  /** Charges, and writes what the instruction becomes; true if what comes next cannot be reached. */
  #control(i: number, op: number): boolean {
    const { at, immediate } = this.#code
    const fuel = this.#fuel
    const before = fuel.pending++
    switch (op) {
      case 0x00:
        this.#copyTo(at[i + 1]!)
        // Nobody pays for what ends in a trap, unless the region is paid for as a whole.
        fuel.pending = i > fuel.regionEnd ? 0 : before
        return true
      case 0x02:
        this.#enter(i, op)
        return false
      case 0x03:
        this.#chargeBefore(i)
        this.#enter(i, op)
        this.#copyTo(at[i + 1]!)
        fuel.check()
        return false
      case 0x04:
        this.#enter(i, op)
        this.#chargeBefore(i)
        return false
      case 0x05:
        this.#chargeBefore(i)
        return false
      case 0x0b:
        if (!this.#blocks.quiet) this.#chargeBefore(i)
        this.#blocks.leave()
        return false
      case 0x0c:
      case 0x0d:
        this.#blocks.target(immediate[i]!)
        return this.#branch(i, immediate[i]!, op === 0x0c)
      case 0x0e:
        return this.#branch(i, this.#targets(i), true)
      case 0x0f:
        return this.#return(i)
      case 0x10:
      case 0x11:
        this.#call(i, op)
        return false
      case 0x40:
        this.#grow(i)
        return false
      case 0x108:
      case 0x10a:
      case 0x10b:
        this.#chargeBefore(i)
        fuel.chargeLength()
        return false
      default:
        return false
    }
  }

  #chargeBefore(i: number): void {
    this.#copyTo(this.#code.at[i]!)
    this.#fuel.charge(i)
  }

  #enter(i: number, op: number): void {
    this.#blocks.enter(op, this.#code.immediate[i]!)
    const fuel = this.#fuel
    if (i > fuel.regionEnd && op !== 0x03) fuel.regionEnd = smallRegion(this.#code, i)
  }

  #branch(i: number, depth: number, always: boolean): boolean {
    this.#fuel.pending += cost.passing(this.#blocks.arity(depth))
    this.#chargeBefore(i)
    this.#copyTo(this.#code.at[i + 1]!)
    return always
  }

  /** Notes where a br_table goes, and gives the last of its targets. */
  #targets(i: number): number {
    const reader = new Reader(this.#around.content.bytes, this.#code.at[i]! + 1)
    let depth = 0
    for (let left = reader.u32() + 1; left > 0; left--) {
      depth = reader.u32()
      this.#blocks.target(depth)
    }
    return depth
  }

  #return(i: number): boolean {
    this.#chargeBefore(i)
    if (this.#wrapped) {
      this.#out.byte(0x0c)
      this.#out.u32(this.#blocks.depth)
    } else {
      this.#copyTo(this.#code.at[i + 1]!)
    }
    return true
  }

  #call(i: number, op: number): void {
    const { content } = this.#around
    const { at, immediate } = this.#code
    const type = op === 0x11 ? content.types[immediate[i]!]! : content.typeOf(immediate[i]!)
    this.#fuel.pending += cost.passing(type.parameters.length + type.results.length)
    this.#copyTo(at[i]!)
    this.#fuel.beforeCall()
    if (op === 0x10) this.#writeShort(i, op)
    else this.#copyTo(at[i + 1]!)
    this.#fuel.afterCall()
  }

  /** An instruction with its one number in as few bytes as it needs. */
  #writeShort(i: number, op: number): void {
    const { at, immediate } = this.#code
    this.#copyTo(at[i]!)
    this.#out.byte(op)
    if (op >= 0x28 && op <= 0x3e) this.#out.byte(this.#around.content.bytes[at[i]! + 1]! & 0x7f)
    if (op === 0x41) this.#out.signed(immediate[i]!)
    else this.#out.u32(immediate[i]! >>> 0)
    this.#from = at[i + 1]!
  }

  #grow(i: number): void {
    const { at } = this.#code
    this.#fuel.pending += cost.grow
    const { grow } = this.#around
    if (grow === undefined) return
    this.#copyTo(at[i]!)
    this.#fuel.beforeCall()
    this.#out.byte(0x10)
    this.#out.u32(grow)
    this.#from = at[i + 1]!
    this.#fuel.afterCall()
  }
}
