import type { Instructions } from '../wasm/instructions.ts'

export interface Charge {
  readonly at: number
  readonly cost: number
}

interface Account {
  readonly at: number
  cost: number
}

/** Straight code of so many instructions is charged by itself. */
const stretchMin = 16

/** What the shorter ones of a function, or of a loop's turn, cost at most together: most of many are not run. */
const shortMax = 32

/** A function's body, looked through. Places are offsets into the bytes it was read from. */
export interface BodyPlan {
  readonly groupsAt: number
  readonly localGroups: number
  readonly locals: number
  /** Where its instructions begin and end. */
  readonly codeAt: number
  readonly end: number
  /** Instructions that are charged at its entry. */
  readonly cost: number
  readonly calls: boolean
  /** Where loops begin, and the instructions that are charged at each turn. */
  readonly loops: readonly Charge[]
  /** Where straight code begins that is charged by itself. */
  readonly stretches: readonly Charge[]
  /** Where memory is filled or copied. */
  readonly bulkAt: readonly number[]
}

const op = { block: 0x02, loop: 0x03, if: 0x04, end: 0x0b, call: 0x10, callIndirect: 0x11 } as const

/** Where straight code ends: unreachable, loop, if, else, end, br, br_if, br_table, return. */
const turns = new Set([0x00, 0x03, 0x04, 0x05, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f])

/** memory.init, memory.copy, memory.fill. */
const bulk = new Set([0x108, 0x10a, 0x10b])

export function planBody(code: Instructions): BodyPlan {
  const codeAt = code.at[0]!
  const whole: Account = { at: codeAt, cost: 0 }
  const loops: Account[] = []
  const stretches: Charge[] = []
  const bulkAt: number[] = []
  let calls = false
  /** The loop, or the function, that each open block is in; the first is the function's own. */
  const open = [whole]
  let around = whole
  let start = codeAt
  let count = 0
  for (let i = 0; i < code.count; i++) {
    const each = code.op[i]!
    count++
    if (each === op.call || each === op.callIndirect) calls = true
    if (bulk.has(each)) bulkAt.push(code.at[i]!)
    if (each === op.block) open.push(around)
    if (!turns.has(each)) continue
    const next = code.at[i + 1]!
    if (count >= stretchMin && start !== around.at) stretches.push({ at: start, cost: count })
    else around.cost += count
    if (each === op.end) open.pop()
    if (each === op.if) open.push(around)
    if (each === op.loop) {
      const loop = { at: next, cost: 0 }
      loops.push(loop)
      open.push(loop)
    }
    around = open[open.length - 1] ?? whole
    start = next
    count = 0
  }
  return {
    groupsAt: code.groupsAt,
    localGroups: code.localGroups.length,
    locals: code.locals,
    codeAt,
    end: code.at[code.count]!,
    cost: Math.min(whole.cost, shortMax),
    calls,
    loops: loops.map(({ at, cost }) => ({ at, cost: Math.min(cost, shortMax) })),
    stretches,
    bulkAt,
  }
}
