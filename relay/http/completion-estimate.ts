import type { FinishedTask } from '../../shared/task/messages.ts'
import { type Priority, priorities } from '../../shared/task/task.ts'
import type { RelayStatus } from './relay-api.ts'
import { WorkSpeed } from './work-speed.ts'

/** Before anything was measured a task takes this long once workers have it. */
const firstServiceMs = 1_000
/** How much of the mean the newest task makes. */
const share = 0.1
const replicas = 3
/** Where workers are missing, they are expected within this. */
const workersMs = 60_000
/** How long the guess from slots and times of tasks counts beside what was measured, in ms of work. */
const guessMs = 1_000

/**
 * TSK-01: when a task that is accepted now may be done. What waits ahead of it goes at the speed at which tasks ended
 * while others were waiting; then it takes as long as the last ones did from being handed out to their end.
 */
export class CompletionEstimate {
  readonly #status: () => Promise<Pick<RelayStatus, 'queue' | 'workers'>>
  readonly #now: () => number
  readonly #speed = new WorkSpeed()
  #serviceMs = firstServiceMs
  #measured = 0

  constructor(status: () => Promise<Pick<RelayStatus, 'queue' | 'workers'>>, now: () => number = Date.now) {
    this.#status = status
    this.#now = now
  }

  note({ transitions }: Pick<FinishedTask, 'transitions'>): void {
    const [, acceptedAt] = transitions[0] ?? []
    const [, assignedAt] = transitions.find(([status]) => status === 'assigned') ?? []
    const [status, endedAt] = transitions.at(-1) ?? []
    // What was cancelled says nothing of how fast the others are.
    if (
      acceptedAt === undefined ||
      assignedAt === undefined ||
      endedAt === undefined ||
      status === 'cancelled'
    )
      return
    this.#speed.note(acceptedAt, assignedAt, endedAt)
    // The first ones count in full, or the guess would stay among them for long.
    const weight = Math.max(share, 1 / ++this.#measured)
    this.#serviceMs += weight * (endedAt - assignedAt - this.#serviceMs)
  }

  /** ISO 8601 UTC. */
  async completionTime(priority: Priority): Promise<string> {
    const { queue, workers } = await this.#status()
    const now = this.#now()
    let waiting = 0
    for (const each of priorities.slice(0, priorities.indexOf(priority) + 1)) waiting += queue[each]
    // The task itself is among them where it could not be handed out at once.
    const ahead = Math.max(0, waiting - 1)
    const { ends, ms } = this.#speed.whileOthersWaited(now)
    const guessed = Math.max(1, workers.slots / replicas) / Math.max(1, this.#serviceMs)
    const perMs = (ends + guessed * guessMs) / (ms + guessMs)
    const missingMs = workers.count < replicas ? workersMs : 0
    return new Date(now + Math.ceil(missingMs + ahead / perMs + this.#serviceMs)).toISOString()
  }
}
