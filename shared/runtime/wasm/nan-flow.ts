import type { Instructions } from './instructions.ts'
import { LocalKinds } from './local-kinds.ts'
import { nan, nanOf, popsOf, pushesOf, shapeIn, shapeOut, shapes } from './opcodes.ts'
import type { OperandStack } from './operand-stack.ts'

/*
 * What a NaN's bits may be. The state of a value is one of
 *   exact:  its bits count (loaded, passed in, reinterpreted …); they must not be touched;
 *   clean:  it is no NaN;
 *   open:   if it is a NaN its bits are the engine's choice, so it has to become the canonical NaN before anything can
 *           see them. The number of the instruction that made it stands for it, to be marked when that is needed.
 */
export const exact = -1
const clean = -2

const passesMax = 6

/** Decides after which instructions of a body NaNs are made canonical. */
export class NanFlow {
  readonly #bytes: Uint8Array
  readonly #stack: OperandStack
  readonly #locals = new LocalKinds()
  #marks = new Uint8Array(1024)
  #shapes = new Uint8Array(1024)
  #count = 0
  #passes = 0
  marked = 0

  constructor(bytes: Uint8Array, stack: OperandStack) {
    this.#bytes = bytes
    this.#stack = stack
  }

  start(parameters: number, code: Instructions): void {
    if (this.#marks.length < code.count) {
      this.#marks = new Uint8Array(code.op.length)
      this.#shapes = new Uint8Array(code.op.length)
    }
    this.#count = code.count
    this.#passes = 0
    this.#locals.start(parameters, code)
    this.#marks.fill(0, 0, code.count)
    this.marked = 0
  }

  /** After a pass over the body: whether another one is needed, since more is known of the locals now. */
  unsettled(): boolean {
    if (!this.#locals.changed) return false
    this.#locals.changed = false
    if (++this.#passes >= passesMax) this.#locals.giveUp()
    this.#marks.fill(0, 0, this.#count)
    this.marked = 0
    return true
  }

  /** For each instruction the shape to canonicalise after it, or 0. */
  marks(): Uint8Array | undefined {
    return this.marked === 0 ? undefined : this.#marks.slice(0, this.#count)
  }

  /** Makes the bits of the topmost values certain. */
  settle(count: number): void {
    const { items, length } = this.#stack.states
    for (let i = length - count; i < length; i++) {
      this.#fix(items[i]!)
      items[i] = exact
    }
  }

  /** Pops what instruction `i` takes and pushes what it gives; `age` is the result's. */
  step(code: Instructions, i: number, age: number): void {
    const op = code.op[i]!
    const stack = this.#stack
    const kind = nanOf[op]!
    switch (kind) {
      case nan.sensitive:
        for (let left = popsOf[op]!; left > 0; left--) this.#fix(stack.pop())
        if (pushesOf[op] === 1) stack.push(exact, age)
        break
      case nan.arithmetic:
        for (let left = popsOf[op]!; left > 0; left--) this.#popFor(shapeIn[op]!)
        this.#open(i, shapeOut[op]!, age)
        break
      case nan.blind:
        for (let left = popsOf[op]!; left > 0; left--) this.#popFor(shapeIn[op]!)
        if (pushesOf[op] === 1) stack.push(exact, age)
        break
      case nan.clean:
        stack.pop()
        stack.push(clean, age)
        break
      case nan.constant:
        stack.push(isNan(this.#bytes, code.at[i]!, op) ? exact : clean, age)
        break
      case nan.choose:
        if (op === 0x1b) stack.pop()
        this.#choose(i, age)
        break
      default:
        this.#signOrLane(op, kind, i, age)
    }
  }

  localGet(local: number, i: number, age: number): void {
    const { exact: counts, clean: none } = this.#locals
    const shape = this.#locals.shapeOf(local)
    if (shape === counts) this.#stack.push(exact, age)
    else if (shape === none) this.#stack.push(clean, age)
    else this.#open(i, shape, age)
  }

  localSet(local: number, tee: boolean, age: number): void {
    const locals = this.#locals
    const value = this.#stack.pop()
    const kind = value === exact ? locals.exact : value === clean ? locals.clean : this.#shapes[value]!
    const settled = locals.write(local, kind) === locals.exact
    if (settled) this.#fix(value)
    if (tee) this.#stack.push(settled ? exact : value, age)
  }

  /** Makes the bits of a value certain. */
  #fix(value: number): void {
    if (value < 0) return
    this.#marks[value] = this.#shapes[value]!
    this.marked++
  }

  /** An open value made by instruction `i`. */
  #open(i: number, shape: number, age: number): void {
    this.#shapes[i] = shape
    this.#stack.push(i, age)
  }

  #popFor(shape: number): number {
    const value = this.#stack.pop()
    if (value < 0 || this.#shapes[value] === shape || shape === shapes.none) return value
    this.#fix(value)
    return exact
  }

  #signOrLane(op: number, kind: number, i: number, age: number): void {
    // The second operand of copysign lends its sign, which a NaN of the engine's choice has not got.
    if (kind === nan.copysign) this.#fix(this.#stack.pop())
    const value = this.#popFor(shapeIn[op]!)
    if (value >= 0) this.#open(i, shapeOut[op]!, age)
    else this.#stack.push(value, age)
  }

  /** One of the two topmost values: open only if the bits of neither count. */
  #choose(i: number, age: number): void {
    const second = this.#stack.pop()
    const first = this.#stack.pop()
    const shape = first >= 0 ? this.#shapes[first]! : second >= 0 ? this.#shapes[second]! : shapes.none
    const fits = (value: number) => value === clean || (value >= 0 && this.#shapes[value] === shape)
    if (!fits(first) || !fits(second)) {
      this.#fix(first)
      this.#fix(second)
      this.#stack.push(exact, age)
    } else if (shape === shapes.none) {
      this.#stack.push(clean, age)
    } else {
      this.#open(i, shape, age)
    }
  }
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
