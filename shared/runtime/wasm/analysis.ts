import { blockParameters, blockResults } from './block-types.ts'
import type { ModuleContent } from './content.ts'
import type { Instructions } from './instructions.ts'
import { LocalKinds } from './local-kinds.ts'
import { Numbers } from './numbers.ts'
import { nan, nanOf, popsOf, pushesOf, shapeIn, shapeOut, shapes } from './opcodes.ts'

/*
 * What a NaN's bits may be. A value on the operand stack is one of
 *   exact:  its bits count (loaded, passed in, reinterpreted …); they must not be touched;
 *   clean:  it is no NaN;
 *   open:   if it is a NaN its bits are the engine's choice, so it has to become the canonical NaN before anything can
 *           see them. The number of the instruction that made it stands for it, to be marked when that is needed.
 */
const exact = -1
const clean = -2

/** What a pass over a function's body finds out. */
export interface Analysis {
  /** Highest operand stack, in values. */
  readonly height: number
  /** Most values that one call or block passes. */
  readonly passed: number
  /** For each instruction the shape to canonicalise after it, or 0; undefined when there is none in the whole body. */
  readonly marks: Uint8Array | undefined
  readonly loops: boolean
  readonly calls: boolean
  /** memory.fill, copy or init is there. */
  readonly lengths: boolean
  /** memory.grow is there. */
  readonly grows: boolean
}

const passesMax = 6

/** Follows the operand stack of valid bodies. Reads each live instruction; what cannot be reached is passed over. */
export class Analyser {
  readonly #content: ModuleContent
  readonly #stack = new Numbers()
  /** Of each open block: height of the stack under it, its type, and whether it is a loop. */
  readonly #bases = new Numbers()
  readonly #blockTypes = new Numbers()
  readonly #blockOps = new Numbers()
  readonly #locals = new LocalKinds()
  #marks = new Uint8Array(1024)
  #shapes = new Uint8Array(1024)
  #marked = false
  #height = 0
  #passed = 0
  #loops = false
  #calls = false
  #lengths = false
  #grows = false
  /** Told of each live call: a function or, with `indirect`, a type. */
  readonly #onCall: (caller: number, target: number, indirect: boolean) => void

  constructor(content: ModuleContent, onCall: (caller: number, target: number, indirect: boolean) => void) {
    this.#content = content
    this.#onCall = onCall
  }

  analyse(func: number, code: Instructions): Analysis {
    const type = this.#content.typeOf(func)
    if (this.#marks.length < code.count) {
      this.#marks = new Uint8Array(code.op.length)
      this.#shapes = new Uint8Array(code.op.length)
    }
    this.#locals.start(type.parameters.length, code)
    for (let pass = 1; ; pass++) {
      this.#locals.changed = false
      this.#marks.fill(0, 0, code.count)
      this.#marked = false
      this.#calls = false
      this.#lengths = false
      this.#grows = false
      this.#pass(func, code, pass === 1)
      if (!this.#locals.changed) break
      if (pass >= passesMax) this.#locals.giveUp()
    }
    return {
      height: this.#height,
      passed: this.#passed,
      marks: this.#marked ? this.#marks.slice(0, code.count) : undefined,
      loops: this.#loops,
      calls: this.#calls,
      lengths: this.#lengths,
      grows: this.#grows,
    }
  }

  #pass(func: number, code: Instructions, first: boolean): void {
    const content = this.#content
    const stack = this.#stack
    stack.length = 0
    this.#bases.length = 0
    this.#blockTypes.length = 0
    this.#blockOps.length = 0
    this.#height = 0
    this.#passed = 0
    this.#loops = false
    /** Open blocks since the code cannot be reached any more; below zero where it can. */
    let dead = -1
    for (let i = 0; i < code.count; i++) {
      const op = code.op[i]!
      if (dead >= 0) {
        if (op >= 0x02 && op <= 0x04) dead++
        else if (op === 0x0b && dead > 0) dead--
        else if ((op === 0x0b || op === 0x05) && dead === 0) {
          dead = -1
          if (op === 0x0b) this.#end()
          else this.#else()
        }
        continue
      }
      if (op >= 0x20) {
        this.#plain(code, i, op)
        if (stack.length > this.#height) this.#height = stack.length
        continue
      }
      const immediate = code.immediate[i]!
      switch (op) {
        case 0x00:
          dead = 0
          break
        case 0x01:
          break
        case 0x02:
        case 0x03:
        case 0x04: {
          if (op === 0x04) this.#pop()
          if (op === 0x03) this.#loops = true
          const parameters = blockParameters(content, immediate)
          this.#settle(parameters)
          this.#bases.push(stack.length - parameters)
          this.#blockTypes.push(immediate)
          this.#blockOps.push(op)
          break
        }
        case 0x05:
          this.#settle(blockResults(content, this.#blockTypes.at(this.#blockTypes.length - 1)))
          this.#else()
          break
        case 0x0b:
          if (this.#bases.length === 0) {
            this.#settle(content.typeOf(func).results.length)
            return
          }
          this.#settle(blockResults(content, this.#blockTypes.at(this.#blockTypes.length - 1)))
          this.#end()
          break
        case 0x0c:
        case 0x0d:
        case 0x0e: {
          if (op !== 0x0c) this.#pop()
          // All targets of a br_table take the same number of values; the last one stands for them.
          const depth = op === 0x0e ? lastTarget(content.bytes, code.at[i + 1]!) : immediate
          this.#settle(this.#arity(func, depth))
          if (op !== 0x0d) dead = 0
          break
        }
        case 0x0f:
          this.#settle(content.typeOf(func).results.length)
          dead = 0
          break
        case 0x10:
        case 0x11:
          this.#call(func, immediate, op === 0x11, first)
          break
        case 0x1a:
          this.#pop()
          break
        case 0x1b:
          this.#pop()
          this.#choose(i)
          break
      }
    }
  }

  /** Number of values that a branch to the block takes. */
  #arity(func: number, depth: number): number {
    const block = this.#bases.length - 1 - depth
    if (block < 0) return this.#content.typeOf(func).results.length
    const type = this.#blockTypes.at(block)
    return this.#blockOps.at(block) === 0x03
      ? blockParameters(this.#content, type)
      : blockResults(this.#content, type)
  }

  #end(): void {
    if (this.#bases.length === 0) return
    this.#stack.length = this.#bases.at(--this.#bases.length)
    this.#blockOps.length--
    this.#pushExact(blockResults(this.#content, this.#blockTypes.at(--this.#blockTypes.length)))
  }

  #else(): void {
    const block = this.#bases.length - 1
    this.#stack.length = this.#bases.at(block)
    this.#pushExact(blockParameters(this.#content, this.#blockTypes.at(block)))
  }

  #call(func: number, target: number, indirect: boolean, first: boolean): void {
    this.#calls = true
    if (first) this.#onCall(func, target, indirect)
    if (indirect) this.#pop()
    const type = indirect ? this.#content.types[target]! : this.#content.typeOf(target)
    this.#settle(type.parameters.length)
    this.#stack.length -= type.parameters.length
    this.#pushExact(type.results.length)
    this.#passed = Math.max(this.#passed, type.parameters.length, type.results.length)
  }

  #pushExact(count: number): void {
    for (let left = count; left > 0; left--) this.#stack.push(exact)
    if (count > this.#passed) this.#passed = count
    if (this.#stack.length > this.#height) this.#height = this.#stack.length
  }

  #pop(): number {
    return this.#stack.items[--this.#stack.length]!
  }

  /** Makes the bits of a value certain. */
  #fix(value: number): void {
    if (value < 0) return
    this.#marks[value] = this.#shapes[value]!
    this.#marked = true
  }

  /** Makes the bits of the topmost values certain. */
  #settle(count: number): void {
    const { items, length } = this.#stack
    for (let i = length - count; i < length; i++) {
      this.#fix(items[i]!)
      items[i] = exact
    }
  }

  /** An open value made by instruction `i`. */
  #open(i: number, shape: number): void {
    this.#shapes[i] = shape
    this.#stack.push(i)
  }

  #popFor(shape: number): number {
    const value = this.#pop()
    if (value < 0 || this.#shapes[value] === shape) return value
    this.#fix(value)
    return exact
  }

  #plain(code: Instructions, i: number, op: number): void {
    if (op < 0x28) {
      if (op < 0x23) this.#local(op, code.immediate[i]!, i)
      else if (op === 0x23) this.#stack.push(exact)
      else this.#fix(this.#pop())
      return
    }
    const kind = nanOf[op]!
    switch (kind) {
      case nan.sensitive: {
        if (op === 0x40) {
          this.#grows = true
          this.#calls = true
        }
        if (op >= 0x108 && op <= 0x10b) this.#lengths = true
        for (let left = popsOf[op]!; left > 0; left--) this.#fix(this.#pop())
        if (pushesOf[op] === 1) this.#stack.push(exact)
        return
      }
      case nan.arithmetic:
        for (let left = popsOf[op]!; left > 0; left--) this.#popFor(shapeIn[op]!)
        this.#open(i, shapeOut[op]!)
        return
      case nan.blind:
        for (let left = popsOf[op]!; left > 0; left--) this.#popFor(shapeIn[op]!)
        this.#stack.push(exact)
        return
      case nan.clean:
        this.#pop()
        this.#stack.push(clean)
        return
      case nan.constant:
        this.#stack.push(isNan(this.#content.bytes, code.at[i]!, op) ? exact : clean)
        return
      case nan.choose:
        this.#choose(i)
        return
      default:
        this.#signOrLane(op, kind, i)
    }
  }

  #signOrLane(op: number, kind: number, i: number): void {
    // The second operand of copysign lends its sign, which a NaN of the engine's choice has not got.
    if (kind === nan.copysign) this.#fix(this.#pop())
    const value = this.#popFor(shapeIn[op]!)
    if (value >= 0) this.#open(i, shapeOut[op]!)
    else if (value === clean && shapeIn[op] !== shapes.f32x4 && shapeIn[op] !== shapes.f64x2)
      this.#stack.push(clean)
    else this.#stack.push(exact)
  }

  /** One of the two topmost values: open only if the bits of neither count. */
  #choose(i: number): void {
    const second = this.#pop()
    const first = this.#pop()
    const shape = first >= 0 ? this.#shapes[first]! : second >= 0 ? this.#shapes[second]! : 0
    const fits = (value: number) => value === clean || (value >= 0 && this.#shapes[value] === shape)
    if (fits(first) && fits(second)) {
      if (shape === 0) this.#stack.push(clean)
      else this.#open(i, shape)
      return
    }
    this.#fix(first)
    this.#fix(second)
    this.#stack.push(exact)
  }

  #local(op: number, local: number, i: number): void {
    const locals = this.#locals
    if (op === 0x20) {
      const shape = locals.shapeOf(local)
      if (shape === locals.exact) this.#stack.push(exact)
      else if (shape === locals.clean) this.#stack.push(clean)
      else this.#open(i, shape)
      return
    }
    const value = this.#pop()
    const shape = locals.write(
      local,
      value === exact ? locals.exact : value === clean ? locals.clean : this.#shapes[value]!,
    )
    if (shape === locals.exact) this.#fix(value)
    if (op === 0x22) this.#stack.push(shape === locals.exact ? exact : value)
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

/** Whether the constant at a byte is a NaN, or holds one in a lane of 32 or 64 bits. */
function isNan(bytes: Uint8Array, at: number, op: number): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  if (op === 0x43) return Number.isNaN(view.getFloat32(at + 1, true))
  if (op === 0x44) return Number.isNaN(view.getFloat64(at + 1, true))
  // The opcode of v128.const may be written with more bytes than it needs.
  let from = at + 1
  while (bytes[from]! >= 0x80) from++
  // A lane of 64 bits that is a NaN has a NaN of 32 bits in its upper half.
  for (let lane = 0; lane < 4; lane++)
    if (Number.isNaN(view.getFloat32(from + 1 + 4 * lane, true))) return true
  return false
}
