import { shapes } from './opcodes.ts'
import type { Writer } from './writer.ts'

/** Local variables that the canonicalising code of a function may use, by index. */
export interface FloatScratch {
  readonly f32: number
  readonly f64: number
  readonly v128: number
}

/** 0x7fc00000 and 0x7ff8000000000000, little-endian. */
const canonical32 = [0x00, 0x00, 0xc0, 0x7f]
const canonical64 = [0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xf8, 0x7f]

/** Code that makes every NaN in the value on top of the stack the canonical one: `x == x ? x : NaN`, by lane. */
export function writeCanonical(out: Writer, shape: number, scratch: FloatScratch): void {
  switch (shape) {
    case shapes.f32:
      writeScalar(out, scratch.f32, 0x43, canonical32, 0x5b)
      break
    case shapes.f64:
      writeScalar(out, scratch.f64, 0x44, canonical64, 0x61)
      break
    case shapes.f32x4:
      writeVector(out, scratch.v128, [canonical32, canonical32, canonical32, canonical32], 0x41)
      break
    case shapes.f64x2:
      writeVector(out, scratch.v128, [canonical64, canonical64], 0x47)
      break
  }
}

function writeScalar(
  out: Writer,
  local: number,
  constant: number,
  bytes: readonly number[],
  equal: number,
): void {
  writeLocal(out, 0x22, local)
  out.byte(constant)
  for (const byte of bytes) out.byte(byte)
  writeLocal(out, 0x20, local)
  writeLocal(out, 0x20, local)
  // select
  out.two(equal, 0x1b)
}

function writeVector(out: Writer, local: number, lanes: readonly (readonly number[])[], equal: number): void {
  writeLocal(out, 0x22, local)
  out.two(0xfd, 0x0c)
  for (const lane of lanes) for (const byte of lane) out.byte(byte)
  writeLocal(out, 0x20, local)
  writeLocal(out, 0x20, local)
  out.two(0xfd, equal)
  // v128.bitselect
  out.two(0xfd, 0x52)
}

function writeLocal(out: Writer, op: number, local: number): void {
  out.byte(op)
  out.u32(local)
}
