import { type Priority, priorities } from './task.ts'
import type { TaskRecord } from './task-record.ts'

interface Lane {
  /** Replacements for lost replicas. */
  readonly urgent: Set<TaskRecord>
  /** First rounds, by the number of replicas they want at once. */
  readonly fresh: Map<number, Set<TaskRecord>>
  /** Those that only workers could take that are not here now. */
  readonly stalled: Set<TaskRecord>
}

/**
 * Tasks that want workers: three priorities, highest first. Within one, replacements go first, then first rounds in the
 * order their tasks were accepted. A task stands in one place at most, so the coordinator's table of tasks bounds it.
 */
export class ReadyQueue {
  readonly #lanes: Readonly<Record<Priority, Lane>> = {
    critical: newLane(),
    normal: newLane(),
    low: newLane(),
  }
  readonly #places = new Map<TaskRecord, Set<TaskRecord>>()
  readonly #sizes: Record<Priority, number> = { critical: 0, normal: 0, low: 0 }

  size(priority: Priority): number {
    return this.#sizes[priority]
  }

  get total(): number {
    return this.#places.size
  }

  /** Puts the record at the end of its place; one that is queued already stays where it is. */
  add(record: TaskRecord): void {
    const lane = this.#lanes[record.submission.priority]
    if (record.round > 1 || !record.freshRound()) return this.#put(record, lane.urgent)
    const wanted = record.replicasWanted()
    let place = lane.fresh.get(wanted)
    if (place === undefined) {
      place = new Set()
      lane.fresh.set(wanted, place)
    }
    this.#put(record, place)
  }

  /** Sets the record aside until other workers are here. */
  stall(record: TaskRecord): void {
    this.remove(record)
    this.#put(record, this.#lanes[record.submission.priority].stalled)
  }

  remove(record: TaskRecord): void {
    const place = this.#places.get(record)
    if (place === undefined) return
    place.delete(record)
    this.#places.delete(record)
    this.#sizes[record.submission.priority]--
  }

  /** The first replacement of the priority. */
  urgent(priority: Priority): TaskRecord | undefined {
    return first(this.#lanes[priority].urgent)
  }

  /** The earliest first round of the priority that wants at most `workers` at once. */
  fresh(priority: Priority, workers: number): TaskRecord | undefined {
    let earliest: TaskRecord | undefined
    for (const [wanted, place] of this.#lanes[priority].fresh) {
      const head = wanted <= workers ? first(place) : undefined
      if (head !== undefined && (earliest === undefined || head.order < earliest.order)) earliest = head
    }
    return earliest
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
      for (const place of fresh.values()) yield* place
    }
  }

  #put(record: TaskRecord, place: Set<TaskRecord>): void {
    if (this.#places.has(record)) return
    place.add(record)
    this.#places.set(record, place)
    this.#sizes[record.submission.priority]++
  }
}

const newLane = (): Lane => ({ urgent: new Set(), fresh: new Map(), stalled: new Set() })

function first(place: ReadonlySet<TaskRecord>): TaskRecord | undefined {
  for (const record of place) return record
  return undefined
}
