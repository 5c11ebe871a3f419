/**
 * Remembers names for at least `keptMs`, in two generations of at most `entriesMax` / 2: when the young one is old
 * enough or full it becomes the old one, and the old one is forgotten. Under a flood names are forgotten early rather
 * than honest requests refused: repeating a request of this API changes nothing.
 */
export class ReplayWindow {
  readonly #keptMs: number
  readonly #generationMax: number
  #young = new Set<string>()
  #old = new Set<string>()
  #youngSince: number

  constructor(keptMs: number, entriesMax: number, now: number) {
    this.#keptMs = keptMs
    this.#generationMax = Math.floor(entriesMax / 2)
    this.#youngSince = now
  }

  /** False when the name is known; else it is from now on. */
  add(name: string, now: number): boolean {
    if (now - this.#youngSince >= this.#keptMs || this.#young.size >= this.#generationMax) {
      this.#old = now - this.#youngSince >= 2 * this.#keptMs ? new Set() : this.#young
      this.#young = new Set()
      this.#youngSince = now
    }
    if (this.#young.has(name) || this.#old.has(name)) return false
    this.#young.add(name)
    return true
  }
}
