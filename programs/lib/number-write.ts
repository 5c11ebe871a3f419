import { power10High, power10Low } from './power10'
import { putAscii, putByte } from './stdio'
import { mulHigh } from './wide'

// Shortest decimal that reads back as the same double, the closest one of those: Schubfach, by R. Giulietti ("The
// Schubfach way to render doubles", 2021), written as JavaScript writes numbers (ECMA-262, Number::toString).
const digits = memory.data(24)
let significand: u64 = 0
let exponent: i32 = 0

/** The number in JSON: null for NaN and the infinities, 0 for -0. */
export function putNumber(value: f64): void {
  if (!isFinite(value)) {
    putAscii('null')
    return
  }
  if (value == 0) {
    putByte(0x30)
    return
  }
  if (value < 0) putByte(0x2d)
  shortest(reinterpret<u64>(value) & 0x7fffffffffffffff)
  layOut()
}

/** Sets `significand` and `exponent` to the shortest decimal of a positive double given by its bits. */
function shortest(bits: u64): void {
  const fraction = bits & 0x000fffffffffffff
  const biased = <i32>(bits >>> 52)
  const c = biased != 0 ? fraction | 0x0010000000000000 : fraction
  const q = (biased != 0 ? biased : 1) - 1075
  if (q <= 0 && q > -53 && <i32>ctz(c) >= -q) {
    significand = c >>> -q
    exponent = 0
    return
  }
  // The double below a power of two is half as far away as the one above.
  const isNarrow = fraction == 0 && biased > 1
  const k = (q * 1262611 - (isNarrow ? 524031 : 0)) >> 22
  const h = q + ((-k * 1741647) >> 19) + 1
  let high = power10High(-k)
  let low = power10Low(-k)
  // The table rounds down and this has to round up; from 10^0 to 10^55 it is exact.
  if (-k < 0 || -k > 55) {
    low++
    if (low == 0) high++
  }
  const outside: u64 = c & 1
  const lower = roundToOdd(high, low, (4 * c - 2 + u64(isNarrow)) << h) + outside
  const middle = roundToOdd(high, low, (4 * c) << h)
  const upper = roundToOdd(high, low, (4 * c + 2) << h) - outside
  const s = middle >>> 2
  if (s >= 10) {
    const tens = s / 10
    const down = lower <= 40 * tens
    const up = 40 * tens + 40 <= upper
    if (down != up) {
      significand = tens + u64(up)
      exponent = k + 1
      return
    }
  }
  const down = lower <= 4 * s
  const up = 4 * s + 4 <= upper
  const half = 4 * s + 2
  const rounds = middle > half || (middle == half && (s & 1) != 0)
  significand = s + u64(down != up ? up : rounds)
  exponent = k
}

/** The product's upper bits, with the last one set if any below it is. */
function roundToOdd(high: u64, low: u64, factor: u64): u64 {
  const carried = mulHigh(low, factor)
  const middle = high * factor + carried
  return (mulHigh(high, factor) + u64(middle < carried)) | u64(middle > 1)
}

/** Writes `significand` times ten to `exponent`. */
function layOut(): void {
  let rest = significand
  let scale = exponent
  while (rest % 10 == 0) {
    rest /= 10
    scale++
  }
  let count = 0
  for (let left = rest; left > 0; left /= 10) count++
  for (let i = count - 1; i >= 0; i--) {
    store<u8>(digits + i, 0x30 + <u32>(rest % 10))
    rest /= 10
  }
  // The value is 0.DIGITS times ten to `point`.
  const point = count + scale
  if (point > 21 || point < -5) {
    putDigits(0, 1)
    if (count > 1) {
      putByte(0x2e)
      putDigits(1, count)
    }
    putByte(0x65)
    putByte(point > 0 ? 0x2b : 0x2d)
    putAscii(abs(point - 1).toString())
  } else if (point <= 0) {
    putAscii('0.')
    putZeros(-point)
    putDigits(0, count)
  } else if (point >= count) {
    putDigits(0, count)
    putZeros(point - count)
  } else {
    putDigits(0, point)
    putByte(0x2e)
    putDigits(point, count)
  }
}

function putDigits(from: i32, to: i32): void {
  for (let i = from; i < to; i++) putByte(load<u8>(digits + i))
}

function putZeros(count: i32): void {
  for (let i = 0; i < count; i++) putByte(0x30)
}
