import type { Instant, PeerId } from '../kernel/ids.ts'

/** Workers lost within so long of one another may have been lost for one reason. */
export const lostLatelyMs = 10_000
const entriesMax = 256

/** The workers that were lost last: many at once were lost with the network, not by what one of them ran. */
export class LostLately {
  readonly #losses: { readonly peer: PeerId; readonly at: Instant }[] = []

  note(peer: PeerId, at: Instant): void {
    this.#losses.push({ peer, at })
    if (this.#losses.length > entriesMax) this.#losses.shift()
  }

  /** How many were lost since then that are none of these. */
  others(these: ReadonlySet<PeerId>, since: Instant): number {
    const others = new Set<PeerId>()
    for (let i = this.#losses.length - 1; i >= 0; i--) {
      const { peer, at } = this.#losses[i]!
      if (at < since) break
      if (!these.has(peer)) others.add(peer)
    }
    return others.size
  }
}
