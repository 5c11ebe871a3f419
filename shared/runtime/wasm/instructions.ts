import { readValueType, valueTypes } from './content.ts'
import { limits } from './limits.ts'
import { featureOf, immediateOf, immediates, relaxed } from './opcodes.ts'
import type { Reader } from './reader.ts'
import { malformed, Refused } from './refusal.ts'

/** Immediate of a block without a type. */
export const emptyBlock = -64

/** A function's body as columns, used again for body after body. */
export class Instructions {
  count = 0
  op = new Uint16Array(1024)
  /** Where each begins in the module; one more than there are instructions. */
  at = new Int32Array(1025)
  /**
   * The immediate: index of a local, function, type, segment; depth of a branch; number of a br_table's targets; offset
   * of a load or store; of a block its type's index, or below zero the byte of its one result as signed LEB128 has it
   * (i32 −1), or `emptyBlock`.
   */
  immediate = new Int32Array(1024)
  /** Types of declared locals with their number, one after the other. */
  readonly localGroups: { readonly type: number; readonly count: number }[] = []
  locals = 0
  /** Instructions of SIMD or locals of type v128 are among them. */
  vectors = false
  /** Where the local declarations' groups begin, and where the first instruction. */
  groupsAt = 0

  grow(): void {
    const size = this.op.length * 2
    const op = new Uint16Array(size)
    const at = new Int32Array(size + 1)
    const immediate = new Int32Array(size)
    op.set(this.op)
    at.set(this.at)
    immediate.set(this.immediate)
    this.op = op
    this.at = at
    this.immediate = immediate
  }
}

/**
 * Takes a body apart; throws `Refused` on an instruction that is not in the table of opcodes.ts, and on too many locals,
 * branches or nested blocks. `parameters` is how many the function has; `atomics` takes those, too.
 */
export function readInstructions(
  body: Reader,
  parameters: number,
  into: Instructions,
  atomics = false,
): void {
  readLocals(body, parameters, into)
  let count = 0
  let nesting = 1
  while (!body.done) {
    if (count === into.op.length) into.grow()
    const offset = body.at
    const op = readOpcode(body, atomics)
    into.op[count] = op
    into.at[count] = offset
    into.immediate[count] = readImmediate(body, op, offset)
    count++
    if (op >= 0x200 && op < relaxed) into.vectors = true
    nesting += op === 0x0b ? -1 : op >= 0x02 && op <= 0x04 ? 1 : 0
    if (nesting > limits.nesting) {
      throw new Refused('blocks nested too deep', offset, `${limits.nesting} are the most`)
    }
  }
  into.count = count
  into.at[count] = body.end
}

function readOpcode(body: Reader, atomics: boolean): number {
  const op = body.byte()
  if (op === 0xfc) return 0x100 + Math.min(body.u32(), 0xff)
  if (op === 0xfd) return Math.min(0x200 + body.u32(), relaxed)
  if (op === 0xfe && atomics) return 0x400 + Math.min(body.u32(), 0x7f)
  return op
}

function readLocals(body: Reader, parameters: number, into: Instructions): void {
  into.localGroups.length = 0
  into.vectors = false
  const offset = body.at
  const groups = body.count()
  let total = parameters
  into.groupsAt = body.at
  for (let left = groups; left > 0; left--) {
    const count = body.u32()
    const type = readValueType(body)
    total += count
    if (total > limits.locals) throw new Refused('too many locals', offset, `${limits.locals} are the most`)
    into.localGroups.push({ type, count })
    if (type === valueTypes.v128) into.vectors = true
  }
  into.locals = total - parameters
}

function refuse(op: number, offset: number): never {
  throw new Refused(featureOf(op), offset, 'only WebAssembly 2.0 without reference types can be run')
}

function readImmediate(body: Reader, op: number, offset: number): number {
  switch (immediateOf[op]) {
    case immediates.none:
      return 0
    case immediates.index:
      return body.u32()
    case immediates.i32:
      return body.signed(32)
    case immediates.memory:
      return readMemoryArgument(body)
    case immediates.block:
      return readBlockType(body)
    case immediates.i64:
      return body.signed(64)
    case immediates.four:
      body.skip(4)
      return 0
    case immediates.eight:
      body.skip(8)
      return 0
    case immediates.callIndirect: {
      const type = body.u32()
      if (body.u32() !== 0)
        throw new Refused('reference types (several tables)', offset, 'one table is the most')
      return type
    }
    case immediates.branches: {
      const count = body.count()
      if (count > limits.branches)
        throw new Refused('a br_table too large', offset, `${limits.branches} are the most`)
      for (let left = count + 1; left > 0; left--) body.u32()
      return count
    }
    case immediates.memoryLane:
      readMemoryArgument(body)
      return body.byte()
    case immediates.zero:
      return readZero(body)
    case immediates.zeroZero:
      readZero(body)
      return readZero(body)
    case immediates.indexZero: {
      const index = body.u32()
      readZero(body)
      return index
    }
    case immediates.sixteen:
      body.skip(16)
      return 0
    case immediates.lane:
      return body.byte()
    default:
      return refuse(op, offset)
  }
}

function readMemoryArgument(body: Reader): number {
  const offset = body.at
  const align = body.u32()
  if (align >= 0x40) throw new Refused('multi-memory', offset, 'one memory is the most')
  return body.u32()
}

function readZero(body: Reader): number {
  if (body.byte() !== 0) throw new Refused('multi-memory', body.at - 1, 'one memory is the most')
  return 0
}

function readBlockType(body: Reader): number {
  const offset = body.at
  const first = body.bytes[offset]
  if (first === 0x40) {
    body.at++
    return emptyBlock
  }
  if (first !== undefined && first > 0x40 && first < 0x80) return readValueType(body) - 0x80
  const index = body.signed(33)
  if (index < 0) throw malformed('an unknown type of block', offset)
  return index
}
