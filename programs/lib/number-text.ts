import { parseNumber } from './number-read'
import { endOf, startOf } from './utf'

/** The number that a text is, white space around it left out; NaN if it is none. `+1`, `.5` and `5.` are numbers too. */
export function numberOf(text: string): f64 {
  const end = behindSpace(text)
  let at = startOf(text)
  while (at < end && isSpace(load<u16>(at))) at += 2
  // A minus is part of what is parsed, a plus is not.
  if (at < end && load<u16>(at) == 0x2b) at += 2
  const start = at
  if (at < end && load<u16>(at) == 0x2d && (at == startOf(text) || load<u16>(at - 2) != 0x2b)) at += 2
  const whole = behindDigits(at, end)
  let digits = whole - at
  at = whole
  if (at < end && load<u16>(at) == 0x2e) {
    const fraction = behindDigits(at + 2, end)
    digits += fraction - at - 2
    at = fraction
  }
  if (digits == 0) return NaN
  if (at < end && (load<u16>(at) | 0x20) == 0x65) {
    at += 2
    if (at < end && (load<u16>(at) == 0x2b || load<u16>(at) == 0x2d)) at += 2
    const exponent = behindDigits(at, end)
    if (exponent == at) return NaN
    at = exponent
  }
  return at == end ? parseNumber(start, end, 2) : NaN
}

function behindDigits(from: usize, end: usize): usize {
  let at = from
  while (at < end && <u32>load<u16>(at) - 0x30 < 10) at += 2
  return at
}

function behindSpace(text: string): usize {
  let end = endOf(text)
  while (end > startOf(text) && isSpace(load<u16>(end - 2))) end -= 2
  return end
}

function isSpace(unit: u32): bool {
  return unit == 0x20 || (unit >= 0x09 && unit <= 0x0d) || unit == 0xa0
}
