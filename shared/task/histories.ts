import { BoundedMap } from '../kernel/bounded.ts'
import { after, type Instant, type PeerId } from '../kernel/ids.ts'
import type { CoordinatorOut, Verifier } from './coordinator-ports.ts'
import { type History, rowKeys } from './coordinator-rows.ts'

const workersMax = 20_000
const dayMs = 24 * 60 * 60_000
/** REP-02: more than so many disagreements in 24 hours are no accident. */
const accidentsMax = 2

/**
 * What workers' verified answers were worth. Agreements are written once a second: after a crash a worker is believed a
 * little less than it might be. Disagreements are written at once.
 */
export class Histories {
  readonly #verifier: Verifier
  readonly #known = new BoundedMap<PeerId, History>('worker histories', workersMax)
  readonly #unsaved = new Set<PeerId>()

  constructor(verifier: Verifier) {
    this.#verifier = verifier
  }

  restore(peer: PeerId, history: History): void {
    this.#known.setDroppingOldest(peer, history)
  }

  /** The chance that an answer of the worker is wrong, by what is known of it. */
  errorRate(peer: PeerId, now: Instant): number {
    return this.#verifier.errorRate(this.#known.get(peer)?.credibility, now)
  }

  agreed(peer: PeerId, now: Instant): void {
    const before = this.#known.get(peer)
    this.#set(peer, {
      credibility: this.#verifier.withVerdict(before?.credibility, 'agreed', now),
      disagreedAt: before?.disagreedAt ?? [],
    })
    this.#unsaved.add(peer)
  }

  /** True when it has disagreed too often for an accident. */
  disagreed(peer: PeerId, now: Instant, out: CoordinatorOut): boolean {
    const before = this.#known.get(peer)
    const lately = (before?.disagreedAt ?? []).filter((at) => after(at, dayMs) > now)
    this.#set(peer, {
      credibility: this.#verifier.withVerdict(before?.credibility, 'disagreed', now),
      disagreedAt: [...lately.slice(-accidentsMax), now],
    })
    this.#unsaved.add(peer)
    this.save(out)
    return lately.length >= accidentsMax
  }

  save(out: CoordinatorOut): void {
    for (const peer of this.#unsaved) {
      const history = this.#known.get(peer)
      if (history !== undefined) out.save(rowKeys.history(peer), history)
    }
    this.#unsaved.clear()
  }

  get isSaved(): boolean {
    return this.#unsaved.size === 0
  }

  #set(peer: PeerId, history: History): void {
    this.#known.delete(peer)
    this.#known.setDroppingOldest(peer, history)
  }
}
