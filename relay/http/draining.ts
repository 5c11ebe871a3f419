import { Problem } from './problem.ts'

/** Seconds after which a relay that ends may be there again. */
const backInSeconds = 10

/** Whether the relay still takes work: what is under way ends, new work goes elsewhere or waits. */
export class Draining {
  #begun = false

  begin(): void {
    this.#begun = true
  }

  /** Throws a Problem once it has begun. */
  refuse(): void {
    if (!this.#begun) return
    throw new Problem(
      'ShuttingDown',
      'The relay is about to end and takes no new work: try again soon',
      backInSeconds,
    )
  }
}
