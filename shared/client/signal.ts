/** Lets one part of a run wait for what another does. */
export class Signal {
  readonly #waiting: (() => void)[] = []

  fire(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }
}
