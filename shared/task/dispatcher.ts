import type { Instant } from '../kernel/ids.ts'
import type { CoordinatorOut } from './coordinator-ports.ts'
import type { Post } from './post.ts'
import type { ReadyQueue } from './ready-queue.ts'
import type { Roster, WorkerRecord } from './roster.ts'
import type { TaskRecord } from './task-record.ts'

/** Stalled tasks looked at per tick. */
const stalledLook = 64

/**
 * Brings waiting tasks and workers with room together. The replicas of a round go out at once, to different workers;
 * a lost replica is replaced alone. A task that only barred workers could take waits aside, so that it holds up none.
 */
export class Dispatcher {
  readonly #queue: ReadyQueue
  readonly #roster: Roster
  readonly #post: Post
  readonly #changed: (record: TaskRecord) => void
  readonly #stalled = new Set<TaskRecord>()

  constructor(queue: ReadyQueue, roster: Roster, post: Post, changed: (record: TaskRecord) => void) {
    this.#queue = queue
    this.#roster = roster
    this.#post = post
    this.#changed = changed
  }

  enqueue(record: TaskRecord, urgent: boolean): void {
    if (!this.#stalled.has(record)) this.#queue.add(record, urgent)
  }

  /** The next task to be handed out. */
  head(): TaskRecord | undefined {
    for (const record of this.#stalled) if (record.replicasWanted() > 0) return record
    return this.#queue.peek(wantsWorkers)
  }

  /** Workers the network lacks for the task: 0 when it has enough, be they busy. */
  missingWorkers(record: TaskRecord): number {
    const wanted = record.replicasWanted()
    if (wanted <= 0) return 0
    return wanted - this.#roster.countEligible(record, wanted)
  }

  dispatch(now: Instant, out: CoordinatorOut): void {
    this.#retryStalled(now, out)
    while (this.#roster.readyCount > 0) {
      const record = this.#queue.peek(wantsWorkers)
      if (record === undefined) return
      const wanted = record.replicasWanted()
      const picked = this.#roster.pick(record, wanted)
      const atOnce = record.freshRound()
      if (atOnce ? picked.length === wanted : picked.length > 0) {
        this.#queue.shift(record)
        this.#assign(record, picked, now, out)
        if (picked.length < wanted) this.#stalled.add(record)
      } else if (atOnce && record.round === 1) {
        return
      } else {
        this.#queue.shift(record)
        this.#stalled.add(record)
      }
    }
  }

  #retryStalled(now: Instant, out: CoordinatorOut): void {
    let looked = 0
    for (const record of this.#stalled) {
      if (this.#roster.readyCount === 0 || ++looked > stalledLook) return
      this.#stalled.delete(record)
      const wanted = record.replicasWanted()
      if (wanted <= 0) continue
      const picked = this.#roster.pick(record, wanted)
      const go = record.freshRound() ? picked.length === wanted : picked.length > 0
      if (go) this.#assign(record, picked, now, out)
      if (record.replicasWanted() > 0) this.#stalled.add(record)
    }
  }

  #assign(record: TaskRecord, workers: readonly WorkerRecord[], now: Instant, out: CoordinatorOut): void {
    const { submission } = record
    for (const worker of workers) {
      const attempt = record.addAttempt(worker.peer, now)
      this.#roster.take(worker, record, attempt)
      this.#post.to(worker.peer).assigned.push({
        taskId: submission.task.taskId,
        epoch: record.epoch,
        attempt: attempt.attempt,
        task: submission.task,
        signature: submission.signature,
        programSizeBytes: submission.programSizeBytes,
        input: submission.input,
      })
      out.event({
        type: 'taskAssigned',
        taskId: submission.task.taskId,
        worker: worker.peer,
        attempt: attempt.attempt,
      })
    }
    if (record.status === 'pending') record.enter('assigned', now)
    this.#changed(record)
  }
}

const wantsWorkers = (record: TaskRecord): boolean => record.replicasWanted() > 0
