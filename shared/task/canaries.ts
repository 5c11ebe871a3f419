import type { Instant } from '../kernel/ids.ts'
import type { Random } from '../kernel/random.ts'
import type { WorkerRecord } from './roster.ts'
import type { TaskRecord } from './task-record.ts'

const canariesMax = 64

/**
 * Tasks whose answer a quorum has given, to be given once more to a worker that is believed alone: nothing in such an
 * assignment tells it from another.
 */
export class Canaries {
  readonly #share: number
  readonly #random: Random
  readonly #records: TaskRecord[] = []

  constructor(share: number, random: Random) {
    this.#share = share
    this.#random = random
  }

  /** A task that a quorum has just decided. */
  add(record: TaskRecord): void {
    if (this.#share === 0) return
    if (this.#records.length < canariesMax) this.#records.push(record)
    else this.#records[this.#random.below(canariesMax)] = record
  }

  /** One for the worker, now and then. */
  draw(worker: WorkerRecord, now: Instant): TaskRecord | undefined {
    if (this.#records.length === 0 || this.#random.unit() >= this.#share) return undefined
    const record = this.#records[this.#random.below(this.#records.length)]!
    return record.mayGoTo(worker.peer, now) ? record : undefined
  }
}
