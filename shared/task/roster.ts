import { BoundedMap } from '../kernel/bounded.ts'
import type { Instant, PeerId } from '../kernel/ids.ts'
import type { Random } from '../kernel/random.ts'
import type { Admission } from './messages.ts'
import type { Attempt, TaskRecord } from './task-record.ts'

/**
 * `active` while it is heard as often as it should be; `unknown` when it is late: nothing more is given to it, and where
 * others are idle they get copies of what it has. After the lease it is lost, and its record forgotten.
 */
export type WorkerState = 'active' | 'unknown'

/** An attempt that is out with a worker. */
export interface Outstanding {
  readonly record: TaskRecord
  readonly attempt: Attempt
  /** Bytes fetched for it so far, by the worker's word, and when that last grew. */
  progress: number
  progressAt: Instant
}

/** A worker as its coordinator sees it. */
export interface WorkerRecord {
  readonly peer: PeerId
  state: WorkerState
  /** Most attempts it may hold at one time, by its last offer; 0 while it is paused or away. */
  capacity: number
  /** Most attempts it is given at one time, whatever it offers: earned by answers that agreed. */
  credit: number
  /** Runs at one time, by the same offer. */
  slots: number
  /** Last offer or answer. */
  heardAt: Instant
  admission: Admission | null
  /** Has a suspect: nothing else goes there until it is rid of it. */
  isApart: boolean
  /** Attempts out with it, by `attemptName`. */
  readonly outstanding: Map<string, Outstanding>
  /** Position in the list of workers with room; -1 when not in it. */
  readyAt: number
}

/** What a worker nobody knows is trusted with at one time: whoever takes work and sits on it holds up that much. */
const firstCredit = 8
const creditMax = 256
/** Candidates looked at per pick in a large network. */
const sampleMax = 16

const attemptName = (taskId: string, attempt: number): string => `${taskId}/${attempt}`

/**
 * The workers of one coordinator and the room each has.
 *
 * Invariant: a worker is in the ready list exactly when it is active, not set apart, and
 * `outstanding.size < min(capacity, credit)`.
 */
export class Roster {
  readonly #workers: BoundedMap<PeerId, WorkerRecord>
  readonly #ready: WorkerRecord[] = []
  readonly #random: Random
  #offering = 0

  constructor(workersMax: number, random: Random) {
    this.#workers = new BoundedMap('workers of a coordinator', workersMax)
    this.#random = random
  }

  /** Workers that offer at least one slot, busy or not. */
  get offering(): number {
    return this.#offering
  }

  get readyCount(): number {
    return this.#ready.length
  }

  get(peer: PeerId): WorkerRecord | undefined {
    return this.#workers.get(peer)
  }

  all(): IterableIterator<WorkerRecord> {
    return this.#workers.values()
  }

  /** The record of the peer, made when new; `undefined` when the roster is full. */
  meet(peer: PeerId, now: Instant): WorkerRecord | undefined {
    const known = this.#workers.get(peer)
    if (known !== undefined) return known
    const made: WorkerRecord = {
      peer,
      state: 'active',
      capacity: 0,
      slots: 0,
      credit: firstCredit,
      heardAt: now,
      admission: null,
      isApart: false,
      outstanding: new Map(),
      readyAt: -1,
    }
    return this.#workers.set(peer, made) ? made : undefined
  }

  heard(worker: WorkerRecord, now: Instant): void {
    worker.heardAt = now
    this.setState(worker, 'active')
  }

  setState(worker: WorkerRecord, state: WorkerState): void {
    if (worker.state === state) return
    worker.state = state
    this.#place(worker)
  }

  setCapacity(worker: WorkerRecord, capacity: number): void {
    if (worker.capacity > 0 !== capacity > 0) this.#offering += capacity > 0 ? 1 : -1
    worker.capacity = capacity
    this.#place(worker)
  }

  /** An answer of the worker agreed with its quorum. */
  earn(peer: PeerId): void {
    const worker = this.#workers.get(peer)
    if (worker === undefined) return
    worker.credit = Math.min(creditMax, worker.credit + 1)
    this.#place(worker)
  }

  /** The worker sat on an attempt. */
  forfeit(peer: PeerId): void {
    const worker = this.#workers.get(peer)
    if (worker === undefined) return
    worker.credit = Math.max(1, Math.floor(worker.credit / 2))
    this.#place(worker)
  }

  take(worker: WorkerRecord, record: TaskRecord, attempt: Attempt, now: Instant): void {
    // An idle worker beats slowly: its lease begins with its work.
    if (worker.outstanding.size === 0) worker.heardAt = now
    const out = { record, attempt, progress: 0, progressAt: now }
    worker.outstanding.set(attemptName(record.submission.task.taskId, attempt.attempt), out)
    worker.isApart = record.isSuspect
    this.#place(worker)
  }

  hasRoom(worker: WorkerRecord): boolean {
    return worker.readyAt >= 0
  }

  outstandingOf(peer: PeerId, taskId: string, attempt: number): Outstanding | undefined {
    return this.#workers.get(peer)?.outstanding.get(attemptName(taskId, attempt))
  }

  release(peer: PeerId, taskId: string, attempt: number): void {
    const worker = this.#workers.get(peer)
    if (worker === undefined) return
    worker.outstanding.delete(attemptName(taskId, attempt))
    if (worker.outstanding.size === 0) worker.isApart = false
    this.#place(worker)
  }

  forget(worker: WorkerRecord): void {
    this.setCapacity(worker, 0)
    if (worker.outstanding.size === 0) this.#workers.delete(worker.peer)
  }

  /** Offering workers that the task could still go to, busy or not. Stops counting at `enough`. */
  countOpen(record: TaskRecord, enough: number): number {
    let count = 0
    for (const worker of this.#workers.values()) {
      if (worker.capacity === 0 || !record.isOpenTo(worker.peer)) continue
      count++
      if (count >= enough) break
    }
    return count
  }

  /**
   * Up to `count` workers with room that the task may go to, differing in operator, then subnet, from one another
   * and from the task's other workers, then those that never lost it, then the least loaded.
   */
  pick(record: TaskRecord, count: number, now: Instant): WorkerRecord[] {
    if (count <= 0) return []
    // A task that workers seem to die of takes nobody else's work with it.
    const fits = (worker: WorkerRecord): boolean =>
      record.mayGoTo(worker.peer, now) && (!record.isSuspect || worker.outstanding.size === 0)
    let candidates = this.#sample().filter(fits)
    if (candidates.length < count && this.#ready.length > sampleMax) candidates = this.#ready.filter(fits)
    const company = record.attempts
      .filter((attempt) => attempt.state !== 'lost')
      .map((attempt) => this.#workers.get(attempt.worker)?.admission ?? null)
    const picked: WorkerRecord[] = []
    while (picked.length < count && candidates.length > 0) {
      const best = leastCost(candidates, record, company)
      candidates = candidates.filter((worker) => worker !== best)
      company.push(best.admission)
      picked.push(best)
    }
    return picked
  }

  /** All ready workers when few, else `sampleMax` of them; in random order either way. */
  #sample(): WorkerRecord[] {
    const size = this.#ready.length
    const count = Math.min(size, sampleMax)
    for (let i = 0; i < count; i++) this.#swap(i, i + this.#random.below(size - i))
    return this.#ready.slice(0, count)
  }

  #swap(i: number, j: number): void {
    const a = this.#ready[i]!
    const b = this.#ready[j]!
    this.#ready[i] = b
    this.#ready[j] = a
    b.readyAt = i
    a.readyAt = j
  }

  #place(worker: WorkerRecord): void {
    const hasRoom =
      worker.state === 'active' &&
      !worker.isApart &&
      worker.outstanding.size < Math.min(worker.capacity, worker.credit)
    if (hasRoom && worker.readyAt < 0) {
      worker.readyAt = this.#ready.length
      this.#ready.push(worker)
    } else if (!hasRoom && worker.readyAt >= 0) {
      const last = this.#ready.length - 1
      const at = worker.readyAt
      if (at !== last) this.#swap(at, last)
      this.#ready.pop()
      worker.readyAt = -1
    }
  }
}

function leastCost(
  candidates: readonly WorkerRecord[],
  record: TaskRecord,
  company: readonly (Admission | null)[],
): WorkerRecord {
  let best = candidates[0]!
  let bestCost = Number.POSITIVE_INFINITY
  for (const worker of candidates) {
    const load = worker.outstanding.size / (2 * creditMax)
    const cost = kinship(worker.admission, company) + 10 * Math.min(9, record.lossesOf(worker.peer)) + load
    if (cost < bestCost) {
      best = worker
      bestCost = cost
    }
  }
  return best
}

/** Companions of the same operator outweigh any number of the same subnet; unknown is never the same. */
function kinship(admission: Admission | null, company: readonly (Admission | null)[]): number {
  if (admission === null) return 0
  let cost = 0
  for (const other of company) {
    if (other === null) continue
    if (admission.operator !== null && admission.operator === other.operator) cost += 10_000
    if (admission.subnetTag !== null && admission.subnetTag === other.subnetTag) cost += 100
  }
  return cost
}
