/** How much of the mean a new run makes. */
const share = 0.2
/** A worker knows nothing of its work at first: it holds the least until runs have shown to be short, in ms. */
const meanAtFirstMs = 1_000
/** The clock of the core is no finer. */
const runMsMin = 0.5
/** One run that the machine held up says little of the others: it counts as so many times the mean at most. */
const outlier = 4

/** How long runs take, by which a worker holds as much work as keeps it busy for a while, and no more. */
export class Pace {
  #meanMs = meanAtFirstMs

  ran(ms: number): void {
    const counted = Math.min(outlier * this.#meanMs, Math.max(runMsMin, ms))
    this.#meanMs += share * (counted - this.#meanMs)
  }

  /** Every slot has been on one run for so long: what waits may take as long. */
  blocked(ms: number): void {
    this.#meanMs = Math.max(this.#meanMs, ms)
  }

  /**
   * Attempts that take about so long, one after the other; at least `least`. Nothing waits behind runs of `longMs` and
   * more: others could have begun it meanwhile, and the way to the coordinator is short beside them.
   */
  attemptsIn(ms: number, least: number, longMs: number): number {
    return this.#meanMs >= longMs ? 1 : Math.max(least, Math.floor(ms / this.#meanMs))
  }
}
