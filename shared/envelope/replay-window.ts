import type { Instant } from '../kernel/ids.ts'

/** SEC-04: an id is remembered for at least this long, in ms. */
export const rememberMs = 10 * 60_000
/** Ids of one generation; beyond it the older generation goes early. About 100 bytes each. */
const defaultGenerationMax = 500_000

/** Which message ids were seen of late. Two generations: the older is dropped whole. */
export class ReplayWindow {
  readonly #generationMax: number
  #current = new Set<string>()
  #previous = new Set<string>()
  #turnedAt: Instant | undefined

  constructor(generationMax = defaultGenerationMax) {
    this.#generationMax = generationMax
  }

  get size(): number {
    return this.#current.size + this.#previous.size
  }

  /** False when the id was seen before. */
  take(id: string, now: Instant): boolean {
    this.#turnedAt ??= now
    if (now - this.#turnedAt >= rememberMs || this.#current.size >= this.#generationMax) {
      this.#previous = this.#current
      this.#current = new Set()
      this.#turnedAt = now
    }
    if (this.#current.has(id) || this.#previous.has(id)) return false
    this.#current.add(id)
    return true
  }
}
