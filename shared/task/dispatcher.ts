import type { Instant } from '../kernel/ids.ts'
import type { Canaries } from './canaries.ts'
import type { CoordinatorOut, Verifier } from './coordinator-ports.ts'
import type { Histories } from './histories.ts'
import type { Post } from './post.ts'
import type { ReadyQueue } from './ready-queue.ts'
import type { Roster, WorkerRecord } from './roster.ts'
import { type Priority, priorities } from './task.ts'
import type { TaskRecord } from './task-record.ts'

/** What an adaptive task is handed out by. */
export interface DispatcherTrust {
  readonly histories: Histories
  readonly verifier: Verifier
  readonly canaries: Canaries
  /** Answers to a finished task are counted again, for and against their workers; false when there is no room. */
  readonly reopen: (record: TaskRecord) => boolean
}

/** Tasks set aside that are looked at per priority and tick. */
const stalledLook = 64

/**
 * Brings waiting tasks and workers with room together. The replicas of a round go out at once, to different workers;
 * a lost replica is replaced alone. A task for which workers are missing waits aside and holds up none; one for which
 * they are only busy keeps its turn.
 */
export class Dispatcher {
  readonly #queue: ReadyQueue
  readonly #roster: Roster
  readonly #post: Post
  readonly #changed: (record: TaskRecord) => void
  readonly #trust: DispatcherTrust

  constructor(
    queue: ReadyQueue,
    roster: Roster,
    post: Post,
    changed: (record: TaskRecord) => void,
    trust: DispatcherTrust,
  ) {
    this.#trust = trust
    this.#queue = queue
    this.#roster = roster
    this.#post = post
    this.#changed = changed
  }

  enqueue(record: TaskRecord): void {
    if (record.replicasWanted() > 0) this.#queue.add(record)
  }

  withdraw(record: TaskRecord): void {
    this.#queue.remove(record)
  }

  /** Workers the network lacks for the task: 0 when it has enough, be they busy. */
  missingWorkers(record: TaskRecord): number {
    const wanted = record.replicasWanted()
    return wanted <= 0 ? 0 : wanted - this.#roster.countOpen(record, wanted)
  }

  dispatch(now: Instant, out: CoordinatorOut): void {
    for (const priority of priorities) {
      if (this.#queue.size(priority) > 0 && !this.#dispatchLane(priority, now, out)) return
    }
  }

  /** False when a task of this priority waits for room: nothing lower may take it. */
  #dispatchLane(priority: Priority, now: Instant, out: CoordinatorOut): boolean {
    for (const record of this.#queue.stalled(priority, stalledLook)) {
      if (this.#roster.readyCount === 0) return false
      if (!this.#handOut(record, now, out)) return false
    }
    for (;;) {
      if (this.#roster.readyCount === 0) return false
      const record = this.#queue.urgent(priority) ?? this.#queue.fresh(priority, this.#roster.offering)
      if (record === undefined) return true
      if (!this.#handOut(record, now, out)) return false
    }
  }

  /**
   * Hands out what can be handed out of the record and takes it out of the queue or sets it aside. False when its
   * workers are here but have no room together: it keeps its turn.
   */
  #handOut(record: TaskRecord, now: Instant, out: CoordinatorOut): boolean {
    const wanted = record.replicasWanted()
    const isFirst = record.attempts.length === 0
    if (isFirst && this.#roster.readyCount < wanted && this.#roster.offering >= wanted) return false
    if (!record.isFull && record.given() === 0) return this.#handOutAdaptively(record, now, out)
    const picked = this.#roster.pick(record, wanted, now)
    if (picked.length < wanted && record.freshRound()) {
      if (isFirst && this.#roster.countOpen(record, wanted) === wanted) return false
      this.#queue.stall(record)
      return true
    }
    if (picked.length > 0) this.#assign(record, picked, now, out)
    if (picked.length < wanted) this.#queue.stall(record)
    else this.#queue.remove(record)
    return true
  }

  /** To as few workers at first as are believed enough, and to all of its replicas where they are not. */
  #handOutAdaptively(record: TaskRecord, now: Instant, out: CoordinatorOut): boolean {
    const { verification } = record.submission.task
    const { histories, verifier, canaries } = this.#trust
    const picked = this.#roster.pick(record, verification.replicas, now)
    const rates = picked.map((worker) => histories.errorRate(worker.peer, now))
    const count = verifier.replicasFor(verification, rates)
    if (count > picked.length) {
      // Those that are here are not enough, free or not.
      if (this.#roster.countOpen(record, count) >= count) return false
      this.#queue.stall(record)
      return true
    }
    record.target = count
    const first = picked.slice(0, count)
    this.#assign(record, first, now, out)
    this.#queue.remove(record)
    for (const worker of count < verification.quorum ? first : []) {
      if (!this.#roster.hasRoom(worker)) continue
      const canary = canaries.draw(worker, now)
      if (canary !== undefined && this.#trust.reopen(canary)) this.#give(canary, worker, now, out)
    }
    return true
  }

  /** Hands out up to so many more attempts than its round has. */
  copy(record: TaskRecord, count: number, now: Instant, out: CoordinatorOut): void {
    const picked = this.#roster.pick(record, count, now)
    if (picked.length > 0) this.#assign(record, picked, now, out)
  }

  #assign(record: TaskRecord, workers: readonly WorkerRecord[], now: Instant, out: CoordinatorOut): void {
    for (const worker of workers) this.#give(record, worker, now, out)
    if (record.status === 'pending') record.enter('assigned', now)
    this.#changed(record)
  }

  #give(record: TaskRecord, worker: WorkerRecord, now: Instant, out: CoordinatorOut): void {
    const { task, signature, programSizeBytes, input } = record.submission
    const { taskId } = task
    const attempt = record.addAttempt(worker.peer, now)
    this.#roster.take(worker, record, attempt, now)
    const key = { taskId, epoch: attempt.epoch, attempt: attempt.attempt }
    this.#post.to(worker.peer).assigned.push({ ...key, task, signature, programSizeBytes, input })
    out.event({ type: 'taskAssigned', taskId, worker: worker.peer, attempt: attempt.attempt })
  }
}
