import { blockParameters, blockResults } from './block-types.ts'
import type { ModuleContent } from './content.ts'
import type { Instructions } from './instructions.ts'
import { exact, NanFlow } from './nan-flow.ts'
import { Numbers } from './numbers.ts'
import { popsOf } from './opcodes.ts'
import { OperandStack } from './operand-stack.ts'
import { Reuse } from './reuse.ts'

/** What a pass over a function's body finds out. */
export interface Analysis {
  /** Highest operand stack, in values. */
  readonly height: number
  /** Most values that one call or block passes. */
  readonly passed: number
  /** Most values that a compiler may keep over a call besides locals and operands. */
  readonly reused: number
  /** For each instruction the shape to canonicalise after it, or 0; undefined when there is none in the whole body. */
  readonly marks: Uint8Array | undefined
  /** Blocks and branches, each target of a br_table by itself. */
  readonly ways: number
  readonly loops: boolean
  readonly calls: boolean
  /** memory.fill, copy or init is there. */
  readonly lengths: boolean
  /** memory.grow is there. */
  readonly grows: boolean
}

export type OnCall = (caller: number, target: number, indirect: boolean) => void

/** Follows the operand stack through valid bodies. What cannot be reached is passed over. */
export class Analyser {
  readonly #content: ModuleContent
  readonly #stack = new OperandStack()
  readonly #nans: NanFlow
  readonly #reuse = new Reuse()
  /** Of each open block: height of the stack under it, its type, and its opcode. */
  readonly #bases = new Numbers()
  readonly #types = new Numbers()
  readonly #ops = new Numbers()
  #func = 0
  #passed = 0
  #pure = 0
  #ways = 0
  #loops = false
  #calls = false
  #lengths = false
  #grows = false
  /** Told once of each live call: of a function or, with `indirect`, of a type. */
  readonly #onCall: OnCall
  #first = true

  constructor(content: ModuleContent, onCall: OnCall) {
    this.#content = content
    this.#onCall = onCall
    this.#nans = new NanFlow(content.bytes, this.#stack)
  }

  analyse(func: number, code: Instructions): Analysis {
    const { parameters } = this.#content.typeOf(func)
    this.#func = func
    this.#nans.start(parameters.length, code)
    this.#first = true
    do {
      this.#reuse.start(parameters.length + code.locals)
      this.#pass(code)
      this.#first = false
    } while (this.#nans.unsettled())
    return {
      height: this.#stack.height,
      passed: this.#passed,
      reused: this.#calls ? this.#reuse.values(this.#pure, this.#stack.height) + 2 * this.#nans.marked : 0,
      marks: this.#nans.marks(),
      ways: this.#ways,
      loops: this.#loops,
      calls: this.#calls || this.#grows,
      lengths: this.#lengths,
      grows: this.#grows,
    }
  }

  #pass(code: Instructions): void {
    this.#stack.clear()
    this.#bases.length = 0
    this.#types.length = 0
    this.#ops.length = 0
    this.#passed = 0
    this.#pure = 0
    this.#ways = 0
    this.#loops = false
    this.#calls = false
    this.#lengths = false
    this.#grows = false
    /** Blocks that were opened since the code cannot be reached any more; below zero where it can. */
    let dead = -1
    for (let i = 0; i < code.count; i++) {
      const op = code.op[i]!
      if (dead >= 0) {
        dead = this.#skip(op, dead)
        continue
      }
      if (op >= 0x28) {
        this.#compute(code, i, op)
      } else if (op >= 0x20) {
        this.#variable(op, code.immediate[i]!, i)
      } else if (op === 0x1b) {
        this.#compute(code, i, op)
      } else if (op > 0x01 && this.#control(code, i, op)) {
        dead = 0
      } else if (op === 0x00) {
        dead = 0
      }
    }
  }

  /** The value of `dead` after an instruction that cannot be reached. */
  #skip(op: number, dead: number): number {
    if (op >= 0x02 && op <= 0x04) return dead + 1
    if (op === 0x0b && dead > 0) return dead - 1
    if (dead > 0 || (op !== 0x0b && op !== 0x05)) return dead
    if (op === 0x05) this.#else()
    else this.#end()
    return -1
  }

  /** True if what comes next cannot be reached. */
  #control(code: Instructions, i: number, op: number): boolean {
    const immediate = code.immediate[i]!
    switch (op) {
      case 0x02:
      case 0x03:
      case 0x04:
        this.#enter(op, immediate)
        return false
      case 0x05:
        this.#nans.settle(blockResults(this.#content, this.#types.at(this.#types.length - 1)))
        this.#else()
        return false
      case 0x0b:
        this.#nans.settle(this.#resultsOf(this.#types.length - 1))
        this.#end()
        return false
      case 0x0c:
      case 0x0d:
      case 0x0e: {
        if (op !== 0x0c) this.#stack.pop()
        this.#ways += op === 0x0e ? immediate + 1 : 1
        // All targets of a br_table take the same number of values; the last one stands for them.
        const depth = op === 0x0e ? lastTarget(this.#content.bytes, code.at[i + 1]!) : immediate
        this.#nans.settle(this.#arity(depth))
        return op !== 0x0d
      }
      case 0x0f:
        this.#nans.settle(this.#resultsOf(-1))
        return true
      case 0x10:
      case 0x11:
        this.#call(immediate, op === 0x11)
        return false
      default:
        // drop
        this.#stack.pop()
        return false
    }
  }

  #enter(op: number, type: number): void {
    if (op === 0x04) this.#stack.pop()
    this.#ways++
    const parameters = blockParameters(this.#content, type)
    this.#nans.settle(parameters)
    this.#bases.push(this.#stack.length - parameters)
    this.#types.push(type)
    this.#ops.push(op)
    this.#reuse.enter()
    if (op !== 0x03) return
    this.#loops = true
    this.#reuse.now++
    // What a loop is given may come from its own end.
    this.#stack.cut(this.#stack.length - parameters)
    this.#stack.pushMany(parameters, exact, -1)
  }

  #else(): void {
    const block = this.#bases.length - 1
    this.#reuse.merge()
    this.#stack.cut(this.#bases.at(block))
    this.#stack.pushMany(blockParameters(this.#content, this.#types.at(block)), exact, -1)
  }

  #end(): void {
    if (this.#bases.length === 0) return
    const results = this.#resultsOf(this.#types.length - 1)
    this.#reuse.leave()
    this.#stack.cut(this.#bases.at(--this.#bases.length))
    this.#ops.length--
    this.#types.length--
    this.#stack.pushMany(results, exact, -1)
    if (results > this.#passed) this.#passed = results
  }

  /** Results of an open block; below the first one, of the function. */
  #resultsOf(block: number): number {
    if (block < 0) return this.#content.typeOf(this.#func).results.length
    return blockResults(this.#content, this.#types.at(block))
  }

  /** Number of values that a branch takes. */
  #arity(depth: number): number {
    const block = this.#types.length - 1 - depth
    if (block >= 0 && this.#ops.at(block) === 0x03) {
      return blockParameters(this.#content, this.#types.at(block))
    }
    return this.#resultsOf(block)
  }

  #call(target: number, indirect: boolean): void {
    this.#calls = true
    if (this.#first) this.#onCall(this.#func, target, indirect)
    if (indirect) this.#stack.pop()
    const { parameters, results } = indirect ? this.#content.types[target]! : this.#content.typeOf(target)
    this.#nans.settle(parameters.length)
    this.#stack.cut(this.#stack.length - parameters.length)
    this.#reuse.now++
    this.#stack.pushMany(results.length, exact, this.#reuse.now)
    this.#passed = Math.max(this.#passed, parameters.length, results.length)
  }

  #variable(op: number, index: number, i: number): void {
    switch (op) {
      case 0x20:
        this.#nans.localGet(index, i, this.#reuse.ageOf(index))
        break
      case 0x21:
      case 0x22: {
        const age = this.#stack.youngest(1)
        this.#reuse.write(index, age)
        this.#nans.localSet(index, op === 0x22, age)
        break
      }
      case 0x23:
        // It may be immutable.
        this.#stack.push(exact, -1)
        break
      default:
        this.#nans.settle(1)
        this.#stack.pop()
    }
  }

  /** All that pops and pushes by the table. */
  #compute(code: Instructions, i: number, op: number): void {
    const age = this.#stack.youngest(popsOf[op]!)
    if (op <= 0x44 && op >= 0x28) {
      // Constants are not kept; of what reads and writes memory, the address made wide may be.
      if (op <= 0x3e) this.#reuse.addressed(age)
      if (op === 0x40) this.#grows = true
      this.#nans.step(code, i, op < 0x41 ? this.#reuse.now : -1)
      return
    }
    if (op >= 0x108 && op <= 0x10b) this.#lengths = true
    this.#pure++
    this.#reuse.computed(age)
    this.#nans.step(code, i, age)
  }
}

/** The last number of a br_table, which ends at `end`. */
function lastTarget(bytes: Uint8Array, end: number): number {
  let from = end - 1
  while (bytes[from - 1]! >= 0x80) from--
  let value = 0
  for (let at = from, shift = 0; at < end; at++, shift += 7) value |= (bytes[at]! & 0x7f) << shift
  return value >>> 0
}
