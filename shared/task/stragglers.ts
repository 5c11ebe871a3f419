import { after, type Instant } from '../kernel/ids.ts'
import type { CoordinatorConfig, CoordinatorOut } from './coordinator-ports.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { ReadyQueue } from './ready-queue.ts'
import type { Roster } from './roster.ts'
import { type Attempt, isLive, type TaskRecord } from './task-record.ts'
import type { Turnarounds } from './turnarounds.ts'

export interface StragglerParts {
  readonly config: CoordinatorConfig
  readonly open: () => Iterable<TaskRecord>
  readonly queue: ReadyQueue
  readonly roster: Roster
  readonly dispatcher: Dispatcher
  readonly turnarounds: Turnarounds
}

/** Open tasks looked at per sweep, the oldest first: when workers are idle there are few. */
const lookMax = 1_000

/**
 * TSK-15: when nothing waits and workers are idle, they get copies of what slow or silent workers have. The first
 * answers decide; a copy costs its worker and the slow one nothing.
 */
export class Stragglers {
  readonly #parts: StragglerParts

  constructor(parts: StragglerParts) {
    this.#parts = parts
  }

  sweep(now: Instant, out: CoordinatorOut): void {
    const { queue, roster, dispatcher, open } = this.#parts
    if (queue.waiting > 0) return
    let looked = 0
    for (const record of open()) {
      if (roster.readyCount === 0 || ++looked > lookMax) return
      const copies = this.#copiesWanted(record, now)
      if (copies > 0) dispatcher.copy(record, copies, now, out)
    }
  }

  /** As many as its slow attempts, so that as many brisk ones are out as the round wants answers. */
  #copiesWanted(record: TaskRecord, now: Instant): number {
    if (record.finished || record.isSuspect || record.replicasWanted() > 0) return 0
    let slow = 0
    for (const attempt of record.attempts)
      if (attempt.round === record.round && isLive(attempt) && this.#isSlow(record, attempt, now)) slow++
    const copiesMade = record.given() - record.target
    return Math.min(slow - copiesMade, this.#parts.config.copiesMax - copiesMade)
  }

  #isSlow(record: TaskRecord, attempt: Attempt, now: Instant): boolean {
    const { roster, turnarounds, config } = this.#parts
    if (roster.get(attempt.worker)?.state === 'unknown') return true
    const meanMs = turnarounds.meanOf(record.submission.task.programHash)
    if (meanMs === undefined) return false
    return after(attempt.sentAt, Math.max(config.straggleMs, config.straggleFactor * meanMs)) <= now
  }
}
