import type { BoundedMap } from '../kernel/bounded.ts'
import { after, type Instant, type PeerId, type TaskId } from '../kernel/ids.ts'
import type {
  CoordinatorConfig,
  CoordinatorOut,
  LossReason,
  PeerStanding,
  Reachability,
} from './coordinator-ports.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { HandBack, Offer } from './messages.ts'
import type { Post } from './post.ts'
import type { Roster, WorkerRecord } from './roster.ts'
import type { End } from './task-end.ts'
import { type Attempt, isLive, type TaskRecord } from './task-record.ts'

export interface LeaseParts {
  readonly config: CoordinatorConfig
  readonly tasks: BoundedMap<TaskId, TaskRecord>
  readonly roster: Roster
  readonly dispatcher: Dispatcher
  readonly post: Post
  readonly standing: PeerStanding
  readonly reachability: Reachability
  readonly changed: (record: TaskRecord) => void
  readonly finish: (record: TaskRecord, end: End, now: Instant, out: CoordinatorOut) => void
  readonly settled: (record: TaskRecord) => void
}

/**
 * Who holds what: acknowledgement, heartbeats, hand-back and loss of attempts (TSK-06).
 * An attempt whose lease is lost goes to another worker at once.
 */
export class Leases {
  readonly #parts: LeaseParts

  constructor(parts: LeaseParts) {
    this.#parts = parts
  }

  offer(from: PeerId, offer: Offer, now: Instant, out: CoordinatorOut): void {
    if (this.#parts.standing.mayExecute(from) !== undefined) return
    const worker = this.#parts.roster.meet(from, now)
    if (worker === undefined) return
    worker.heardAt = now
    worker.admission = this.#parts.reachability.admissionOf(from)
    const listed = new Set<Attempt>()
    for (const held of offer.holding) {
      const record = this.#parts.tasks.get(held.taskId)
      const attempt = record?.attemptNumbered(held.attempt)
      if (record === undefined || attempt === undefined || attempt.worker !== from || !isLive(attempt)) {
        this.#parts.post
          .to(from)
          .dropped.push({ taskId: held.taskId, epoch: held.epoch, attempt: held.attempt })
        continue
      }
      listed.add(attempt)
      this.#acknowledged(record, attempt, held.runningMs, now)
    }
    for (const { record, attempt } of [...worker.outstanding.values()]) {
      // Acknowledged before, not listed now: the worker no longer has it.
      if (attempt.state !== 'sent' && !listed.has(attempt)) this.lose(record, attempt, 'leaseLost', now, out)
    }
    worker.slots = offer.slots
    this.#parts.roster.setCapacity(worker, offer.capacity)
  }

  #acknowledged(record: TaskRecord, attempt: Attempt, runningMs: number | null, now: Instant): void {
    if (runningMs !== null && attempt.startedAt === null) {
      // Not believed beyond reason: it did not begin before it was sent.
      attempt.startedAt = Math.max(attempt.sentAt, after(now, -runningMs)) as Instant
      attempt.state = 'running'
      if (record.status === 'assigned') {
        record.enter('running', now)
        this.#parts.changed(record)
      }
    } else if (attempt.state === 'sent') {
      attempt.state = 'held'
    }
  }

  handBack(from: PeerId, message: HandBack, now: Instant, out: CoordinatorOut): void {
    for (const item of message.items) {
      this.#parts.post.to(from).taken.push({ taskId: item.taskId, epoch: item.epoch, attempt: item.attempt })
      const record = this.#parts.tasks.get(item.taskId)
      const attempt = record?.attemptNumbered(item.attempt)
      if (record === undefined || attempt === undefined || attempt.worker !== from || !isLive(attempt))
        continue
      this.lose(record, attempt, item.reason, now, out)
    }
  }

  sweep(now: Instant, out: CoordinatorOut): void {
    const { leaseMs } = this.#parts.config
    for (const worker of [...this.#parts.roster.all()]) {
      if (worker.outstanding.size === 0) continue
      if (after(worker.heardAt, leaseMs) <= now) {
        this.loseWorker(worker, now, out)
        continue
      }
      for (const { record, attempt } of [...worker.outstanding.values()]) {
        const reason = this.#overdue(record, attempt, now)
        if (reason === undefined) continue
        const { taskId } = record.submission.task
        this.#parts.post
          .to(worker.peer)
          .dropped.push({ taskId, epoch: record.epoch, attempt: attempt.attempt })
        this.lose(record, attempt, reason, now, out)
        this.#parts.roster.forfeit(worker.peer)
      }
    }
  }

  #overdue(record: TaskRecord, attempt: Attempt, now: Instant): LossReason | undefined {
    const { acknowledgeMs, startMs, overtimeMs } = this.#parts.config
    if (attempt.state === 'sent') {
      return after(attempt.sentAt, acknowledgeMs) <= now ? 'unacknowledged' : undefined
    }
    if (attempt.startedAt === null) return after(attempt.sentAt, startMs) <= now ? 'notStarted' : undefined
    const runMsMax = record.submission.task.limits.maxDurationSeconds * 1_000 + overtimeMs
    return after(attempt.startedAt, runMsMax) <= now ? 'overTime' : undefined
  }

  loseWorker(worker: WorkerRecord, now: Instant, out: CoordinatorOut): void {
    this.#parts.roster.setCapacity(worker, 0)
    for (const { record, attempt } of [...worker.outstanding.values()])
      this.lose(record, attempt, 'leaseLost', now, out)
    this.#parts.roster.forget(worker)
  }

  lose(record: TaskRecord, attempt: Attempt, reason: LossReason, now: Instant, out: CoordinatorOut): void {
    const { taskId } = record.submission.task
    attempt.state = 'lost'
    attempt.lost = { reason, at: now }
    this.#parts.roster.release(attempt.worker, taskId, attempt.attempt)
    out.event({ type: 'attemptLost', taskId, worker: attempt.worker, reason })
    if (record.finished) return this.#parts.settled(record)
    const end = this.#enough(record)
    if (end !== undefined) return this.#parts.finish(record, end, now, out)
    if (record.live().length === 0 && record.answeredInRound().length === 0) record.enter('pending', now)
    this.#parts.changed(record)
    this.#parts.dispatcher.enqueue(record)
  }

  /** We were away, not they: leases and times go on where they stood. */
  resumed(gapMs: number, now: Instant): void {
    for (const worker of this.#parts.roster.all()) {
      worker.heardAt = now
      for (const { attempt } of worker.outstanding.values()) {
        attempt.sentAt = after(attempt.sentAt, gapMs)
        if (attempt.startedAt !== null) attempt.startedAt = after(attempt.startedAt, gapMs)
      }
    }
  }

  /** The end of a task that workers keep losing. */
  #enough(record: TaskRecord): End | undefined {
    const { timeoutsMax, breakdownsMax, attemptsMax } = this.#parts.config
    if (record.losses(['overTime', 'wallClock'], 2) > timeoutsMax) {
      const { maxDurationSeconds } = record.submission.task.limits
      const message = `it ran over its time of ${maxDurationSeconds} s on several workers`
      return { status: 'timeout', error: 'wallClock', message }
    }
    if (record.losses(['host', 'unverifiable', 'badAnswer'], 3) > breakdownsMax) {
      return { status: 'failed', error: 'host', message: 'several workers could not carry it out' }
    }
    if (record.losses(undefined, 10) >= attemptsMax) {
      return {
        status: 'failed',
        error: 'host',
        message: `${attemptsMax} times a worker was lost while it had it`,
      }
    }
    return undefined
  }

  /** An attempt from before a restart: its worker has a whole lease to come back. */
  resume(record: TaskRecord, attempt: Attempt, now: Instant): void {
    const worker = this.#parts.roster.meet(attempt.worker, now)
    if (worker === undefined) {
      attempt.state = 'lost'
      attempt.lost = { reason: 'leaseLost', at: now }
      return
    }
    attempt.sentAt = now
    attempt.startedAt = null
    // Whether the assignment ever left is not known: its absence from an offer settles it.
    attempt.state = 'held'
    this.#parts.roster.take(worker, record, attempt, now)
  }
}
