import type { FinishedTask } from '../../shared/task/messages.ts'
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

/** TSK-01: when a task that is accepted now may be done, by how long the last ones took and how many wait. */
export class CompletionEstimate {
  readonly #snapshot: StatusSnapshot
  /** Mean of the last ends, by the clock; older ones count less. */
  #meanMs = 1_000

  constructor(snapshot: StatusSnapshot) {
    this.#snapshot = snapshot
  }

  note({ durationMs }: FinishedTask): void {
    this.#meanMs += 0.1 * (durationMs - this.#meanMs)
  }

  /** ISO 8601 UTC. */
  async completionTime(): Promise<string> {
    const { tasks, workers } = await this.#snapshot.get()
    const open = tasks.pending + tasks.assigned + tasks.running + tasks.pending_verification
    const waves = 1 + open / Math.max(1, workers.slots)
    return new Date(Date.now() + Math.ceil(waves * this.#meanMs)).toISOString()
  }
}
