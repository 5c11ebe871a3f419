import { BoundedQueue } from '../kernel/bounded.ts'
import { invariant } from '../kernel/invariant.ts'
import { type Priority, priorities } from './task.ts'
import type { TaskRecord } from './task-record.ts'

/**
 * Tasks that want workers: three priorities, highest first, first in first out within one. Replacements for lost
 * replicas go before fresh tasks of the same priority. Lazily cleaned: `peek` drops those that want none any more.
 */
export class ReadyQueue {
  readonly #lanes: ReadonlyMap<
    Priority,
    { readonly urgent: BoundedQueue<TaskRecord>; readonly fresh: BoundedQueue<TaskRecord> }
  >
  readonly #size: Record<Priority, number> = { critical: 0, normal: 0, low: 0 }

  constructor(entriesMax: number) {
    this.#lanes = new Map(
      priorities.map((priority) => [
        priority,
        {
          urgent: new BoundedQueue(`urgent ${priority} tasks`, entriesMax),
          fresh: new BoundedQueue(`fresh ${priority} tasks`, entriesMax),
        },
      ]),
    )
  }

  size(priority: Priority): number {
    return this.#size[priority]
  }

  get total(): number {
    return this.#size.critical + this.#size.normal + this.#size.low
  }

  /** Puts the record at the end of its lane once; one that is queued stays where it is. */
  add(record: TaskRecord, urgent: boolean): void {
    if (record.queued) return
    const lane = this.#lanes.get(record.submission.priority)!
    invariant((urgent ? lane.urgent : lane.fresh).push(record), 'a task queue is shorter than the task table')
    record.queued = true
    this.#size[record.submission.priority]++
  }

  /** The next record that `wants` accepts, left where it is; those before it leave the queue. */
  peek(wants: (record: TaskRecord) => boolean): TaskRecord | undefined {
    for (const priority of priorities) {
      const lane = this.#lanes.get(priority)!
      for (const queue of [lane.urgent, lane.fresh]) {
        for (let record = queue.peek(); record !== undefined; record = queue.peek()) {
          if (wants(record)) return record
          this.#shift(queue, priority)
        }
      }
    }
    return undefined
  }

  /** Takes out the record that `peek` returned. */
  shift(record: TaskRecord): void {
    const priority = record.submission.priority
    const lane = this.#lanes.get(priority)!
    const queue = lane.urgent.peek() === record ? lane.urgent : lane.fresh
    invariant(this.#shift(queue, priority) === record, 'only the head of a task queue may be taken')
  }

  #shift(queue: BoundedQueue<TaskRecord>, priority: Priority): TaskRecord | undefined {
    const record = queue.shift()
    if (record === undefined) return undefined
    record.queued = false
    this.#size[priority]--
    return record
  }
}
