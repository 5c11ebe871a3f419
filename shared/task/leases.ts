import type { BoundedMap } from '../kernel/bounded.ts'
import { after, type Instant, type PeerId, type TaskId } from '../kernel/ids.ts'
import { note } from './conduct.ts'
import type {
  CoordinatorConfig,
  CoordinatorOut,
  LossReason,
  PeerStanding,
  Reachability,
} from './coordinator-ports.ts'
import type { Dispatcher } from './dispatcher.ts'
import { LostLately, lostLatelyMs } from './lost-lately.ts'
import type { HandBack, HeldAttempt, Offer } from './messages.ts'
import type { Post } from './post.ts'
import type { Outstanding, Roster, WorkerRecord } from './roster.ts'
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
  readonly #lostLately = new LostLately()

  constructor(parts: LeaseParts) {
    this.#parts = parts
  }

  offer(from: PeerId, offer: Offer, now: Instant, out: CoordinatorOut): void {
    if (this.#parts.standing.mayExecute(from) !== undefined) return
    const worker = this.#parts.roster.meet(from, now)
    if (worker === undefined) return
    this.#parts.roster.heard(worker, now)
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
      this.#acknowledged(record, attempt, held, now)
    }
    for (const { record, attempt } of [...worker.outstanding.values()]) {
      // Acknowledged before, not listed now: the worker no longer has it.
      if (attempt.state !== 'sent' && !listed.has(attempt)) this.lose(record, attempt, 'leaseLost', now, out)
    }
    worker.slots = offer.slots
    this.#parts.roster.setCapacity(worker, offer.capacity)
  }

  #acknowledged(record: TaskRecord, attempt: Attempt, held: HeldAttempt, now: Instant): void {
    const out = this.#parts.roster.outstandingOf(attempt.worker, held.taskId, held.attempt)
    if (out !== undefined && held.progress > out.progress) {
      out.progress = held.progress
      out.progressAt = now
    }
    if (held.runningMs !== null && attempt.startedAt === null) {
      // Not believed beyond reason: it did not begin before it was sent.
      attempt.startedAt = Math.max(attempt.sentAt, after(now, -held.runningMs)) as Instant
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
    const { leaseMs, lateMs } = this.#parts.config
    for (const worker of [...this.#parts.roster.all()]) {
      if (worker.outstanding.size === 0) continue
      if (after(worker.heardAt, leaseMs) <= now) {
        this.loseWorker(worker, now, out)
        continue
      }
      if (after(worker.heardAt, lateMs) <= now) this.#parts.roster.setState(worker, 'unknown')
      for (const outstanding of [...worker.outstanding.values()]) {
        const { record, attempt } = outstanding
        const reason = this.#overdue(outstanding, now)
        if (reason === undefined) continue
        const { taskId } = record.submission.task
        this.#parts.post
          .to(worker.peer)
          .dropped.push({ taskId, epoch: attempt.epoch, attempt: attempt.attempt })
        this.lose(record, attempt, reason, now, out)
        this.#parts.roster.forfeit(worker.peer)
      }
    }
  }

  /**
   * What an attempt is lost for though its worker lives: it never came, it stands still before it begins, or it has gone
   * on beyond its deadline, whatever its worker says of it.
   */
  #overdue({ record, attempt, progressAt }: Outstanding, now: Instant): LossReason | undefined {
    const { acknowledgeMs, startMs, startMsMax, overtimeMs } = this.#parts.config
    if (attempt.state === 'sent') {
      return after(attempt.sentAt, acknowledgeMs) <= now ? 'unacknowledged' : undefined
    }
    if (attempt.startedAt === null) {
      const stands = after(Math.max(attempt.sentAt, progressAt) as Instant, startMs) <= now
      return stands || after(attempt.sentAt, startMsMax) <= now ? 'notStarted' : undefined
    }
    const runMsMax = record.submission.task.limits.maxDurationSeconds * 1_000 + overtimeMs
    return after(attempt.startedAt, runMsMax) <= now ? 'overTime' : undefined
  }

  loseWorker(worker: WorkerRecord, now: Instant, out: CoordinatorOut): void {
    this.#parts.roster.setCapacity(worker, 0)
    this.#lostLately.note(worker.peer, now)
    for (const { record, attempt } of [...worker.outstanding.values()]) {
      const isSuspicious = attempt.state === 'running' && this.#isSuspicious(record, attempt, now)
      this.lose(record, attempt, 'leaseLost', now, out, isSuspicious)
    }
    this.#parts.roster.forget(worker)
  }

  /** Whether of the workers that were lost lately, those that ran this task are more than the others. */
  #isSuspicious(record: TaskRecord, attempt: Attempt, now: Instant): boolean {
    const ran = new Set([attempt.worker])
    const since = after(now, -lostLatelyMs)
    for (const { worker, startedAt, lost } of record.attempts)
      if (startedAt !== null && lost?.reason === 'leaseLost' && lost.at >= since) ran.add(worker)
    return this.#lostLately.others(ran, since) < ran.size
  }

  lose(
    record: TaskRecord,
    attempt: Attempt,
    reason: LossReason,
    now: Instant,
    out: CoordinatorOut,
    isSuspicious = false,
  ): void {
    const { taskId } = record.submission.task
    attempt.state = 'lost'
    attempt.lost = isSuspicious ? { reason, at: now, isSuspicious } : { reason, at: now }
    this.#parts.roster.release(attempt.worker, taskId, attempt.attempt)
    out.event({ type: 'attemptLost', taskId, worker: attempt.worker, reason })
    if (reason === 'overTime') note(out, attempt.worker, taskId, 'timeout')
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
      this.#parts.roster.heard(worker, now)
      for (const outstanding of worker.outstanding.values()) {
        const { attempt } = outstanding
        outstanding.progressAt = after(outstanding.progressAt, gapMs)
        attempt.sentAt = after(attempt.sentAt, gapMs)
        if (attempt.startedAt !== null) attempt.startedAt = after(attempt.startedAt, gapMs)
      }
    }
  }

  /** The end of a task that workers keep losing. */
  #enough(record: TaskRecord): End | undefined {
    const { timeoutsMax, breakdownsMax, attemptsMax, suspiciousMax } = this.#parts.config
    if (record.suspiciousLosses > suspiciousMax) {
      const message = `${record.suspiciousLosses} workers were lost while they ran it`
      return { status: 'failed', error: 'host', message }
    }
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
