import { describe, expect, test } from 'vitest'
import { nan, nanOf, popsOf, shapeIn, shapeOut, shapes } from '../../../shared/runtime/wasm/opcodes.ts'
import { Writer } from '../../../shared/runtime/wasm/writer.ts'
import { command, prepared, run } from './fixtures.ts'
import type { Tier } from './tiers.ts'
import { runInTier, tiers } from './tiers.ts'

/** NaNs as a 32-bit or 64-bit float can hold them: quiet and signalling, of both signs, and the canonical one. */
const payloads32 = [
  0x7fc00000, 0xffc00000, 0x7f800001, 0xff800001, 0x7fffffff, 0x7fc12345, 0xffedcba9, 0x7fa00000,
]
const payloads64 = [
  0x7ff8000000000000n,
  0xfff8000000000000n,
  0x7ff0000000000001n,
  0xfff0000000000001n,
  0x7fffffffffffffffn,
  0x7ff8deadbeef1234n,
  0xfff123456789abcdn,
  0x7ff4000000000000n,
]
const canonical32 = 0x7fc00000
const canonical64 = 0x7ff8000000000000n

/** A module with these bytes as the body of `_start`; the first KiB of memory holds the NaNs above. */
function withBody(body: (out: Writer) => void): Uint8Array {
  const start = new Writer()
  start.byte(0)
  body(start)
  start.byte(0x0b)
  const data = new Writer()
  const values = new DataView(new ArrayBuffer(256))
  for (let i = 0; i < 16; i++) values.setUint32(4 * i, payloads32[i % 8]!, true)
  for (let i = 0; i < 16; i++) values.setBigUint64(64 + 8 * i, payloads64[i % 8]!, true)
  data.vector(new Uint8Array(values.buffer))
  const out = new Writer()
  const put = (...bytes: number[]) => {
    for (const byte of bytes) out.byte(byte)
  }
  const section = (id: number, ...content: (number | Uint8Array)[]) => {
    const inner = new Writer()
    for (const part of content) typeof part === 'number' ? inner.byte(part) : inner.bytes(part)
    out.byte(id)
    out.vector(inner.view())
  }
  const code = new Writer()
  code.vector(start.view())
  const name = (text: string) => new TextEncoder().encode(text)
  put(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)
  section(1, 1, 0x60, 0, 0)
  section(3, 1, 0)
  section(5, 1, 0, 1)
  section(7, 2, 6, name('_start'), 0, 0, 6, name('memory'), 2, 0)
  section(10, 1, code.view())
  section(11, 1, 0, 0x41, 0, 0x0b, data.view())
  return out.view()
}

const load = {
  [shapes.f32]: [0x2a],
  [shapes.f64]: [0x2b],
  [shapes.f32x4]: [0xfd, 0],
  [shapes.f64x2]: [0xfd, 0],
}
const store = {
  [shapes.f32]: [0x38],
  [shapes.f64]: [0x39],
  [shapes.f32x4]: [0xfd, 11],
  [shapes.f64x2]: [0xfd, 11],
}
type Loaded = keyof typeof load

/** Stores `op` of each pair of NaNs at 1024 and on, 16 bytes apart. */
function everyPair(op: number): Uint8Array {
  const given = shapeIn[op] as Loaded
  const result = shapeOut[op] as Loaded
  const wide = given === shapes.f64 || given === shapes.f64x2
  return withBody((out) => {
    const bytes = (list: readonly number[]) => {
      for (const byte of list) out.byte(byte)
    }
    const operand = (i: number) => {
      out.two(0x41, 0)
      bytes(load[given])
      out.byte(0)
      out.u32(wide ? 64 + 8 * i : 4 * i)
    }
    for (let i = 0; i < 64; i++) {
      out.two(0x41, 0)
      operand(i % 8)
      if (popsOf[op] === 2) operand(i >> 3)
      if (op < 0x100) out.byte(op)
      else {
        out.byte(0xfd)
        out.u32(op - 0x200)
      }
      bytes(store[result])
      out.byte(0)
      out.u32(1024 + 16 * i)
    }
  })
}

const arithmetic = Array.from(nanOf.keys()).filter((op) => nanOf[op] === nan.arithmetic)

/** All lanes of what `everyPair` stored are canonical; the upper half of what gives half a vector is zero. */
function expectCanonical(op: number, memory: DataView): void {
  const shape = shapeOut[op]!
  for (let i = 0; i < 64; i++) {
    const at = 1024 + 16 * i
    if (shape === shapes.f32) expect(memory.getUint32(at, true)).toBe(canonical32)
    if (shape === shapes.f64) expect(memory.getBigUint64(at, true)).toBe(canonical64)
    const lanes = op === 0x25e ? 2 : 4
    if (shape === shapes.f32x4)
      for (let lane = 0; lane < lanes; lane++) expect(memory.getUint32(at + 4 * lane, true)).toBe(canonical32)
    if (shape === shapes.f64x2)
      for (let lane = 0; lane < 2; lane++) expect(memory.getBigUint64(at + 8 * lane, true)).toBe(canonical64)
  }
}

describe('NaNs that the specification leaves open', () => {
  test('SBX-02 are those of 11 scalar operations of each size, 10 vector ones, and conversions between the sizes', () => {
    expect(arithmetic.length).toBe(2 * 11 + 2 * 11 + 4)
  })

  test.each(arithmetic.map((op) => [op.toString(16), op] as const))(
    'SBX-02 of instruction %s become the canonical one',
    (_, op) => {
      const { memory, trap } = run(prepared(everyPair(op)).wasm)
      expect(trap).toBeUndefined()
      expectCanonical(op, memory)
    },
  )

  test.each(Object.keys(tiers) as Tier[])('SBX-02 have the same bits in memory with %s as here', (tier) => {
    const modules = arithmetic.map((op) => prepared(everyPair(op)).wasm)
    const here = runInTier('Liftoff', modules)
    expect(runInTier(tier, modules).map(({ memory }) => memory)).toEqual(here.map(({ memory }) => memory))
  })
})

/** Bits at 1024 after a `_start` with these instructions; 0/0 and NaNs of the data are at hand. */
function bits(instructions: string, more = ''): bigint {
  const wasm = command(`(data (i32.const 8) "\\34\\12\\ef\\be\\ad\\de\\f8\\7f") ${more}
    (func $open (result f64) (f64.div (f64.load (i32.const 512)) (f64.load (i32.const 512))))
    (func (export "_start") (local $a f64) (local $b f64) (local $i i32) ${instructions})`)
  const { memory, trap } = run(prepared(wasm).wasm)
  expect(trap).toBeUndefined()
  return memory.getBigUint64(1024, true)
}
const payload = 0x7ff8deadbeef1234n
const boxed = '(f64.load (i32.const 8))'
const open = '(f64.div (f64.load (i32.const 512)) (f64.load (i32.const 512)))'
const stored = (value: string) => `(f64.store (i32.const 1024) ${value})`

describe('NaNs whose bits count', () => {
  const kept: [what: string, instructions: string, more?: string][] = [
    ['load and store', stored(boxed)],
    ['a constant', stored('(f64.const nan:0x8deadbeef1234)')],
    ['a local', `(local.set $a ${boxed}) ${stored('(local.get $a)')}`],
    [
      'a local that held a result before',
      `(local.set $a ${open}) (local.set $a ${boxed}) ${stored('(local.get $a)')}`,
    ],
    [
      'a local that holds a result after',
      `(loop ${stored(boxed)} (local.set $a ${boxed}) ${stored('(local.get $a)')} (local.set $a ${open}))`,
    ],
    ['a tee', `${stored(`(local.tee $a ${boxed})`)} (local.set $a ${open})`],
    ['select', stored(`(select ${boxed} ${open} (i32.const 1))`)],
    ['select, second', stored(`(select ${open} ${boxed} (i32.const 0))`)],
    ['a block', stored(`(block (result f64) (br_if 0 ${boxed} (i32.const 1)) (drop) ${open})`)],
    ['if', stored(`(if (result f64) (i32.const 0) (then ${open}) (else ${boxed}))`)],
    [
      'a global',
      `(global.set $g ${boxed}) ${stored('(global.get $g)')}`,
      '(global $g (mut f64) (f64.const 0))',
    ],
    [
      'a parameter and a result',
      stored(`(call $id ${boxed})`),
      '(func $id (param f64) (result f64) (local.get 0))',
    ],
    [
      'a parameter that is written',
      stored(`(call $id ${boxed})`),
      '(func $id (param f64) (result f64) (if (i32.const 0) (then (local.set 0 (f64.add (local.get 0) (local.get 0))))) (local.get 0))',
    ],
    [
      'reinterpretation',
      '(i64.store (i32.const 1024) (i64.reinterpret_f64 (f64.reinterpret_i64 (i64.const 0x7ff8deadbeef1234))))',
    ],
    ['twice neg', stored(`(f64.neg (f64.neg ${boxed}))`)],
    ['abs', stored(`(f64.abs (f64.neg ${boxed}))`)],
    ['copysign', stored(`(f64.copysign (f64.neg ${boxed}) (f64.const 1))`)],
    ['a lane', stored(`(f64x2.extract_lane 1 (f64x2.replace_lane 1 (f64x2.splat ${open}) ${boxed}))`)],
    ['a splat', stored(`(f64x2.extract_lane 1 (f64x2.splat ${boxed}))`)],
    [
      'pmin',
      stored(`(f64x2.extract_lane 0 (f64x2.pmin (f64x2.splat ${boxed}) (f64x2.splat (f64.const 1))))`),
    ],
  ]
  test.each(kept)('SBX-02 keep them through %s', (_what, instructions, more) => {
    expect(bits(instructions, more)).toBe(payload)
  })
})

describe("a NaN of the engine's choice", () => {
  const seen: [what: string, instructions: string, more?: string][] = [
    ['store', stored(open)],
    ['store after a local', `(local.set $a ${open}) ${stored('(local.get $a)')}`],
    [
      'store after locals in a loop',
      `(loop (local.set $b (f64.add (local.get $a) (local.get $b))) (local.set $a (f64.sub (local.get $b) ${open})) (br_if 0 (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 3)))) ${stored('(local.get $a)')}`,
    ],
    ['reinterpret', `(i64.store (i32.const 1024) (i64.reinterpret_f64 ${open}))`],
    [
      'reinterpret of a sum',
      `(i64.store (i32.const 1024) (i64.reinterpret_f64 (f64.add (f64.mul ${open} ${open}) ${open})))`,
    ],
    ['a result', stored('(call $open)')],
    [
      'an early return',
      stored('(call $early)'),
      `(func $early (result f64) (if (i32.const 1) (then (return ${open}))) (f64.const 1))`,
    ],
    [
      'an argument',
      `(call $put ${open})`,
      '(func $put (param f64) (f64.store (i32.const 1024) (local.get 0)))',
    ],
    [
      'an argument under another',
      `(call $put ${open} (i32.const 1024))`,
      '(func $put (param f64 i32) (f64.store (local.get 1) (local.get 0)))',
    ],
    [
      'a global',
      `(global.set $g ${open}) ${stored('(global.get $g)')}`,
      '(global $g (mut f64) (f64.const 0))',
    ],
    ['a branch', stored(`(block (result f64) (br 0 ${open}))`)],
    ['br_table', stored(`(block (result f64) (block (result f64) (br_table 0 1 ${open} (i32.const 1))))`)],
    ["a loop's parameter", `${open} (loop (param f64) (local.set $a)) ${stored('(local.get $a)')}`],
    ['select of two', stored(`(select ${open} (f64.sqrt (f64.const -1)) (i32.const 0))`)],
    ['select of a constant', stored(`(select ${open} (f64.const 1) (i32.const 1))`)],
    ['neg', stored(`(f64.neg ${open})`)],
    ['abs', stored(`(f64.abs ${open})`)],
    ['a splat', stored(`(f64x2.extract_lane 1 (f64x2.splat ${open}))`)],
    ['lanes', stored(`(f64x2.extract_lane 1 (f64x2.add (f64x2.splat ${open}) (f64x2.splat ${boxed})))`)],
    [
      'lanes of another size',
      stored(
        `(f64.promote_f32 (f32x4.extract_lane 1 (f32x4.div (v128.const i32x4 0 0 0 0) (v128.const i32x4 0 0 0 0))))`,
      ),
    ],
    ['promotion', stored('(f64.promote_f32 (f32.div (f32.const 0) (f32.const 0)))')],
    [
      'bits of a vector',
      `(v128.store (i32.const 1024) (v128.or (f64x2.splat ${open}) (v128.const i32x4 0 0 0 0)))`,
    ],
  ]
  test.each(seen)('SBX-02 is the canonical one once seen by %s', (_what, instructions, more) => {
    expect(bits(instructions, more)).toBe(canonical64)
  })

  test('SBX-02 is the canonical one in a local that also holds bits that count', () => {
    const both = `(local.set $a ${open}) ${stored('(local.get $a)')} (local.set $a ${boxed})`
    expect(bits(both)).toBe(canonical64)
  })

  test('SBX-02 is the canonical one of its own size in a local of vectors of both sizes', () => {
    const zero = '(v128.const i32x4 0 0 0 0)'
    const wasm = command(`(func (export "_start") (local $v v128)
      (local.set $v (f32x4.div ${zero} ${zero})) (v128.store (i32.const 0) (local.get $v))
      (local.set $v (f64x2.div ${zero} ${zero})) (v128.store (i32.const 16) (local.get $v)))`)
    const { memory } = run(prepared(wasm).wasm)
    expect([0, 4, 8, 12].map((at) => memory.getUint32(at, true))).toEqual(new Array(4).fill(canonical32))
    expect([16, 24].map((at) => memory.getBigUint64(at, true))).toEqual([canonical64, canonical64])
  })

  test('SBX-02 lends copysign the sign of the canonical one', () => {
    const one = 0x3ff0000000000000n
    expect(bits(stored(`(f64.copysign (f64.const -1) ${open})`))).toBe(one)
    expect(bits(`(local.set $a ${open}) ${stored('(f64.copysign (f64.const -1) (local.get $a))')}`)).toBe(one)
  })

  test('SBX-02 stays NaN for comparisons and conversions', () => {
    expect(bits(`(i64.store (i32.const 1024) (i64.extend_i32_u (f64.ne ${open} ${open})))`)).toBe(1n)
    expect(bits(`(i64.store (i32.const 1024) (i64.trunc_sat_f64_s ${open}))`)).toBe(0n)
  })
})
