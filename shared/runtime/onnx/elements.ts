import type { ElementName } from './element-types.ts'
import type { SmallFloat } from './small-floats.ts'
import { bfloat16, decodeSmallFloat, encodeSmallFloat, float16 } from './small-floats.ts'

/** One element in memory (little-endian) and in JSON; FORMATS and programs/onnx/README.md have the rules. */
export interface ElementCodec {
  /** Writes a value of JSON; undefined when done, or what the value should have been. */
  write(view: DataView, at: number, value: unknown): string | undefined
  /** The element as JSON. */
  text(view: DataView, at: number): string
  /** Gives a NaN its one form. */
  normalise?(view: DataView, at: number): void
}

export type NumericName = Exclude<ElementName, 'string'>

interface Floats {
  read(view: DataView, at: number): number
  write(view: DataView, at: number, value: number): void
  /** Digits that every decimal number keeps on its way through the type, and digits that tell any two values apart. */
  readonly digits: readonly [kept: number, told: number]
}

interface Integers {
  read(view: DataView, at: number): number | bigint
  write(view: DataView, at: number, value: bigint): void
  readonly min: bigint
  readonly max: bigint
}

const small = (format: SmallFloat, digits: readonly [number, number]): Floats => ({
  read: (view, at) => decodeSmallFloat(format, view.getUint16(at, true)),
  write: (view, at, value) => view.setUint16(at, encodeSmallFloat(format, value), true),
  digits,
})

const float32: Floats = {
  read: (view, at) => view.getFloat32(at, true),
  write: (view, at, value) => {
    if (Number.isNaN(value)) view.setUint32(at, 0x7fc00000, true)
    else view.setFloat32(at, value, true)
  },
  digits: [6, 9],
}

const float64: Floats = {
  read: (view, at) => view.getFloat64(at, true),
  write: (view, at, value) => {
    if (Number.isNaN(value)) view.setBigUint64(at, 0x7ff8_0000_0000_0000n, true)
    else view.setFloat64(at, value, true)
  },
  digits: [17, 17],
}

const integers = (bits: number, signed: boolean): Integers => {
  const span = 1n << BigInt(bits)
  const bytes = bits / 8
  return {
    min: signed ? -span / 2n : 0n,
    max: signed ? span / 2n - 1n : span - 1n,
    read: (view, at) => {
      if (bytes === 1) return signed ? view.getInt8(at) : view.getUint8(at)
      if (bytes === 2) return signed ? view.getInt16(at, true) : view.getUint16(at, true)
      if (bytes === 4) return signed ? view.getInt32(at, true) : view.getUint32(at, true)
      return signed ? view.getBigInt64(at, true) : view.getBigUint64(at, true)
    },
    write: (view, at, value) => {
      if (bytes === 8) view.setBigInt64(at, value, true)
      else if (bytes === 4) view.setInt32(at, Number(value), true)
      else if (bytes === 2) view.setInt16(at, Number(value), true)
      else view.setInt8(at, Number(value))
    },
  }
}

const bool: ElementCodec = {
  write: (view, at, value) => {
    if (typeof value !== 'boolean') return 'true or false'
    view.setUint8(at, value ? 1 : 0)
    return undefined
  },
  text: (view, at) => (view.getUint8(at) === 0 ? 'false' : 'true'),
}

export const elementCodecs: Readonly<Record<NumericName, ElementCodec>> = {
  float16: floatCodec(small(float16, [3, 5])),
  bfloat16: floatCodec(small(bfloat16, [2, 4])),
  float32: floatCodec(float32),
  float64: floatCodec(float64),
  int8: integerCodec(integers(8, true)),
  int16: integerCodec(integers(16, true)),
  int32: integerCodec(integers(32, true)),
  int64: integerCodec(integers(64, true)),
  uint8: integerCodec(integers(8, false)),
  uint16: integerCodec(integers(16, false)),
  uint32: integerCodec(integers(32, false)),
  uint64: integerCodec(integers(64, false)),
  bool,
}

const named: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
}

function floatCodec({ read, write, digits }: Floats): ElementCodec {
  const scratch = new DataView(new ArrayBuffer(8))
  const through = (value: number): number => {
    write(scratch, 0, value)
    return read(scratch, 0)
  }
  return {
    write(view, at, value) {
      if (typeof value === 'string' && Object.hasOwn(named, value)) {
        write(view, at, named[value]!)
        return undefined
      }
      if (typeof value !== 'number') return 'a number, "NaN", "Infinity" or "-Infinity"'
      write(view, at, value)
      return Number.isFinite(read(view, at)) ? undefined : 'a number that the type can hold'
    },
    text(view, at) {
      const value = read(view, at)
      if (!Number.isFinite(value)) return `"${value}"`
      if (Object.is(value, -0)) return '-0'
      const whole = String(value)
      // What has few digits as a double has no shorter form.
      if (whole.length <= digits[0] || digits[0] === 17) return whole
      for (let count = digits[0]; count < digits[1]; count++) {
        const shorter = Number(value.toPrecision(count))
        if (through(shorter) === value) return String(shorter)
      }
      return String(Number(value.toPrecision(digits[1])))
    },
    normalise(view, at) {
      if (Number.isNaN(read(view, at))) write(view, at, Number.NaN)
    },
  }
}

function integerCodec({ read, write, min, max }: Integers): ElementCodec {
  const wanted = `a whole number from ${min} to ${max}, as a string if it is over 2^53`
  return {
    write(view, at, value) {
      const exact = exactInteger(value)
      if (exact === undefined || exact < min || exact > max) return wanted
      write(view, at, exact)
      return undefined
    },
    text(view, at) {
      const value = read(view, at)
      return typeof value === 'number' || Number.isSafeInteger(Number(value)) ? String(value) : `"${value}"`
    },
  }
}

function exactInteger(value: unknown): bigint | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined
  return typeof value === 'string' && /^-?\d{1,20}$/.test(value) ? BigInt(value) : undefined
}
