import { after, type Instant } from '../kernel/ids.ts'
import type { CoordinatorOut, Reachability } from './coordinator-ports.ts'
import type { Roster } from './roster.ts'

/** Neighbours that have not answered are asked again after this. */
const againMs = 5_000

/** Asks the neighbours of a node that coordinates its own tasks for room. */
export class Seeker {
  readonly #roster: Roster
  readonly #reachability: Reachability
  #askedAt: Instant | undefined

  constructor(roster: Roster, reachability: Reachability) {
    this.#roster = roster
    this.#reachability = reachability
  }

  seek(now: Instant, out: CoordinatorOut): void {
    if (this.#askedAt !== undefined && after(this.#askedAt, againMs) > now) return
    this.#askedAt = now
    for (const peer of this.#reachability.lenders())
      if (this.#roster.get(peer) === undefined) out.sendVolatile(peer, { type: 'task/seek' })
  }
}
