import { joinBytes } from '../../kernel/bytes.ts'
import { sectionIds } from '../wasm/content.ts'
import { Instructions, readInstructions } from '../wasm/instructions.ts'
import { Reader } from '../wasm/reader.ts'
import type { Section } from '../wasm/section-list.ts'
import { appendTo, sectionOf } from '../wasm/section-list.ts'
import { signedBytes, unsignedBytes } from '../wasm/writer.ts'
import type { BodyPlan } from './engine-code.ts'
import { planBody } from './engine-code.ts'

/*
 * Makes the engine count what it does, in a global `fuel` (i64) that it exports: 1 for each instruction. Straight code of
 * 16 instructions or more is charged where it begins; what is shorter, with its function's entry or its loop's turn, as if
 * all of it were run, but no more than 32. Filling and copying of memory costs 1 for 2 bytes besides. Below zero it traps, at the next turn of a
 * loop or entry of a function that calls others. A stranger's module would need more than this: the engine is known,
 * and is ours to trust.
 */

const i64 = 0x7e
const i32 = 0x7f

/** What `fuel` holds at first: enough for the engine's own start. */
const fuelAtFirst = Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0xc0, 0x00)

/** The sections of an engine that counts; throws on one with instructions that are not known here. */
export function withFuel(sections: readonly Section[]): Section[] {
  const globals = sectionOf(sections, 'global')
  const fuel = new Reader(globals).u32()
  const name = Uint8Array.of(4, 0x66, 0x75, 0x65, 0x6c)
  const replaced = new Map<number, Uint8Array>([
    [
      sectionIds.global,
      appendTo(globals, [joinBytes([Uint8Array.of(i64, 1, 0x42), fuelAtFirst, Uint8Array.of(0x0b)])]),
    ],
    [
      sectionIds.export,
      appendTo(sectionOf(sections, 'export'), [joinBytes([name, Uint8Array.of(3), unsignedBytes(fuel)])]),
    ],
    [sectionIds.code, rewriteCode(sectionOf(sections, 'code'), parameterCounts(sections), fuel)],
  ])
  return sections.map(({ id, body }) => ({ id, body: replaced.get(id) ?? body }))
}

/** Of each of the module's own functions. */
function parameterCounts(sections: readonly Section[]): number[] {
  const types = new Reader(sectionOf(sections, 'type'))
  const parameters: number[] = []
  for (let left = types.u32(); left > 0; left--) {
    types.expect(0x60)
    parameters.push(types.vector().length)
    types.vector()
  }
  const functions = new Reader(sectionOf(sections, 'function'))
  return Array.from({ length: functions.u32() }, () => parameters[functions.u32()] ?? 0)
}

function rewriteCode(code: Uint8Array, parameters: readonly number[], fuel: number): Uint8Array {
  const reader = new Reader(code)
  const parts: Uint8Array[] = [unsignedBytes(reader.u32())]
  const writer = new FuelWriter(fuel)
  const instructions = new Instructions()
  for (const count of parameters) {
    readInstructions(reader.part(reader.u32()), count, instructions, true)
    const body = writer.rewrite(code, planBody(instructions), count)
    parts.push(unsignedBytes(body.length), body)
  }
  return joinBytes(parts)
}

class FuelWriter {
  readonly #fuel: number
  readonly #check: Uint8Array

  constructor(fuel: number) {
    this.#fuel = fuel
    // global.get fuel, i64.const 0, i64.lt_s, if, unreachable, end
    this.#check = joinBytes([op(0x23, fuel), Uint8Array.of(0x42, 0, 0x53, 0x04, 0x40, 0x00, 0x0b)])
  }

  /** `bytes` is what the plan's places are in. */
  rewrite(bytes: Uint8Array, plan: BodyPlan, parameters: number): Uint8Array {
    const { codeAt, bulkAt, loops, stretches } = plan
    const length = parameters + plan.locals
    const parts = [
      unsignedBytes(plan.localGroups + (bulkAt.length > 0 ? 1 : 0)),
      bytes.subarray(plan.groupsAt, codeAt),
    ]
    if (bulkAt.length > 0) parts.push(Uint8Array.of(1, i32))
    parts.push(this.#charge(plan.cost))
    if (plan.calls) parts.push(this.#check)
    const places = [
      ...loops.map(({ at, cost }) => ({ at, code: [this.#charge(cost), this.#check] })),
      ...stretches.map(({ at, cost }) => ({ at, code: [this.#charge(cost)] })),
      ...bulkAt.map((at) => ({ at, code: [this.#chargeLength(length)] })),
    ].sort((a, b) => a.at - b.at)
    let from = codeAt
    for (const { at, code } of places) {
      parts.push(bytes.subarray(from, at), ...code)
      from = at
    }
    parts.push(bytes.subarray(from, plan.end))
    return joinBytes(parts)
  }

  #charge(cost: number): Uint8Array {
    return joinBytes([
      op(0x23, this.#fuel),
      Uint8Array.of(0x42),
      signedBytes(cost),
      Uint8Array.of(0x7d),
      op(0x24, this.#fuel),
    ])
  }

  /** The length on top of the operands stays there. */
  #chargeLength(local: number): Uint8Array {
    return joinBytes([
      op(0x22, local),
      op(0x23, this.#fuel),
      op(0x20, local),
      // i64.extend_i32_u, i64.const 1, i64.shr_u, i64.sub
      Uint8Array.of(0xad, 0x42, 0x01, 0x88, 0x7d),
      op(0x24, this.#fuel),
    ])
  }
}

function op(code: number, index: number): Uint8Array {
  return joinBytes([Uint8Array.of(code), unsignedBytes(index)])
}
