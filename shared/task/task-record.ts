import { after, type Hash, type Instant, type PeerId } from '../kernel/ids.ts'
import { invariant } from '../kernel/invariant.ts'
import type { LossReason } from './coordinator-ports.ts'
import { isFinal, mayFollow } from './lifecycle.ts'
import type { Answer, FinishedTask, OpenedCommitment, Submission, Transition, Vote } from './messages.ts'
import type { TaskStatus } from './task.ts'

/**
 * `sent` until the worker acknowledges, `held` while it queues, `running`, then `answered`; or `lost` at any time
 * before. The number is the fencing number: it grows and is never used again for the task.
 */
export type AttemptState = 'sent' | 'held' | 'running' | 'answered' | 'lost'

export interface Attempt {
  readonly attempt: number
  /** The record's, when it was handed out. */
  readonly epoch: number
  readonly worker: PeerId
  readonly round: number
  sentAt: Instant
  state: AttemptState
  /** When it began to run, by the worker's word; `null` before. */
  startedAt: Instant | null
  /** Handed out after the task had ended, to see whether its worker gives the known answer. */
  readonly isCanary: boolean
  lost: Loss | null
  answer: CountedAnswer | null
}

export interface Loss {
  readonly reason: LossReason
  readonly at: Instant
  /** Its worker was lost while it ran this, and nothing else explains it: it may be what the worker died of. */
  readonly isSuspicious?: true
}

/** An answer that counts, with its vote in the form of the receipt. */
export interface CountedAnswer {
  readonly answer: Omit<Answer, 'commitment'>
  readonly vote: Vote
}

/** How the submission came in: ends of a peer's are pushed to it, those of HTTP are fetched; `home`: this node's own. */
export type Origin = 'peer' | 'http' | 'home'

interface StateRow {
  readonly status: TaskStatus
  readonly epoch: number
  readonly round: number
  readonly attempts: readonly Attempt[]
  readonly commitment: OpenedCommitment | null
  readonly transitions: readonly Transition[]
  readonly target: number
  readonly isFull: boolean
  readonly isSpotCheck: boolean
}

interface SubmissionRow {
  readonly submission: Submission
  readonly origin: Origin
  readonly acceptedAt: number
  /** Position in the order of acceptance. */
  readonly order: number
}

/**
 * What a loss counts: nothing where it is no worker's doing, little where the worker gave back what it had not begun. A
 * mixed load has many of those; a worker that did nothing else would get the task again and again.
 */
function weightOf(reason: LossReason): number {
  if (reason === 'coordinatorLost' || reason === 'cancelled') return 0
  return reason === 'paused' ? 0.25 : 1
}

/** Workers lost while they ran a task before it goes out to one worker at a time, and to none that has other work. */
const suspectAfter = 3

/** From its second loss on, a worker gets the task again only after this, doubled each time, in ms. */
const backoffMs = { first: 5_000, most: 600_000 }

/**
 * One unfinished task of a coordinator.
 *
 * Invariants: (1) at most one attempt per worker that is not lost: no worker that holds or answered it gets the task again;
 * (2) an attempt that is `lost` or `answered` never changes again; (3) status follows `lifecycle` only.
 */
export class TaskRecord {
  readonly submission: Submission
  readonly digest: Hash
  readonly origin: Origin
  readonly acceptedAt: Instant
  readonly order: number
  readonly attempts: Attempt[] = []
  readonly transitions: Transition[] = []
  /** Grows when another coordinator takes the task over. Answers to attempts of an older one still count. */
  epoch: number
  round = 1
  /** Answers that this round is to have, as far as is known: those that adaptive policies do without are not asked for. */
  target: number
  /** Replicated in full, whatever is believed of its workers: the second half of a spot check, or a round after the first. */
  isFull: boolean
  /** Of an adaptive task: when its first workers would be believed, others are asked all the same. Until then nothing tells. */
  isSpotCheck = false
  commitment: OpenedCommitment | null = null
  /** The answer that is the task's outcome, once there is one. */
  agreed: CountedAnswer['answer'] | null = null
  #status: TaskStatus = 'pending'

  constructor(submission: Submission, digest: Hash, origin: Origin, acceptedAt: Instant, order: number) {
    this.epoch = submission.epoch ?? 1
    this.submission = submission
    this.digest = digest
    this.origin = origin
    this.acceptedAt = acceptedAt
    this.order = order
    const { replicas, errorTarget } = submission.task.verification
    this.isFull = errorTarget === undefined
    this.target = this.isFull ? replicas : 1
    this.transitions.push(['pending', acceptedAt])
  }

  get status(): TaskStatus {
    return this.#status
  }

  get finished(): boolean {
    return isFinal(this.#status)
  }

  enter(status: TaskStatus, now: Instant): void {
    if (status === this.#status) return
    invariant(mayFollow(this.#status, status), `task may not go from ${this.#status} to ${status}`)
    this.#status = status
    this.transitions.push([status, now])
  }

  attemptNumbered(attempt: number): Attempt | undefined {
    return this.attempts[attempt - 1]
  }

  addAttempt(worker: PeerId, now: Instant): Attempt {
    invariant(!this.excludes(worker), 'a worker gets a task twice')
    const attempt: Attempt = {
      attempt: this.attempts.length + 1,
      epoch: this.epoch,
      worker,
      round: this.round,
      sentAt: now,
      state: 'sent',
      startedAt: null,
      isCanary: this.finished,
      lost: null,
      answer: null,
    }
    this.attempts.push(attempt)
    return attempt
  }

  /** Workers that hold the task now or have answered it, in any round. */
  excludes(worker: PeerId): boolean {
    return this.attempts.some((attempt) => attempt.worker === worker && attempt.state !== 'lost')
  }

  /** How often the worker lost this task. */
  lossesOf(worker: PeerId): number {
    let losses = 0
    for (const { worker: who, state, lost } of this.attempts)
      if (who === worker && state === 'lost') losses += weightOf(lost!.reason)
    return Math.floor(losses)
  }

  /** Whether the worker may ever be given the task: it neither has it nor answered it, well or badly. */
  isOpenTo(worker: PeerId): boolean {
    return this.attempts.every(
      (attempt) =>
        attempt.worker !== worker || (attempt.state === 'lost' && attempt.lost?.reason !== 'badAnswer'),
    )
  }

  /** Whether the worker may be given the task now. One that keeps losing it has to wait. */
  mayGoTo(worker: PeerId, now: Instant): boolean {
    if (!this.isOpenTo(worker)) return false
    const losses = this.lossesOf(worker)
    if (losses < 2) return true
    const last = this.attempts.findLast((attempt) => attempt.worker === worker)!
    const wait = Math.min(backoffMs.most, backoffMs.first * 2 ** (losses - 2))
    return last.lost === null || after(last.lost.at, wait) <= now
  }

  /** Attempts lost for one of the reasons, each worker counted `perWorkerMax` times at most: no worker's doing alone. */
  losses(reasons: readonly LossReason[] | undefined, perWorkerMax: number): number {
    const perWorker = new Map<PeerId, number>()
    for (const { worker, state, lost } of this.attempts) {
      if (state !== 'lost') continue
      if (reasons !== undefined && !reasons.includes(lost!.reason)) continue
      const sum = (perWorker.get(worker) ?? 0) + weightOf(lost!.reason)
      perWorker.set(worker, Math.min(perWorkerMax, sum))
    }
    let sum = 0
    for (const count of perWorker.values()) sum += count
    return sum
  }

  /** Every attempt that is out is lost, whoever has it. */
  loseAll(reason: LossReason, now: Instant): void {
    for (const attempt of this.live()) {
      attempt.state = 'lost'
      attempt.lost = { reason, at: now }
    }
    if (!this.finished && this.answeredInRound().length === 0) this.enter('pending', now)
  }

  /** The task has ended elsewhere, and that is its history. */
  endAs(finished: FinishedTask): void {
    this.#status = finished.status
    this.transitions.length = 0
    this.transitions.push(...finished.transitions)
  }

  live(): Attempt[] {
    return this.attempts.filter((attempt) => isLive(attempt))
  }

  answeredInRound(): Attempt[] {
    return this.attempts.filter((attempt) => attempt.round === this.round && attempt.state === 'answered')
  }

  /** Workers that were lost while they ran it, each counted once, where nothing else explains that. */
  get suspiciousLosses(): number {
    // Asked for every worker that is looked at, and nearly always there is none.
    let workers: Set<PeerId> | undefined
    for (const { worker, lost } of this.attempts) {
      if (lost?.isSuspicious !== true) continue
      workers ??= new Set()
      workers.add(worker)
    }
    return workers?.size ?? 0
  }

  get isSuspect(): boolean {
    return this.suspiciousLosses >= suspectAfter
  }

  /** Attempts of this round that are not lost: out, or answered. */
  given(): number {
    let given = 0
    for (const attempt of this.attempts) {
      if (attempt.round === this.round && attempt.state !== 'lost') given++
    }
    return given
  }

  /** Replicas still to be handed out in this round, of a suspect one after the other; copies are beyond it. */
  replicasWanted(): number {
    if (this.finished) return 0
    const wanted = this.target - this.given()
    if (wanted <= 0 || !this.isSuspect) return wanted
    return this.live().length === 0 ? 1 : 0
  }

  /** Whether nothing of this round is out or answered: its replicas are then handed out at once. */
  freshRound(): boolean {
    return this.attempts.every((attempt) => attempt.round !== this.round || attempt.state === 'lost')
  }

  /** As many answers as the policy has replicas, from now on. */
  replicateInFull(): void {
    this.isFull = true
    this.target = this.submission.task.verification.replicas
  }

  submissionRow(): SubmissionRow {
    const { submission, origin, acceptedAt, order } = this
    return { submission, origin, acceptedAt, order }
  }

  stateRow(): StateRow {
    return {
      status: this.#status,
      epoch: this.epoch,
      round: this.round,
      attempts: this.attempts.map((attempt) => ({ ...attempt })),
      commitment: this.commitment,
      transitions: [...this.transitions],
      target: this.target,
      isFull: this.isFull,
      isSpotCheck: this.isSpotCheck,
    }
  }

  static restore(digest: Hash, submission: SubmissionRow, state: StateRow | undefined): TaskRecord {
    const record = new TaskRecord(
      submission.submission,
      digest,
      submission.origin,
      submission.acceptedAt as Instant,
      submission.order,
    )
    if (state === undefined) return record
    record.#status = state.status
    record.epoch = state.epoch
    record.round = state.round
    record.commitment = state.commitment
    record.target = state.target
    record.isFull = state.isFull
    record.isSpotCheck = state.isSpotCheck
    record.attempts.push(...state.attempts.map((attempt) => ({ ...attempt })))
    record.transitions.length = 0
    record.transitions.push(...state.transitions)
    return record
  }
}

export const isLive = (attempt: Attempt): boolean =>
  attempt.state === 'sent' || attempt.state === 'held' || attempt.state === 'running'

export type { StateRow, SubmissionRow }
