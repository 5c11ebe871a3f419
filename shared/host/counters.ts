/** Named counts with one label each, for the metrics of a host. */
export class Counters {
  readonly #counts = new Map<string, Map<string, number>>()

  add(name: string, label = '', by = 1): void {
    let labels = this.#counts.get(name)
    if (labels === undefined) {
      labels = new Map()
      this.#counts.set(name, labels)
    }
    labels.set(label, (labels.get(label) ?? 0) + by)
  }

  /** Count per label; empty when nothing was counted. */
  of(name: string): ReadonlyMap<string, number> {
    return this.#counts.get(name) ?? new Map()
  }

  total(name: string): number {
    let sum = 0
    for (const count of this.of(name).values()) sum += count
    return sum
  }
}
