/** A seeded source of random numbers: SplitMix64 (Steele, Lea and Flood, 2014). */
@final
export class Random {
  constructor(private state: u64) {}

  /** From 0 up to but not including 1, 53 random bits. */
  next(): f64 {
    this.state += 0x9e3779b97f4a7c15
    let mixed = this.state
    mixed = (mixed ^ (mixed >>> 30)) * 0xbf58476d1ce4e5b9
    mixed = (mixed ^ (mixed >>> 27)) * 0x94d049bb133111eb
    mixed ^= mixed >>> 31
    return <f64>(mixed >>> 11) * (1.0 / 9007199254740992.0)
  }
}
