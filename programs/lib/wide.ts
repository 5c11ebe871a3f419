/** Upper 64 bits of the product of two 64-bit numbers. */
export function mulHigh(a: u64, b: u64): u64 {
  const aLow = a & 0xffffffff
  const aHigh = a >>> 32
  const bLow = b & 0xffffffff
  const bHigh = b >>> 32
  const low = aLow * bLow
  const middle = aHigh * bLow + (low >>> 32)
  const other = aLow * bHigh + (middle & 0xffffffff)
  return aHigh * bHigh + (middle >>> 32) + (other >>> 32)
}
