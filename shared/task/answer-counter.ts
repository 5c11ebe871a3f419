import { equalBytes, fromHex } from '../kernel/bytes.ts'
import type { Instant, PeerId, Sha256, TaskId } from '../kernel/ids.ts'
import type { CoordinatorOut, Verifier } from './coordinator-ports.ts'
import { commitmentHash, outcomeHash } from './digest.ts'
import type { Answer, Answers, BatchProof } from './messages.ts'
import { sizeOf } from './payload.ts'
import type { Post } from './post.ts'
import type { Roster, WorkerRecord } from './roster.ts'
import type { End } from './task-end.ts'
import { type Attempt, isLive, type TaskRecord } from './task-record.ts'
import type { Turnarounds } from './turnarounds.ts'

export type Judged = 'agreed' | 'disagreed' | 'noQuorum'

export interface AnswerCounterParts {
  readonly verifier: Verifier
  readonly sha256: Sha256
  readonly roster: Roster
  readonly turnarounds: Turnarounds
  readonly roundsMax: number
  readonly changed: (record: TaskRecord) => void
  readonly finish: (record: TaskRecord, end: End, now: Instant, out: CoordinatorOut) => void
  /** The attempt's worker gave an answer that cannot count. */
  readonly lose: (record: TaskRecord, attempt: Attempt, now: Instant, out: CoordinatorOut) => void
  /** The task may want workers. */
  readonly wanted: (record: TaskRecord) => void
  /** The task has entered a new round. */
  readonly again: (record: TaskRecord, now: Instant, out: CoordinatorOut) => void
  /** An attempt of a finished task was answered. */
  readonly settled: (record: TaskRecord) => void
  readonly judged: (worker: PeerId, judged: Judged) => void
}

/**
 * Counts signed answers: each attempt once, for the worker it was given to, and decides rounds.
 * An answer with an old number is late, not wrong; it is acknowledged and forgotten.
 */
export class AnswerCounter {
  readonly #parts: AnswerCounterParts
  readonly #post: Post

  constructor(parts: AnswerCounterParts, post: Post) {
    this.#parts = parts
    this.#post = post
  }

  count(
    worker: WorkerRecord,
    message: Answers,
    recordOf: (taskId: TaskId) => TaskRecord | undefined,
    now: Instant,
    out: CoordinatorOut,
  ): void {
    let proofs: readonly BatchProof[] | undefined
    for (const [position, item] of message.items.entries()) {
      this.#post.to(worker.peer).taken.push({ taskId: item.taskId, epoch: item.epoch, attempt: item.attempt })
      const record = recordOf(item.taskId)
      const attempt = record?.attemptNumbered(item.attempt)
      if (record === undefined || attempt === undefined || attempt.worker !== worker.peer) continue
      const wrong = this.#wrongIn(record, attempt, item)
      if (wrong !== undefined) {
        out.event({ type: 'badAnswer', worker: worker.peer, taskId: item.taskId, what: wrong })
        if (isLive(attempt)) this.#parts.lose(record, attempt, now, out)
        continue
      }
      if (!isLive(attempt) || item.epoch !== attempt.epoch) continue
      proofs ??= this.#parts.verifier.proofs(message.items, message.signature)
      this.#take(record, attempt, worker, item, proofs[position]!, now, out)
    }
  }

  /** What makes the answer contradict itself or an earlier one; such an answer does not count at all. */
  #wrongIn(record: TaskRecord, attempt: Attempt, item: Answer): string | undefined {
    const { sha256 } = this.#parts
    if (item.taskDigest !== record.digest) return 'names another task under this id'
    if (outcomeHash(item.outcome, sha256) !== item.outcomeHash)
      return 'outcome hash is not that of the outcome'
    if (commitmentHash(item.commitment.salt, item.outcomeHash, sha256) !== item.commitment.hash) {
      return 'commitment does not open to the outcome'
    }
    const before = attempt.answer?.answer.outcomeHash
    if (before !== undefined && before !== item.outcomeHash) return 'second outcome for one attempt'
    if (item.outcome.kind === 'error') return item.output === null ? undefined : 'output beside an error'
    if (item.output === null) return 'no output'
    if (sizeOf(item.output) > record.submission.task.limits.outputBytes) return 'output over its limit'
    const matches =
      item.output.kind === 'blob'
        ? item.output.hash === item.outcome.outputHash
        : equalBytes(sha256(item.output.bytes), fromHex(item.outcome.outputHash))
    return matches ? undefined : 'output is not what its hash says'
  }

  #take(
    record: TaskRecord,
    attempt: Attempt,
    worker: WorkerRecord,
    item: Answer,
    batch: BatchProof,
    now: Instant,
    out: CoordinatorOut,
  ): void {
    const { commitment, ...answer } = item
    attempt.state = 'answered'
    this.#parts.turnarounds.note(record.submission.task.programHash, now - attempt.sentAt)
    attempt.answer = {
      answer,
      vote: {
        peerId: worker.peer,
        epoch: item.epoch,
        attempt: item.attempt,
        outcomeHash: item.outcomeHash,
        at: item.at,
        batch,
        admission: worker.admission,
      },
    }
    this.#parts.roster.release(worker.peer, item.taskId, item.attempt)
    if (record.finished) return this.#afterTheEnd(record, attempt, out)
    if (attempt.round !== record.round) return this.#parts.changed(record)
    if (record.answeredInRound().length === 1) {
      record.commitment = { ...commitment, peerId: worker.peer }
      this.#tellOthers(record)
    }
    if (record.status === 'assigned') record.enter('running', now)
    record.enter('pending_verification', now)
    this.#parts.changed(record)
    this.#decide(record, now, out)
  }

  #decide(record: TaskRecord, now: Instant, out: CoordinatorOut): void {
    const answered = record.answeredInRound()
    const verdict = this.#parts.verifier.judge(
      answered.map((attempt) => attempt.answer!.answer),
      record.submission.task.verification,
    )
    // More may be wanted than is out: a suspect goes to one worker after the other.
    if (verdict.kind === 'open') return this.#parts.wanted(record)
    if (verdict.kind === 'agreed') {
      for (const [at, attempt] of answered.entries())
        this.#judged(record, attempt, verdict.dissent.includes(at) ? 'disagreed' : 'agreed', out)
      const agreed = verdict.votes.map((at) => answered[at]!)
      const outcome = answered[verdict.outcome]!.answer!.answer
      record.agreed = outcome
      const status = outcome.outcome.kind === 'ok' ? 'completed' : 'failed'
      return this.#parts.finish(record, { status, agreed, outcome }, now, out)
    }
    for (const attempt of answered) this.#judged(record, attempt, 'noQuorum', out)
    record.enter('verification_failed', now)
    if (record.round >= this.#parts.roundsMax) {
      const message = `no two of its workers gave equal answers in ${record.round} rounds`
      return this.#parts.finish(record, { status: 'failed', error: 'noQuorum', message }, now, out)
    }
    record.round++
    record.commitment = null
    record.enter('pending', now)
    this.#parts.again(record, now, out)
  }

  /** The quorum stands: a later answer still counts for or against its worker. */
  #afterTheEnd(record: TaskRecord, attempt: Attempt, out: CoordinatorOut): void {
    if (record.agreed !== null) {
      const { verification } = record.submission.task
      const same = this.#parts.verifier.agrees(attempt.answer!.answer, record.agreed, verification)
      this.#judged(record, attempt, same ? 'agreed' : 'disagreed', out)
    }
    this.#parts.settled(record)
  }

  #judged(record: TaskRecord, attempt: Attempt, judged: Judged, out: CoordinatorOut): void {
    this.#parts.judged(attempt.worker, judged)
    out.event({ type: 'verdict', taskId: record.submission.task.taskId, worker: attempt.worker, judged })
  }

  #tellOthers(record: TaskRecord): void {
    const { commitment } = record
    if (commitment === null) return
    for (const attempt of record.live()) {
      const { taskId } = record.submission.task
      const { peerId, hash } = commitment
      this.#post.to(attempt.worker).committed.push({ taskId, peerId, hash })
    }
  }
}
