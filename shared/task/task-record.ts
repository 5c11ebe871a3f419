import type { Hash, Instant, PeerId } from '../kernel/ids.ts'
import { invariant } from '../kernel/invariant.ts'
import { isFinal, mayFollow } from './lifecycle.ts'
import type { Answer, OpenedCommitment, Submission, Transition, Vote } from './messages.ts'
import type { TaskStatus } from './task.ts'

/**
 * `sent` until the worker acknowledges, `held` while it queues, `running`, then `answered`; or `lost` at any time
 * before. The number is the fencing number: it grows and is never used again for the task.
 */
export type AttemptState = 'sent' | 'held' | 'running' | 'answered' | 'lost'

export interface Attempt {
  readonly attempt: number
  readonly worker: PeerId
  readonly round: number
  readonly sentAt: Instant
  state: AttemptState
  /** When it began to run, by the worker's word; `null` before. */
  startedAt: Instant | null
  answer: CountedAnswer | null
}

/** An answer that counts, with its vote in the form of the receipt. */
export interface CountedAnswer {
  readonly answer: Omit<Answer, 'commitment'>
  readonly vote: Vote
}

/** How the submission came in: answers to a peer are pushed to it, those to HTTP are fetched. */
export type Origin = 'peer' | 'http'

interface StateRow {
  readonly status: TaskStatus
  readonly epoch: number
  readonly round: number
  readonly timeouts: number
  readonly breakdowns: number
  readonly attempts: readonly Attempt[]
  readonly commitment: OpenedCommitment | null
  readonly transitions: readonly Transition[]
}

interface SubmissionRow {
  readonly submission: Submission
  readonly origin: Origin
  readonly acceptedAt: number
}

/**
 * One unfinished task of a coordinator.
 *
 * Invariants: (1) at most one attempt per worker in a round, and no worker that answered gets the task again;
 * (2) an attempt that is `lost` or `answered` never changes again; (3) status follows `lifecycle` only.
 */
export class TaskRecord {
  readonly submission: Submission
  readonly digest: Hash
  readonly origin: Origin
  readonly acceptedAt: Instant
  readonly attempts: Attempt[] = []
  readonly transitions: Transition[] = []
  epoch = 1
  round = 1
  /** Attempts that ran over their time. */
  timeouts = 0
  /** Attempts that a worker's host could not carry out. */
  breakdowns = 0
  commitment: OpenedCommitment | null = null
  /** What the quorum agreed on, once it has. */
  agreedHash: Hash | null = null
  /** Whether it stands in one of the queues. */
  queued = false
  #status: TaskStatus = 'pending'

  constructor(submission: Submission, digest: Hash, origin: Origin, acceptedAt: Instant) {
    this.submission = submission
    this.digest = digest
    this.origin = origin
    this.acceptedAt = acceptedAt
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
      worker,
      round: this.round,
      sentAt: now,
      state: 'sent',
      startedAt: null,
      answer: null,
    }
    this.attempts.push(attempt)
    return attempt
  }

  /** Workers that hold the task now or have answered it, in any round. */
  excludes(worker: PeerId): boolean {
    return this.attempts.some((attempt) => attempt.worker === worker && attempt.state !== 'lost')
  }

  live(): Attempt[] {
    return this.attempts.filter((attempt) => isLive(attempt))
  }

  answeredInRound(): Attempt[] {
    return this.attempts.filter((attempt) => attempt.round === this.round && attempt.state === 'answered')
  }

  /** Replicas still to be handed out in this round. */
  replicasWanted(): number {
    if (this.finished) return 0
    let given = 0
    for (const attempt of this.attempts) {
      if (attempt.round === this.round && attempt.state !== 'lost') given++
    }
    return this.submission.task.verification.replicas - given
  }

  /** Whether nothing of this round is out or answered: its replicas are then handed out at once. */
  freshRound(): boolean {
    return this.attempts.every((attempt) => attempt.round !== this.round || attempt.state === 'lost')
  }

  submissionRow(): SubmissionRow {
    return { submission: this.submission, origin: this.origin, acceptedAt: this.acceptedAt }
  }

  stateRow(): StateRow {
    return {
      status: this.#status,
      epoch: this.epoch,
      round: this.round,
      timeouts: this.timeouts,
      breakdowns: this.breakdowns,
      attempts: this.attempts.map((attempt) => ({ ...attempt })),
      commitment: this.commitment,
      transitions: [...this.transitions],
    }
  }

  static restore(digest: Hash, submission: SubmissionRow, state: StateRow | undefined): TaskRecord {
    const record = new TaskRecord(
      submission.submission,
      digest,
      submission.origin,
      submission.acceptedAt as Instant,
    )
    if (state === undefined) return record
    record.#status = state.status
    record.epoch = state.epoch
    record.round = state.round
    record.timeouts = state.timeouts
    record.breakdowns = state.breakdowns
    record.commitment = state.commitment
    record.attempts.push(...state.attempts.map((attempt) => ({ ...attempt })))
    record.transitions.length = 0
    record.transitions.push(...state.transitions)
    return record
  }
}

export const isLive = (attempt: Attempt): boolean =>
  attempt.state === 'sent' || attempt.state === 'held' || attempt.state === 'running'

export type { StateRow, SubmissionRow }
