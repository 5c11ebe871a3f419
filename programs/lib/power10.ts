import { powers } from './power10-table'

/** Exponents for which the table has a power of ten. */
export const power10Min = -342
export const power10Max = 324

/** Upper half of the 128 leading bits of ten to `exponent`, rounded down; the first bit is set. */
export function power10High(exponent: i32): u64 {
  return powers[(exponent - power10Min) << 1]
}

/** Lower half of the same. */
export function power10Low(exponent: i32): u64 {
  return powers[((exponent - power10Min) << 1) + 1]
}
