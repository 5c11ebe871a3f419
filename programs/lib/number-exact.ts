// Whole numbers of any size, just enough to compare a decimal number with a point half-way between two doubles.

/** Digits beyond these cannot matter but for not all being zero: half-way points have at most 767. */
const digitsMax = 800
/** Room for 800 digits times 5^1200, and for those shifted by 1,100 bits, in words of 32 bits. */
const wordsMax = 240

@final
class Big {
  words: StaticArray<u32> = new StaticArray<u32>(wordsMax)
  length: i32 = 0

  /** this × factor + summand */
  multiply(factor: u32, summand: u32): void {
    let carry: u64 = summand
    for (let i = 0; i < this.length; i++) {
      carry += <u64>this.words[i] * factor
      this.words[i] = <u32>carry
      carry >>>= 32
    }
    if (carry != 0) this.words[this.length++] = <u32>carry
  }

  multiplyByPower5(exponent: i32): void {
    let left = exponent
    for (; left >= 13; left -= 13) this.multiply(1_220_703_125, 0)
    for (; left > 0; left--) this.multiply(5, 0)
  }

  shiftLeft(bits: i32): void {
    const whole = bits >>> 5
    for (let i = this.length - 1; i >= 0; i--) this.words[i + whole] = this.words[i]
    for (let i = 0; i < whole; i++) this.words[i] = 0
    if (this.length > 0) this.length += whole
    if ((bits & 31) != 0) this.multiply(1 << (bits & 31), 0)
  }

  compare(other: Big): i32 {
    if (this.length != other.length) return this.length < other.length ? -1 : 1
    for (let i = this.length - 1; i >= 0; i--) {
      if (this.words[i] != other.words[i]) return this.words[i] < other.words[i] ? -1 : 1
    }
    return 0
  }

  /** other × factor */
  timesWide(other: Big, factor: u64): void {
    const low = factor & 0xffffffff
    const high = factor >>> 32
    let carry: u64 = 0
    let before: u64 = 0
    for (let i = 0; i < other.length || carry != 0 || before != 0; i++) {
      const word: u64 = i < other.length ? other.words[i] : 0
      const first = word * low
      const second = before * high
      const total = first + second
      const over = u64(total < first)
      const sum = total + carry
      const overToo = u64(sum < total)
      this.words[i] = <u32>sum
      carry = (sum >>> 32) + ((over + overToo) << 32)
      before = word
      this.length = i + 1
    }
    while (this.length > 0 && this.words[this.length - 1] == 0) this.length--
  }

  copyFrom(other: Big): void {
    this.length = other.length
    for (let i = 0; i < other.length; i++) this.words[i] = other.words[i]
  }
}

@final
export class ExactNumber {
  /** The number is `decimal` × 2^`scale` / `divisor`. */
  private decimal: Big = new Big()
  private divisor: Big = new Big()
  private scale: i32 = 0
  private left: Big = new Big()
  private right: Big = new Big()

  constructor(start: usize, end: usize, unitBytes: usize, exponent: i32) {
    let used = 0
    let isFraction = false
    let isCut = false
    this.scale = exponent
    for (let at = start; at < end; at += unitBytes) {
      const unit: u32 = unitBytes == 1 ? load<u8>(at) : load<u16>(at)
      const digit = unit - 0x30
      if (unit == 0x2e) {
        isFraction = true
      } else if (digit >= 10) {
        break
      } else if (used < digitsMax) {
        this.decimal.multiply(10, digit)
        if (this.decimal.length > 0) used++
        if (isFraction) this.scale--
      } else {
        if (digit != 0) isCut = true
        if (!isFraction) this.scale++
      }
    }
    if (isCut) {
      this.decimal.multiply(10, 1)
      this.scale--
    }
    this.divisor.multiply(1, 1)
    if (this.scale >= 0) this.decimal.multiplyByPower5(this.scale)
    else this.divisor.multiplyByPower5(-this.scale)
  }

  /** How the number compares with the middle between the double of these bits and the next one. */
  withHalfAbove(bits: u64): i32 {
    const biased = <i32>(bits >>> 52)
    const fraction = bits & 0x000fffffffffffff
    const half = ((biased != 0 ? fraction | 0x0010000000000000 : fraction) << 1) + 1
    const power = (biased != 0 ? biased : 1) - 1076
    // decimal × 5^scale × 2^scale against half × 2^power, each side without negative powers
    const left = this.left
    const right = this.right
    left.copyFrom(this.decimal)
    right.timesWide(this.divisor, half)
    const twos = this.scale - power
    if (twos >= 0) left.shiftLeft(twos)
    else right.shiftLeft(-twos)
    return left.compare(right)
  }
}
