import { FairQueue } from './fair-queue.ts'
import { type Priority, priorities } from './task.ts'
import type { TaskRecord } from './task-record.ts'

interface Lane {
  /** Replacements for lost replicas. */
  readonly urgent: Set<TaskRecord>
  /** First rounds, submitters in turns. */
  readonly fresh: FairQueue
  /** Those that only workers could take that are not here now. */
  readonly stalled: Set<TaskRecord>
}

type Place = Set<TaskRecord> | FairQueue

/**
 * Tasks that want workers: three priorities, highest first. Within one, replacements go first, then first rounds, one of
 * each submitter in turn: nobody's thousand tasks hold up another's one. A task stands in one place at most, so the
 * coordinator's table of tasks bounds it.
 */
export class ReadyQueue {
  readonly #lanes: Readonly<Record<Priority, Lane>> = {
    critical: newLane(),
    normal: newLane(),
    low: newLane(),
  }
  readonly #places = new Map<TaskRecord, Place>()
  readonly #sizes: Record<Priority, number> = { critical: 0, normal: 0, low: 0 }
  #stalled = 0

  size(priority: Priority): number {
    return this.#sizes[priority]
  }

  get total(): number {
    return this.#places.size
  }

  /** Those that workers which are here could take. */
  get waiting(): number {
    return this.#places.size - this.#stalled
  }

  /** Puts the record at the end of its place; one that is queued already stays where it is. */
  add(record: TaskRecord): void {
    const lane = this.#lanes[record.submission.priority]
    this.#put(record, record.round > 1 || !record.freshRound() ? lane.urgent : lane.fresh)
  }

  /** Sets the record aside until other workers are here. */
  stall(record: TaskRecord): void {
    this.remove(record)
    this.#put(record, this.#lanes[record.submission.priority].stalled)
    this.#stalled++
  }

  remove(record: TaskRecord): void {
    const place = this.#places.get(record)
    if (place === undefined) return
    const { priority } = record.submission
    place.delete(record)
    this.#places.delete(record)
    this.#sizes[priority]--
    if (place === this.#lanes[priority].stalled) this.#stalled--
  }

  /** The first replacement of the priority. */
  urgent(priority: Priority): TaskRecord | undefined {
    for (const record of this.#lanes[priority].urgent) return record
    return undefined
  }

  /** The first round of the priority whose turn it is, of those that want at most `workers` at once. */
  fresh(priority: Priority, workers: number): TaskRecord | undefined {
    return this.#lanes[priority].fresh.first(workers)
  }

  /** Up to `count` of those set aside; the ones looked at longest ago first. */
  stalled(priority: Priority, count: number): TaskRecord[] {
    const some: TaskRecord[] = []
    for (const record of this.#lanes[priority].stalled) {
      if (some.length >= count) break
      some.push(record)
    }
    return some
  }

  /** Everything that waits, highest priority first. */
  *all(): IterableIterator<TaskRecord> {
    for (const priority of priorities) {
      const { stalled, urgent, fresh } = this.#lanes[priority]
      yield* stalled
      yield* urgent
      yield* fresh.records()
    }
  }

  #put(record: TaskRecord, place: Place): void {
    if (this.#places.has(record)) return
    place.add(record)
    this.#places.set(record, place)
    this.#sizes[record.submission.priority]++
  }
}

const newLane = (): Lane => ({ urgent: new Set(), fresh: new FairQueue(), stalled: new Set() })
