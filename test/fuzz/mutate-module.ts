import type { Random } from '../../shared/kernel/random.ts'
import { Instructions } from '../../shared/runtime/wasm/instructions.ts'
import { readModule } from '../../shared/runtime/wasm/module.ts'
import { readBody } from '../../shared/runtime/wasm/plan.ts'
import { Writer } from '../../shared/runtime/wasm/writer.ts'

/** Code that leaves the operand stack as it is; the later ones are of what is not allowed. */
const insertions: readonly (readonly number[])[] = [
  [0x01],
  [0x00],
  [0x0f],
  [0x41, 0x2a, 0x1a],
  [0x20, 0x00, 0x1a],
  [0x43, 0, 0, 0xc0, 0x7f, 0x43, 1, 0, 0x80, 0xff, 0x92, 0x1a],
  [0x44, 1, 0, 0, 0, 0, 0, 0xf0, 0x7f, 0x9f, 0xbd, 0x1a],
  [0x02, 0x40, 0x0c, 0x00, 0x0b],
  [0x03, 0x40, 0x0b],
  [0x03, 0x40, 0x0c, 0x00, 0x0b],
  [0x41, 0x00, 0x04, 0x40, 0x05, 0x0b],
  [0x41, 0x01, 0x0d, 0x00],
  [0x41, 0x01, 0x02, 0x40, 0x0b, 0x1a],
  [0x41, 0x00, 0x40, 0x00, 0x1a],
  [0x41, 0x7f, 0x40, 0x00, 0x1a],
  [0x3f, 0x00, 0x1a],
  [0x41, 0, 0x41, 0, 0x41, 0x10, 0xfc, 0x0b, 0x00],
  [0x41, 0, 0x41, 0, 0x41, 0x7f, 0xfc, 0x0a, 0x00, 0x00],
  [0x10, 0x00],
  [0x41, 0x00, 0x11, 0x00, 0x00],
  [0x41, 0x00, 0x11, 0x00, 0x80, 0x80, 0x00],
  [0xfd, 0x0c, 0, 0, 0xc0, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfd, 0xe3, 0x01, 0x1a],
  [0x02, 0x7f, 0x41, 0x00, 0x0b, 0x1a],
  [0x02, 0x00, 0x0b],
  [0xd0, 0x70, 0x1a],
  [0xd2, 0x00, 0x1a],
  [0xfe, 0x03, 0x00],
  [0x41, 0x00, 0xfe, 0x10, 0x02, 0x00, 0x1a],
  [0x12, 0x00],
  [0x06, 0x40, 0x19, 0x0b],
  [0x1f, 0x40, 0x00, 0x0b],
  [0x41, 1, 0x41, 2, 0x41, 3, 0x1c, 0x01, 0x7f, 0x1a],
  [0xfc, 0x10, 0x00, 0x1a],
  [0x3f, 0x01, 0x1a],
  [0x42, 0, 0x42, 0, 0x42, 0, 0x42, 0, 0xfc, 0x13, 0x1a, 0x1a],
  [0xfd, 0x0c, ...new Array<number>(16).fill(0), 0xfd, 0x81, 0x02, 0x1a],
  [0xfb, 0x1c],
  [0x41, 0x00, 0xfb, 0x1c, 0x1a],
]

/** A module made from another at random, by one to four changes; `other` is one to take parts from. */
export function mutateModule(random: Random, module: Uint8Array, other: Uint8Array): Uint8Array {
  let bytes = module
  const rough = random.below(3) === 0
  for (let left = 1 + random.below(4); left > 0; left--) {
    const change = rough ? roughly[random.below(roughly.length)]! : finely[random.below(finely.length)]!
    bytes = change(random, bytes, other)
  }
  return bytes
}

type Mutation = (random: Random, bytes: Uint8Array, other: Uint8Array) => Uint8Array

function replace(
  bytes: Uint8Array,
  from: number,
  to: number,
  piece: Uint8Array | readonly number[],
): Uint8Array {
  const head = bytes.subarray(0, from)
  const tail = bytes.subarray(to)
  const whole = new Uint8Array(head.length + piece.length + tail.length)
  whole.set(head)
  whole.set(piece, head.length)
  whole.set(tail, head.length + piece.length)
  return whole
}

const roughly: readonly Mutation[] = [
  (random, bytes) => {
    const changed = bytes.slice()
    for (let left = 1 + random.below(8); left > 0; left--) {
      changed[random.below(changed.length)] =
        random.below(2) === 0 ? random.below(256) : [0, 1, 0x40, 0x7f, 0x80, 0xff][random.below(6)]!
    }
    return changed
  },
  (random, bytes) => {
    const from = random.below(bytes.length)
    return replace(bytes, from, Math.min(bytes.length, from + random.below(16)), [])
  },
  (random, bytes) => {
    const from = random.below(bytes.length)
    const piece = bytes.slice(from, from + random.below(64))
    const at = random.below(bytes.length)
    return replace(bytes, at, at, piece)
  },
  (random, bytes) => bytes.slice(0, random.below(bytes.length + 1)),
  // A number becomes huge.
  (random, bytes) => {
    const at = 8 + random.below(Math.max(1, bytes.length - 8))
    return replace(bytes, at, at + 1, [0xff, 0xff, 0xff, 0xff, [0x0f, 0x07, 0x7f][random.below(3)]!])
  },
  (random, bytes, other) => {
    const from = random.below(other.length)
    const at = random.below(bytes.length)
    return replace(bytes, at, at, other.slice(from, from + random.below(100)))
  },
]

const finely: readonly Mutation[] = [
  insertCode,
  insertCode,
  insertCode,
  changeOpcode,
  changeOpcode,
  changeImmediate,
  removeInstruction,
  exchangeSection,
  exchangeSection,
  appendSection,
]

interface Body {
  readonly from: number
  readonly to: number
  readonly code: Instructions
}

/** A body of the module, taken apart; undefined if there is none, or the module is damaged. */
function someBody(random: Random, bytes: Uint8Array): Body | undefined {
  try {
    const content = readModule(bytes)
    const count = content.bodies.length / 2
    if (count === 0) return undefined
    const index = random.below(count)
    const code = new Instructions()
    readBody(content, index, code)
    return { from: content.bodies.at(2 * index), to: content.bodies.at(2 * index + 1), code }
  } catch {
    return undefined
  }
}

/** The module with a piece of a body exchanged, and all lengths around it right. */
function withCode(
  bytes: Uint8Array,
  body: Body,
  from: number,
  to: number,
  piece: readonly number[],
): Uint8Array {
  const content = readModule(bytes)
  const out = new Writer(bytes.length + 64)
  const span = content.sections.get(10)!
  const section = new Writer(bytes.length + 64)
  section.u32(content.bodies.length / 2)
  for (let i = 0; i < content.bodies.length; i += 2) {
    const [start, end] = [content.bodies.at(i), content.bodies.at(i + 1)]
    const inside = start === body.from
    section.vector(
      inside
        ? replace(bytes.subarray(start, end), from - start, to - start, piece)
        : bytes.subarray(start, end),
    )
  }
  let headAt = span.from - 1
  while (headAt > 8 && bytes[headAt - 1]! >= 0x80) headAt--
  out.copy(bytes, 0, headAt)
  out.vector(section.view())
  out.copy(bytes, span.to, bytes.length)
  return out.view().slice()
}

function insertCode(random: Random, bytes: Uint8Array): Uint8Array {
  const body = someBody(random, bytes)
  if (body === undefined) return bytes
  const at = body.code.at[random.below(body.code.count)]!
  const allowed = random.below(5) > 0
  const count = allowed ? 24 : insertions.length
  return withCode(bytes, body, at, at, insertions[random.below(count)]!)
}

function changeOpcode(random: Random, bytes: Uint8Array): Uint8Array {
  const body = someBody(random, bytes)
  if (body === undefined) return bytes
  const i = random.below(body.code.count)
  const op = body.code.op[i]!
  if (op < 0x45 || op > 0xc4) return bytes
  const changed = bytes.slice()
  changed[body.code.at[i]!] = Math.min(0xc4, Math.max(0x45, op + random.below(7) - 3))
  return changed
}

function changeImmediate(random: Random, bytes: Uint8Array): Uint8Array {
  const body = someBody(random, bytes)
  if (body === undefined) return bytes
  const i = random.below(body.code.count)
  const length = body.code.at[i + 1]! - body.code.at[i]!
  if (length < 2) return bytes
  const changed = bytes.slice()
  const at = body.code.at[i]! + 1 + random.below(length - 1)
  changed[at] = (changed[at]! & 0x80) | random.below(random.below(2) === 0 ? 8 : 128)
  return changed
}

function removeInstruction(random: Random, bytes: Uint8Array): Uint8Array {
  const body = someBody(random, bytes)
  if (body === undefined) return bytes
  const i = random.below(body.code.count)
  return withCode(bytes, body, body.code.at[i]!, body.code.at[i + 1]!, [])
}

interface Part {
  readonly id: number
  readonly from: number
  readonly to: number
}

function partsOf(bytes: Uint8Array): Part[] {
  const parts: Part[] = []
  let at = 8
  while (at < bytes.length) {
    const from = at
    const id = bytes[at++]!
    let length = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = bytes[at++] ?? 0
      length += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) break
    }
    at += length
    parts.push({ id, from, to: Math.min(at, bytes.length) })
  }
  return parts
}

function exchangeSection(random: Random, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  const theirs = partsOf(other)
  const taken = theirs[random.below(theirs.length)]
  const ours = partsOf(bytes).find(({ id }) => id === taken?.id)
  if (taken === undefined || ours === undefined) return bytes
  return replace(bytes, ours.from, ours.to, other.subarray(taken.from, taken.to))
}

/** Sections that few modules have: custom, start, tag, several memories, another table. */
const sections: readonly (readonly number[])[] = [
  [0, 3, 1, 0x78, 0],
  [8, 1, 0],
  [13, 3, 1, 0, 0],
  [5, 5, 2, 0, 1, 0, 1],
  [5, 4, 1, 3, 1, 1],
  [5, 3, 1, 4, 1],
  [4, 7, 2, 0x70, 0, 1, 0x6f, 0, 1],
  [6, 6, 1, 0x70, 0, 0xd0, 0x70, 0x0b],
  [1, 4, 1, 0x5f, 0, 0],
]

function appendSection(random: Random, bytes: Uint8Array): Uint8Array {
  const section = sections[random.below(sections.length)]!
  const parts = partsOf(bytes)
  const same = parts.find(({ id }) => id === section[0])
  if (same !== undefined) return replace(bytes, same.from, same.to, section)
  const next = parts.find(({ id }) => id > section[0]!)?.from ?? bytes.length
  return replace(bytes, next, next, section)
}
