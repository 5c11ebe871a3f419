import { ExactNumber } from './number-exact'
import { power10High, power10Low, power10Max, power10Min } from './power10'
import { mulHigh } from './wide'

const exactPowers: StaticArray<f64> = [
  1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
  1e20, 1e21, 1e22,
]
const infinityBits: u64 = 0x7ff0000000000000
const inconclusive: u64 = u64.MAX_VALUE

/**
 * The double nearest to a decimal number, ties to even. The characters, `unitBytes` each (1 or 2), have to be a number as JSON
 * has them. Infinity when it is too large.
 */
export function parseNumber(start: usize, end: usize, unitBytes: usize): f64 {
  const isNegative = unit(start, unitBytes) == 0x2d
  const bits = positive(isNegative ? start + unitBytes : start, end, unitBytes)
  return reinterpret<f64>(isNegative ? bits | 0x8000000000000000 : bits)
}

function unit(at: usize, unitBytes: usize): u32 {
  return unitBytes == 1 ? load<u8>(at) : load<u16>(at)
}

/** Bits of the double. */
function positive(start: usize, end: usize, unitBytes: usize): u64 {
  let significand: u64 = 0
  let used = 0
  let scale: i32 = 0
  let isCut = false
  let isFraction = false
  let at = start
  for (; at < end; at += unitBytes) {
    const digit = unit(at, unitBytes) - 0x30
    if (digit < 10) {
      if (used < 19) {
        significand = significand * 10 + digit
        if (significand != 0) used++
        if (isFraction) scale--
      } else {
        if (digit != 0) isCut = true
        if (!isFraction) scale++
      }
    } else if (unit(at, unitBytes) == 0x2e) {
      isFraction = true
    } else {
      break
    }
  }
  const exponent = at < end ? exponentAt(at + unitBytes, end, unitBytes) : 0
  scale += exponent
  if (significand == 0) return 0
  if (scale + used > 310) return infinityBits
  if (scale + used < -330) return 0
  if (!isCut) {
    if (significand <= 0x0020000000000000 && scale >= -22 && scale <= 22) {
      const exact = <f64>significand
      return reinterpret<u64>(scale < 0 ? exact / exactPowers[-scale] : exact * exactPowers[scale])
    }
    const bits = byProduct(significand, scale)
    if (bits != inconclusive) return bits
  } else {
    const bits = byProduct(significand, scale)
    if (bits != inconclusive && bits == byProduct(significand + 1, scale)) return bits
  }
  return bySearch(new ExactNumber(start, end, unitBytes, exponent))
}

/** The exponent behind its `e`, bounded far outside of what a double can be. */
function exponentAt(start: usize, end: usize, unitBytes: usize): i32 {
  let at = start
  const sign = unit(at, unitBytes)
  if (sign == 0x2d || sign == 0x2b) at += unitBytes
  let value = 0
  for (; at < end; at += unitBytes)
    if (value < 100_000_000) value = value * 10 + <i32>(unit(at, unitBytes) - 0x30)
  return sign == 0x2d ? -value : value
}

/**
 * D. Lemire, "Number Parsing at a Gigabyte per Second" (2021): one or two products with a power of ten decide nearly
 * always; `inconclusive` when they do not, and for subnormal and infinite numbers.
 */
function byProduct(significand: u64, scale: i32): u64 {
  if (scale < power10Min || scale > power10Max) return inconclusive
  const shift = clz(significand)
  const factor = significand << shift
  let high = mulHigh(factor, power10High(scale))
  let low = factor * power10High(scale)
  if ((high & 0x1ff) == 0x1ff && low + factor < factor) {
    const belowHigh = mulHigh(factor, power10Low(scale))
    const belowLow = factor * power10Low(scale)
    low += belowHigh
    if (low < belowHigh) high++
    if ((high & 0x1ff) == 0x1ff && low + 1 == 0 && belowLow + factor < factor) return inconclusive
  }
  const top = high >>> 63
  let mantissa = high >>> (top + 9)
  let exponent = <i64>((217706 * scale) >> 16) + 64 + 1023 - <i64>shift - <i64>(1 ^ top)
  if (low == 0 && (high & 0x1ff) == 0 && (mantissa & 3) == 1) return inconclusive
  mantissa = (mantissa + (mantissa & 1)) >>> 1
  if (mantissa >>> 53 > 0) {
    mantissa >>>= 1
    exponent++
  }
  if (exponent < 1 || exponent > 0x7fe) return inconclusive
  return ((<u64>exponent) << 52) | (mantissa & 0x000fffffffffffff)
}

/** Looks for the double among all of them, comparing exactly with what lies half-way between two. */
function bySearch(exact: ExactNumber): u64 {
  let low: u64 = 0
  let high: u64 = infinityBits
  while (low < high) {
    const middle = (low + high) >>> 1
    const order = exact.withHalfAbove(middle)
    if (order < 0 || (order == 0 && (middle & 1) == 0)) high = middle
    else low = middle + 1
  }
  return low
}
