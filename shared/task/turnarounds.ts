import { BoundedMap } from '../kernel/bounded.ts'
import type { Hash } from '../kernel/ids.ts'

/** How much of the mean a new answer makes. */
const share = 0.1
const programsMax = 1_000

/** How long the last tasks of each program took from hand-out to answer; the programs used last are remembered. */
export class Turnarounds {
  readonly #means = new BoundedMap<Hash, number>('turnarounds', programsMax)

  note(programHash: Hash, ms: number): void {
    const mean = this.#means.get(programHash)
    this.#means.delete(programHash)
    this.#means.setDroppingOldest(programHash, mean === undefined ? ms : mean + share * (ms - mean))
  }

  /** In ms; `undefined` when nothing is known of the program. */
  meanOf(programHash: Hash): number | undefined {
    return this.#means.get(programHash)
  }
}
