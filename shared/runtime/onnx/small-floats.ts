/** A binary floating-point format of 16 bits, IEEE-like: gradual underflow, infinities, NaN. */
export interface SmallFloat {
  readonly exponentBits: number
  readonly fractionBits: number
}

export const float16: SmallFloat = { exponentBits: 5, fractionBits: 10 }
export const bfloat16: SmallFloat = { exponentBits: 8, fractionBits: 7 }

/** The bits of the nearest value, of two equally near ones the even. Too large a number becomes infinite. */
export function encodeSmallFloat({ exponentBits, fractionBits }: SmallFloat, value: number): number {
  const bias = 2 ** (exponentBits - 1) - 1
  const infinite = (2 ** exponentBits - 1) * 2 ** fractionBits
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
  const size = Math.abs(value)
  if (Number.isNaN(value)) return infinite + 2 ** (fractionBits - 1)
  if (size === 0) return sign
  if (size === Number.POSITIVE_INFINITY) return sign + infinite
  const exponent = Math.max(exponentOf(size), 1 - bias)
  // Both steps are exact: powers of two, and the smallest of a double is far below the smallest of these formats.
  const units = halfToEven((size / 2 ** exponent) * 2 ** fractionBits)
  // A value below 2^fractionBits units is one that underflowed, and has exponent field 0. A carry goes up by itself.
  const bits = (exponent + bias - 1) * 2 ** fractionBits + units
  return sign + Math.min(bits, infinite)
}

export function decodeSmallFloat({ exponentBits, fractionBits }: SmallFloat, bits: number): number {
  const bias = 2 ** (exponentBits - 1) - 1
  const sign = (bits & 0x8000) === 0 ? 1 : -1
  const exponent = (bits & 0x7fff) >> fractionBits
  const fraction = bits & (2 ** fractionBits - 1)
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias - fractionBits)
  return sign * (2 ** fractionBits + fraction) * 2 ** (exponent - bias - fractionBits)
}

const double = new DataView(new ArrayBuffer(8))

/** Of a positive finite number; of one below 2^-1022 no more than that it is small. */
function exponentOf(size: number): number {
  double.setFloat64(0, size)
  return ((double.getUint16(0) >> 4) & 0x7ff) - 1023
}

function halfToEven(value: number): number {
  const below = Math.floor(value)
  const rest = value - below
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1
  return below % 2 === 0 ? below : below + 1
}
