/*
 * One table for all instructions that are read. An instruction has one number: its byte, or 0x100 + n after the prefix
 * 0xfc, or 0x200 + n after 0xfd, or 0x400 + n after 0xfe, which only modules of our own choice may use. Sources: WebAssembly 2.0, section 5.4 (binary format of instructions) and the proposals
 * for what is refused.
 */

/** What follows an opcode. */
export const immediates = {
  /** Not an instruction that is allowed. */
  unknown: 0,
  none: 1,
  block: 2,
  index: 3,
  callIndirect: 4,
  branches: 5,
  memory: 6,
  memoryLane: 7,
  /** A memory's index, which has to be the byte 0. */
  zero: 8,
  zeroZero: 9,
  indexZero: 10,
  i32: 11,
  i64: 12,
  four: 13,
  eight: 14,
  sixteen: 15,
  lane: 16,
} as const

/** How an instruction treats NaNs. */
export const nan = {
  /** Makes its operands' bits visible; what it gives has bits that count. */
  sensitive: 0,
  /** Gives a NaN whose bits the specification leaves open. */
  arithmetic: 1,
  /** Asks only whether its operands are NaN: comparisons, float to integer. */
  blind: 2,
  /** Never gives a NaN. */
  clean: 3,
  /** Gives its operand's bits but for the sign: neg, abs. */
  pass: 4,
  copysign: 5,
  /** Gives the bits of one of its two operands: select, pmin, pmax. */
  choose: 6,
  /** Moves lanes and scalars: splat, extract_lane. */
  lane: 7,
  constant: 8,
} as const

/** Kinds of floating-point values. */
export const shapes = { none: 0, f32: 1, f64: 2, f32x4: 3, f64x2: 4 } as const

/** Of relaxed SIMD, all of it. */
export const relaxed = 0x300
const size = 0x480
export const immediateOf = new Uint8Array(size)
export const popsOf = new Uint8Array(size)
export const pushesOf = new Uint8Array(size)
export const nanOf = new Uint8Array(size)
/** Shape of the floating-point operands and of the result. */
export const shapeIn = new Uint8Array(size)
export const shapeOut = new Uint8Array(size)

type Immediate = keyof typeof immediates
type Shape = keyof typeof shapes

/** `pops > pushes` of the instructions `from` to `to`. */
function define(immediate: Immediate, effect: string, from: number, to = from): void {
  const [pops, pushes] = effect.split('>').map(Number)
  for (let op = from; op <= to; op++) {
    immediateOf[op] = immediates[immediate]
    popsOf[op] = pops!
    pushesOf[op] = pushes!
  }
}

function floats(kind: keyof typeof nan, given: Shape, result: Shape, from: number, to = from): void {
  for (let op = from; op <= to; op++) {
    nanOf[op] = nan[kind]
    shapeIn[op] = shapes[given]
    shapeOut[op] = shapes[result]
  }
}

// Control. What blocks, branches and calls pop and push depends on types: 0 here.
define('none', '0>0', 0x00, 0x01)
define('block', '0>0', 0x02, 0x03)
define('block', '1>0', 0x04)
define('none', '0>0', 0x05)
define('none', '0>0', 0x0b)
define('index', '0>0', 0x0c)
define('index', '1>0', 0x0d)
define('branches', '1>0', 0x0e)
define('none', '0>0', 0x0f)
define('index', '0>0', 0x10)
define('callIndirect', '1>0', 0x11)
define('none', '1>0', 0x1a)
define('none', '3>1', 0x1b)
define('index', '0>1', 0x20)
define('index', '1>0', 0x21)
define('index', '1>1', 0x22)
define('index', '0>1', 0x23)
define('index', '1>0', 0x24)
define('memory', '1>1', 0x28, 0x35)
define('memory', '2>0', 0x36, 0x3e)
define('zero', '0>1', 0x3f)
define('zero', '1>1', 0x40)
define('i32', '0>1', 0x41)
define('i64', '0>1', 0x42)
define('four', '0>1', 0x43)
define('eight', '0>1', 0x44)
define('none', '1>1', 0x45)
define('none', '2>1', 0x46, 0x4f)
define('none', '1>1', 0x50)
define('none', '2>1', 0x51, 0x66)
define('none', '1>1', 0x67, 0x69)
define('none', '2>1', 0x6a, 0x78)
define('none', '1>1', 0x79, 0x7b)
define('none', '2>1', 0x7c, 0x8a)
define('none', '1>1', 0x8b, 0x91)
define('none', '2>1', 0x92, 0x98)
define('none', '1>1', 0x99, 0x9f)
define('none', '2>1', 0xa0, 0xa6)
define('none', '1>1', 0xa7, 0xc4)

define('none', '1>1', 0x100, 0x107)
define('indexZero', '3>0', 0x108)
define('index', '0>0', 0x109)
define('zeroZero', '3>0', 0x10a)
define('zero', '3>0', 0x10b)

define('memory', '1>1', 0x200, 0x20a)
define('memory', '2>0', 0x20b)
define('sixteen', '0>1', 0x20c)
define('sixteen', '2>1', 0x20d)
define('none', '2>1', 0x20e)
define('none', '1>1', 0x20f, 0x214)
define('lane', '1>1', 0x215, 0x216)
define('lane', '2>1', 0x217)
define('lane', '1>1', 0x218, 0x219)
define('lane', '2>1', 0x21a)
for (const extract of [0x21b, 0x21d, 0x21f, 0x221]) {
  define('lane', '1>1', extract)
  define('lane', '2>1', extract + 1)
}
define('none', '2>1', 0x223, 0x24c)
define('none', '1>1', 0x24d)
define('none', '2>1', 0x24e, 0x251)
define('none', '3>1', 0x252)
define('none', '1>1', 0x253)
define('memoryLane', '2>1', 0x254, 0x257)
define('memoryLane', '2>0', 0x258, 0x25b)
define('memory', '1>1', 0x25c, 0x25d)
define('none', '1>1', 0x25e, 0x264)
define('none', '2>1', 0x265, 0x266)
define('none', '1>1', 0x267, 0x26a)
define('none', '2>1', 0x26b, 0x273)
define('none', '1>1', 0x274, 0x275)
define('none', '2>1', 0x276, 0x279)
define('none', '1>1', 0x27a)
define('none', '2>1', 0x27b)
define('none', '1>1', 0x27c, 0x281)
define('none', '2>1', 0x282)
define('none', '1>1', 0x283, 0x284)
define('none', '2>1', 0x285, 0x286)
define('none', '1>1', 0x287, 0x28a)
define('none', '2>1', 0x28b, 0x293)
define('none', '1>1', 0x294)
define('none', '2>1', 0x295, 0x299)
define('none', '2>1', 0x29b, 0x29f)
for (const row of [0x2a0, 0x2c0]) {
  define('none', '1>1', row, row + 1)
  define('none', '1>1', row + 3, row + 4)
  define('none', '1>1', row + 7, row + 10)
  define('none', '2>1', row + 11, row + 14)
  define('none', '2>1', row + 17)
  define('none', '2>1', row + 21)
  define('none', '2>1', row + 28, row + 31)
}
define('none', '2>1', 0x2b6, 0x2ba)
define('none', '2>1', 0x2d6, 0x2db)
for (const row of [0x2e0, 0x2ec]) {
  define('none', '1>1', row, row + 1)
  define('none', '1>1', row + 3)
  define('none', '2>1', row + 4, row + 11)
}
define('none', '1>1', 0x2f8, 0x2ff)

floats('blind', 'none', 'none', 0x1a)
floats('choose', 'none', 'none', 0x1b)
floats('constant', 'none', 'f32', 0x43)
floats('constant', 'none', 'f64', 0x44)
floats('blind', 'f32', 'none', 0x5b, 0x60)
floats('blind', 'f64', 'none', 0x61, 0x66)
for (const [row, shape] of [
  [0x8b, 'f32'],
  [0x99, 'f64'],
] as const) {
  floats('pass', shape, shape, row, row + 1)
  floats('arithmetic', shape, shape, row + 2, row + 12)
  floats('copysign', shape, shape, row + 13)
}
for (const row of [0xa8, 0xae, 0x100, 0x104]) {
  floats('blind', 'f32', 'none', row, row + 1)
  floats('blind', 'f64', 'none', row + 2, row + 3)
}
floats('clean', 'none', 'f32', 0xb2, 0xb5)
floats('arithmetic', 'f64', 'f32', 0xb6)
floats('clean', 'none', 'f64', 0xb7, 0xba)
floats('arithmetic', 'f32', 'f64', 0xbb)

floats('constant', 'none', 'none', 0x20c)
floats('lane', 'f32', 'f32x4', 0x213)
floats('lane', 'f64', 'f64x2', 0x214)
floats('lane', 'f32x4', 'f32', 0x21f)
floats('lane', 'f64x2', 'f64', 0x221)
floats('blind', 'f32x4', 'none', 0x241, 0x246)
floats('blind', 'f64x2', 'none', 0x247, 0x24c)
floats('arithmetic', 'f64x2', 'f32x4', 0x25e)
floats('arithmetic', 'f32x4', 'f64x2', 0x25f)
floats('arithmetic', 'f32x4', 'f32x4', 0x267, 0x26a)
for (const op of [0x274, 0x275, 0x27a, 0x294]) floats('arithmetic', 'f64x2', 'f64x2', op)
for (const [row, shape] of [
  [0x2e0, 'f32x4'],
  [0x2ec, 'f64x2'],
] as const) {
  floats('pass', shape, shape, row, row + 1)
  floats('arithmetic', shape, shape, row + 3, row + 9)
  floats('choose', shape, shape, row + 10, row + 11)
}
floats('blind', 'f32x4', 'none', 0x2f8, 0x2f9)
floats('clean', 'none', 'f32x4', 0x2fa, 0x2fb)
floats('blind', 'f64x2', 'none', 0x2fc, 0x2fd)

// Atomics: what they pop and push is not needed.
define('memory', '0>0', 0x400, 0x402)
define('zero', '0>0', 0x403)
define('memory', '0>0', 0x410, 0x44e)

const features: readonly (readonly [feature: string, from: number, to: number])[] = [
  ['exceptions', 0x06, 0x0a],
  ['exceptions', 0x18, 0x19],
  ['exceptions', 0x1f, 0x1f],
  ['tail calls', 0x12, 0x13],
  ['typed function references', 0x14, 0x14],
  ['tail calls', 0x15, 0x15],
  ['reference types (typed select)', 0x1c, 0x1c],
  ['reference types (table instructions)', 0x25, 0x26],
  ['reference types', 0xd0, 0xd2],
  ['garbage collection', 0xd3, 0xd3],
  ['typed function references', 0xd4, 0xd6],
  ['stack switching', 0xe0, 0xe6],
  ['garbage collection', 0xfb, 0xfb],
  ['threads', 0xfe, 0xfe],
  ['reference types (table instructions)', 0x10c, 0x111],
  ['wide arithmetic', 0x113, 0x116],
]

/** The name of what an instruction that is not in the table belongs to. */
export function featureOf(op: number): string {
  if (op === relaxed) return 'relaxed SIMD'
  return (
    features.find(([, from, to]) => op >= from && op <= to)?.[0] ?? `an unknown instruction (${nameOf(op)})`
  )
}

function nameOf(op: number): string {
  if (op < 0x100) return `0x${op.toString(16)}`
  return op < 0x200 ? `0xfc ${op - 0x100}` : `0xfd ${op - 0x200}`
}
