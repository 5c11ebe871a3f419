import { equalBytes, fromHex } from '../kernel/bytes.ts'
import type { Instant, PeerId, Sha256, TaskId } from '../kernel/ids.ts'
import { note, noteLosses } from './conduct.ts'
import type { CoordinatorOut, JudgedAnswer, Verifier } from './coordinator-ports.ts'
import { commitmentHash, outcomeHash } from './digest.ts'
import type { Histories } from './histories.ts'
import type { Answer, Answers, BatchProof } from './messages.ts'
import { sizeOf } from './payload.ts'
import type { Post } from './post.ts'
import type { Roster, WorkerRecord } from './roster.ts'
import type { End } from './task-end.ts'
import { type Attempt, isLive, type TaskRecord } from './task-record.ts'
import type { Turnarounds } from './turnarounds.ts'

const secondOutcome = 'second outcome for one attempt'

export type Judged = 'agreed' | 'disagreed' | 'noQuorum'

export interface AnswerCounterParts {
  readonly verifier: Verifier
  readonly sha256: Sha256
  readonly roster: Roster
  readonly turnarounds: Turnarounds
  readonly histories: Histories
  readonly roundsMax: number
  readonly changed: (record: TaskRecord) => void
  readonly finish: (record: TaskRecord, end: End, now: Instant, out: CoordinatorOut) => void
  /** The attempt's worker gave an answer that cannot count. */
  readonly lose: (record: TaskRecord, attempt: Attempt, now: Instant, out: CoordinatorOut) => void
  /** A quorum stands behind the task's outcome. */
  readonly decided: (record: TaskRecord) => void
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
        if (wrong === secondOutcome) note(out, worker.peer, item.taskId, 'fraud')
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
    const { commitment } = item
    if (
      commitment !== null &&
      commitmentHash(commitment.salt, item.outcomeHash, sha256) !== commitment.hash
    ) {
      return 'commitment does not open to the outcome'
    }
    const before = attempt.answer?.answer.outcomeHash
    if (before !== undefined && before !== item.outcomeHash) return secondOutcome
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
    if (record.finished) return this.#afterTheEnd(record, attempt, now, out)
    if (attempt.round !== record.round) return this.#parts.changed(record)
    if (record.answeredInRound().length === 1) {
      record.commitment = commitment && { ...commitment, peerId: worker.peer }
      this.#tellOthers(record)
    }
    if (record.status === 'assigned') record.enter('running', now)
    record.enter('pending_verification', now)
    this.#parts.changed(record)
    this.#decide(record, now, out)
  }

  #decide(record: TaskRecord, now: Instant, out: CoordinatorOut): void {
    const { verifier } = this.#parts
    const { verification } = record.submission.task
    const answered = record.answeredInRound()
    const verdict = verifier.judge(
      answered.map((attempt) => this.#judgedAnswer(record, attempt, now)),
      record.isFull ? verifier.withoutCredibility(verification) : verification,
    )
    if (verdict.kind === 'open') {
      // More may be wanted than is out: of an adaptive task, or of a suspect, which goes to one worker after the other.
      const wanted = Math.max(record.target, answered.length + verdict.wanted)
      record.target = Math.min(verification.replicas, wanted)
      return this.#parts.wanted(record)
    }
    if (verdict.kind === 'agreed' && verdict.by === 'credibility' && record.isSpotCheck) {
      record.replicateInFull()
      return this.#parts.wanted(record)
    }
    if (verdict.kind === 'agreed') {
      const verifiedBy = verdict.by === 'quorum' ? answered : []
      for (const [at, attempt] of answered.entries()) {
        const how = verdict.dissent.includes(at) ? 'disagreed' : 'agreed'
        this.#judged(record, attempt, how, isVerified(attempt, verifiedBy), now, out)
      }
      if (verdict.by === 'quorum') this.#parts.decided(record)
      noteLosses(out, record)
      const agreed = verdict.votes.map((at) => answered[at]!)
      const outcome = answered[verdict.outcome]!.answer!.answer
      record.agreed = outcome
      const status = outcome.outcome.kind === 'ok' ? 'completed' : 'failed'
      return this.#parts.finish(record, { status, agreed, outcome }, now, out)
    }
    for (const attempt of answered) this.#judged(record, attempt, 'noQuorum', true, now, out)
    record.enter('verification_failed', now)
    if (record.round >= this.#parts.roundsMax) {
      const message = `no two of its workers gave equal answers in ${record.round} rounds`
      return this.#parts.finish(record, { status: 'failed', error: 'noQuorum', message }, now, out)
    }
    record.round++
    record.replicateInFull()
    record.commitment = null
    record.enter('pending', now)
    this.#parts.again(record, now, out)
  }

  /** The quorum stands: a later answer still counts for or against its worker. */
  #afterTheEnd(record: TaskRecord, attempt: Attempt, now: Instant, out: CoordinatorOut): void {
    if (record.agreed !== null) {
      const { verification } = record.submission.task
      const same = this.#parts.verifier.agrees(attempt.answer!.answer, record.agreed, verification)
      const others = record.attempts.filter((other) => other.answer !== null && other !== attempt)
      this.#judged(record, attempt, same ? 'agreed' : 'disagreed', isVerified(attempt, others), now, out)
    }
    this.#parts.settled(record)
  }

  #judgedAnswer(record: TaskRecord, { answer, worker }: Attempt, now: Instant): JudgedAnswer {
    if (record.isFull) return answer!.answer
    return { ...answer!.answer, errorRate: this.#parts.histories.errorRate(worker, now) }
  }

  /** `verified`: by others that are not of its kin; what only it says tells nothing of it. */
  #judged(
    record: TaskRecord,
    { worker, isCanary }: Attempt,
    judged: Judged,
    verified: boolean,
    now: Instant,
    out: CoordinatorOut,
  ): void {
    const { taskId } = record.submission.task
    const { histories } = this.#parts
    this.#parts.judged(worker, judged)
    out.event({ type: 'verdict', taskId, worker, judged })
    if (judged === 'agreed') {
      if (verified) histories.agreed(worker, now)
      return note(out, worker, taskId, 'task_success')
    }
    const isRepeated = judged === 'disagreed' && histories.disagreed(worker, now, out)
    note(out, worker, taskId, isRepeated || isCanary ? 'fraud' : 'disagreement')
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

/** Whether any of these answers is of a worker that is neither of the same operator nor of the same subnet. */
function isVerified(attempt: Attempt, by: readonly Attempt[]): boolean {
  const { admission } = attempt.answer!.vote
  return by.some(({ worker, answer }) => {
    const other = answer!.vote.admission
    if (worker === attempt.worker) return false
    if (admission === null || other === null) return true
    const isSame = (a: string | null, b: string | null): boolean => a !== null && a === b
    return !isSame(admission.operator, other.operator) && !isSame(admission.subnetTag, other.subnetTag)
  })
}
