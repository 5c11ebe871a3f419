import { wat } from '../runtime/wasi/wat-program.ts'

/*
 * One module for each floating-point instruction: it goes through every pair of sixteen hard values and writes the bits
 * of what comes out, so that a NaN which differs between two machines shows.
 */

/** Zeros, halves, the ends of the range, infinities, and NaNs quiet and signalling, of both signs, with payloads. */
const doubles: readonly bigint[] = [
  0x0000000000000000n,
  0x8000000000000000n,
  0x3ff0000000000000n,
  0xbff8000000000000n,
  0x4004000000000000n,
  0x3fb999999999999an,
  0x43e0000000000000n,
  0x0000000000000001n,
  0x7fefffffffffffffn,
  0x7ff0000000000000n,
  0xfff0000000000000n,
  0x7ff8000000000000n,
  0xfff8000000000000n,
  0x7ff8000000c0ffeen,
  0x7ff0000000000001n,
  0xfff4dead0000beefn,
]

const singles: readonly number[] = [
  0x00000000, 0x80000000, 0x3f800000, 0xbfc00000, 0x40200000, 0x3dcccccd, 0x4f000000, 0x00000001, 0x7f7fffff,
  0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7fc0ffee, 0x7f800001, 0xffa0beef,
]

const escaped = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('')

/** Doubles from 1024, singles from 2048, their addresses being 8 or 4 apart. */
const tables = `(data (i32.const 1024) "${escaped(new Uint8Array(BigUint64Array.from(doubles).buffer))}")
  (data (i32.const 2048) "${escaped(new Uint8Array(Uint32Array.from(singles).buffer))}")`

const outputAt = 4096

/** Writes what `value` leaves, 16 bytes a time, for all pairs; `$a` and `$b` are indexes. */
function forAllPairs(store: string, value: string, more = ''): string {
  const body = `(local $a i32) (local $b i32)
    (loop $outer
      (local.set $b (i32.const 0))
      (loop $inner
        (${store} (i32.add (i32.const ${outputAt}) (i32.shl (i32.add (i32.shl (local.get $a) (i32.const 4)) (local.get $b)) (i32.const 4))) ${value})
        (br_if $inner (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const 1))) (i32.const 16))))
      (br_if $outer (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 1))) (i32.const 16))))
    (call $print (i32.const ${outputAt}) (i32.const 4096))`
  return wat(body, tables + more)
}

const f64 = (index: string): string =>
  `(f64.load (i32.add (i32.const 1024) (i32.shl (local.get $${index}) (i32.const 3))))`
const f32 = (index: string): string =>
  `(f32.load (i32.add (i32.const 2048) (i32.shl (local.get $${index}) (i32.const 2))))`

const unary = ['abs', 'neg', 'ceil', 'floor', 'trunc', 'nearest', 'sqrt']
const binary = ['add', 'sub', 'mul', 'div', 'min', 'max', 'copysign']
const comparisons = ['eq', 'ne', 'lt', 'gt', 'le', 'ge']
const lanes = ['abs', 'neg', 'ceil', 'floor', 'trunc', 'nearest', 'sqrt']
const lanePairs = ['add', 'sub', 'mul', 'div', 'min', 'max', 'pmin', 'pmax']

const splat = (type: 'f32x4' | 'f64x2', index: string): string =>
  `(${type}.splat ${type === 'f32x4' ? f32(index) : f64(index)})`

function scalars(): [string, string][] {
  const cases: [string, string][] = []
  for (const [type, value] of [
    ['f64', f64],
    ['f32', f32],
  ] as const) {
    for (const op of unary)
      cases.push([`${type}.${op}`, forAllPairs(`${type}.store`, `(${type}.${op} ${value('a')})`)])
    for (const op of binary) {
      cases.push([
        `${type}.${op}`,
        forAllPairs(`${type}.store`, `(${type}.${op} ${value('a')} ${value('b')})`),
      ])
    }
    for (const op of comparisons) {
      cases.push([`${type}.${op}`, forAllPairs('i32.store', `(${type}.${op} ${value('a')} ${value('b')})`)])
    }
    for (const into of ['i32', 'i64']) {
      for (const sign of ['s', 'u']) {
        const op = `${into}.trunc_sat_${type}_${sign}`
        cases.push([op, forAllPairs(`${into}.store`, `(${op} ${value('a')})`)])
      }
    }
  }
  return cases
}

function vectors(): [string, string][] {
  return (['f32x4', 'f64x2'] as const).flatMap((type): [string, string][] => [
    ...lanes.map((op): [string, string] => [
      `${type}.${op}`,
      forAllPairs('v128.store', `(${type}.${op} ${splat(type, 'a')})`),
    ]),
    ...lanePairs.map((op): [string, string] => [
      `${type}.${op}`,
      forAllPairs('v128.store', `(${type}.${op} ${splat(type, 'a')} ${splat(type, 'b')})`),
    ]),
  ])
}

/** Ways for a NaN's bits to be seen, besides being stored. */
const sightings: readonly [string, string][] = [
  ['promote', forAllPairs('f64.store', `(f64.promote_f32 ${f32('a')})`)],
  ['demote', forAllPairs('f32.store', `(f32.demote_f64 ${f64('a')})`)],
  [
    'reinterpreted double',
    forAllPairs('i64.store', `(i64.reinterpret_f64 (f64.sub ${f64('a')} ${f64('b')}))`),
  ],
  [
    'reinterpreted single',
    forAllPairs('i32.store', `(i32.reinterpret_f32 (f32.div ${f32('a')} ${f32('b')}))`),
  ],
  [
    'sign of a NaN',
    forAllPairs('f64.store', `(f64.copysign (f64.const 1) (f64.mul ${f64('a')} ${f64('b')}))`),
  ],
  ['converted integers', forAllPairs('f32.store', `(f32.convert_i64_u (i64.reinterpret_f64 ${f64('a')}))`)],
  [
    'through a global, a parameter and a select',
    forAllPairs(
      'f64.store',
      `(call $pass (f64.add ${f64('a')} ${f64('b')}) (f64.sub ${f64('b')} ${f64('a')}))`,
      `(global $kept (mut f64) (f64.const 0))
      (func $pass (param f64 f64) (result f64) (global.set $kept (local.get 0))
        (select (global.get $kept) (local.get 1) (f64.lt (local.get 0) (local.get 1))))`,
    ),
  ],
  [
    'lanes taken out',
    forAllPairs(
      'f32.store',
      `(f32x4.extract_lane 3 (f32x4.mul ${splat('f32x4', 'a')} ${splat('f32x4', 'b')}))`,
    ),
  ],
  [
    'lanes shuffled',
    forAllPairs(
      'v128.store',
      `(i8x16.shuffle 15 14 13 12 11 10 9 8 23 22 21 20 19 18 17 16 (f64x2.add ${splat('f64x2', 'a')} ${splat('f64x2', 'b')}) (f32x4.add ${splat('f32x4', 'a')} ${splat('f32x4', 'b')}))`,
    ),
  ],
  ['lanes demoted', forAllPairs('v128.store', `(f32x4.demote_f64x2_zero ${splat('f64x2', 'a')})`)],
  ['lanes promoted', forAllPairs('v128.store', `(f64x2.promote_low_f32x4 ${splat('f32x4', 'a')})`)],
  ['lanes to integers', forAllPairs('v128.store', `(i32x4.trunc_sat_f32x4_s ${splat('f32x4', 'a')})`)],
]

export const floatPrograms: readonly (readonly [name: string, text: string])[] = [
  ...scalars(),
  ...vectors(),
  ...sightings,
]
