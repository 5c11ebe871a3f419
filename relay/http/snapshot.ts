import type { RelayApi, RelayStatus } from './relay-api.ts'

/** The relay's status, asked for at most ten times a second however many want it. */
export class StatusSnapshot {
  readonly #api: RelayApi
  readonly #keptMs: number
  #asked: Promise<RelayStatus> | undefined
  #askedAt = 0

  constructor(api: RelayApi, keptMs = 100) {
    this.#api = api
    this.#keptMs = keptMs
  }

  get(): Promise<RelayStatus> {
    const now = performance.now()
    if (this.#asked === undefined || now - this.#askedAt >= this.#keptMs) {
      this.#askedAt = now
      this.#asked = this.#api.status().catch((error: unknown) => {
        this.#asked = undefined
        throw error
      })
    }
    return this.#asked
  }
}
