import type { Hash, Instant, JobId, PeerId, TaskId } from '../kernel/ids.ts'
import type { Out, Row } from '../kernel/machine.ts'
import type { Refusal } from '../kernel/refusal.ts'
import type { Credibility } from '../verification/credibility.ts'
import type {
  Admission,
  Admittance,
  Answer,
  BatchProof,
  FinishedTask,
  FromSubmitter,
  FromWorker,
  HandBackReason,
  Submission,
  ToSubmitter,
  ToWorker,
} from './messages.ts'
import type { Payload } from './payload.ts'
import type { Outcome, Priority, TaskStatus, VerificationPolicy } from './task.ts'

/** Asked of the access rules. */
export interface PeerStanding {
  /** A refusal names the missing permission. */
  maySubmit(peer: PeerId, priority: Priority): Refusal | undefined
  mayExecute(peer: PeerId): Refusal | undefined
}

/** Asked of membership: who can be sent something now. */
export interface Reachability {
  isUp(peer: PeerId): boolean
  admissionOf(peer: PeerId): Admission | null
  /** Peers that are up and lend computing time. */
  lenders(): Iterable<PeerId>
}

/** One worker's answer, as verification looks at it. */
export interface JudgedAnswer {
  readonly outcomeHash: Hash
  readonly outcome: Outcome
  /** `null` for an error. */
  readonly output: Payload | null
  /** For adaptive policies: the chance that its worker is wrong (verification/credibility.ts); a newcomer's where absent. */
  readonly errorRate?: number
}

/** Of one round. Numbers are positions in the answers that were judged. */
export type Verdict =
  /** More answers are needed, `wanted` at least. */
  | { readonly kind: 'open'; readonly wanted: number }
  | {
      readonly kind: 'agreed'
      /** Which part of the policy is met: its quorum, or its error target by fewer answers. */
      readonly by: 'quorum' | 'credibility'
      /** The answer whose outcome is the task's; one of `votes`. */
      readonly outcome: number
      /** Answers that agree pairwise, and stand behind the outcome in the receipt; at most `replicas`. */
      readonly votes: readonly number[]
      /** Answers that do not agree with the outcome. One that does counts for its worker, be it among the votes or not. */
      readonly dissent: readonly number[]
    }
  /** No further answer of this round can make a quorum. */
  | { readonly kind: 'disagreed' }

/** Asked of verification. */
export interface Verifier {
  /** `answers` in order of arrival, one per worker; there may be more than replicas. */
  judge(answers: readonly JudgedAnswer[], policy: VerificationPolicy): Verdict
  /** Whether a later answer agrees with the outcome of the task. */
  agrees(answer: JudgedAnswer, outcome: JudgedAnswer, policy: VerificationPolicy): boolean
  /** The chance that an answer of a worker is wrong; of a newcomer where nothing is known. */
  errorRate(known: Credibility | undefined, now: Instant): number
  withVerdict(known: Credibility | undefined, verdict: 'agreed' | 'disagreed', now: Instant): Credibility
  /** How many replicas an adaptive task is handed out to at first, to workers of these error rates in this order. */
  replicasFor(policy: VerificationPolicy, rates: readonly number[]): number
  /** The policy of an adaptive task that is replicated in full all the same. */
  withoutCredibility(policy: VerificationPolicy): VerificationPolicy
  /** Shares of adaptive tasks that are, and of tasks with a known answer among those of a worker that is believed. */
  readonly spotCheckShare: number
  readonly canaryShare: number
  /** One proof per answer, under the signature of their message. */
  proofs(answers: readonly Answer[], signature: Uint8Array): BatchProof[]
}

export type CoordinatorCommand =
  /** From HTTP: the host has checked the request's signature, `from` is its key. Answered by ask `admittances`. */
  | {
      readonly type: 'coordinator/submit'
      readonly requestId: number
      readonly from: PeerId
      readonly items: readonly Submission[]
    }
  /** The node's own tasks, which no other coordinator holds now. */
  | { readonly type: 'coordinator/takeHome'; readonly items: readonly Submission[] }
  /** Another coordinator has them again. */
  | { readonly type: 'coordinator/release'; readonly taskIds: readonly TaskId[] }
  | { readonly type: 'coordinator/cancel'; readonly from: PeerId; readonly taskIds: readonly TaskId[] }
  | { readonly type: 'coordinator/peerLost'; readonly peer: PeerId }
  | { readonly type: 'coordinator/peerUp'; readonly peer: PeerId }
  /** The host's answer to `archive`: these rows are kept elsewhere now. */
  | { readonly type: 'coordinator/archived'; readonly keys: readonly string[] }
  /** The rows of a coordinator that is no more, whole tasks at a time; answered by the event `adopted`. */
  | { readonly type: 'coordinator/adopt'; readonly requestId: number; readonly rows: readonly Row[] }

export type CoordinatorInput =
  | { readonly kind: 'message'; readonly from: PeerId; readonly message: FromWorker | FromSubmitter }
  | { readonly kind: 'command'; readonly command: CoordinatorCommand }
  | { readonly kind: 'timer'; readonly key: string }
  | { readonly kind: 'resumed'; readonly gapMs: number }

export type CoordinatorEvent =
  | {
      readonly type: 'taskAccepted'
      readonly taskId: TaskId
      readonly jobId: string | null
      readonly submitter: PeerId
    }
  | { readonly type: 'taskRefused'; readonly from: PeerId; readonly taskId: TaskId; readonly code: string }
  | {
      readonly type: 'taskAssigned'
      readonly taskId: TaskId
      readonly worker: PeerId
      readonly attempt: number
    }
  | {
      readonly type: 'attemptLost'
      readonly taskId: TaskId
      readonly worker: PeerId
      readonly reason: LossReason
    }
  | { readonly type: 'taskFinished'; readonly finished: FinishedTask }
  /** One worker's answer was judged; `noQuorum` when no two of its round were equal. */
  | {
      readonly type: 'verdict'
      readonly taskId: TaskId
      readonly worker: PeerId
      readonly judged: 'agreed' | 'disagreed' | 'noQuorum'
    }
  /** REP-02: something that counts for or against a worker, and what it is worth. */
  | {
      readonly type: 'conduct'
      readonly worker: PeerId
      readonly taskId: TaskId
      readonly reason: ConductReason
      readonly points: number
    }
  /** A signed message that contradicts itself or another one of the same worker. */
  | { readonly type: 'badAnswer'; readonly worker: PeerId; readonly taskId: TaskId; readonly what: string }
  /** Tasks of another coordinator are here now: those that were open, and ends that were not known. */
  | {
      readonly type: 'adopted'
      readonly requestId: number
      readonly tasks: number
      readonly finished: number
    }

/** The reasons of `reputation_updates_total` that a coordinator has. */
export type ConductReason =
  | 'task_success'
  | 'task_failure'
  | 'disagreement'
  | 'time_limit'
  | 'timeout'
  | 'fraud'

export type LossReason =
  /** The coordinator that had given it out is no more; nobody's doing. */
  | 'coordinatorLost'
  | 'badAnswer'
  | 'cancelled'
  | 'unacknowledged'
  | 'leaseLost'
  | 'notStarted'
  | 'overTime'
  | HandBackReason

export type CoordinatorAsk =
  | {
      readonly type: 'admittances'
      readonly requestId: number
      readonly items: readonly Admittance[]
    }
  /** Keep these rows of finished tasks elsewhere; answered by `coordinator/archived` once they are. */
  | { readonly type: 'archive'; readonly keys: readonly string[] }

export type CoordinatorOut = Out<ToWorker | ToSubmitter, CoordinatorEvent, CoordinatorAsk>

export interface CoordinatorConfig {
  /** Of a submitter that coordinates its own tasks while it reaches no relay: it asks its neighbours for room. */
  readonly isHome: boolean
  /** TSK-04: tasks waiting for workers; normal and low are refused beyond. */
  readonly queueMax: number
  /** All unfinished tasks, assigned ones included; every priority is refused beyond. */
  readonly tasksMax: number
  readonly workersMax: number
  /** Finished tasks kept; beyond it the oldest are archived before their time. */
  readonly finishedMax: number
  /** Deliveries kept for submitters that are peers; the rest can be asked for. */
  readonly undeliveredMax: number
  /** TSK-11: a finished task is kept for so long, then archived. */
  readonly retentionMs: number
  /** TSK-06: an assignment that is not acknowledged within this is given to another. */
  readonly acknowledgeMs: number
  /** A worker with work that is silent for this long has lost it. */
  readonly leaseMs: number
  /** A worker with work that is silent for this long is `unknown`: it is given no more. */
  readonly lateMs: number
  /** TSK-06: beyond `maxDurationSeconds` before an attempt counts as over time. */
  readonly overtimeMs: number
  /** TSK-06: reassignments after attempts over time, then the task is `timeout`. One worker counts twice at most. */
  readonly timeoutsMax: number
  /** Attempts that hosts could not carry out before the task fails. One worker counts three times at most. */
  readonly breakdownsMax: number
  /** A worker may keep an attempt for so long without it running or its download going on, and for so long in all. */
  readonly startMs: number
  readonly startMsMax: number
  /** Workers lost while they ran a task, before it fails: it is what they die of. */
  readonly suspiciousMax: number
  /**
   * TSK-15: an attempt is slow when it is out for `straggleFactor` times as long as those of its program usually are, and
   * for `straggleMs` at least; a round gets `copiesMax` more attempts than replicas at most.
   */
  readonly straggleMs: number
  readonly straggleFactor: number
  readonly copiesMax: number
  /** Lost attempts before the task fails: it may be what its workers die of. One worker counts ten times at most. */
  readonly attemptsMax: number
  /** TSK-10. */
  readonly roundsMax: number
  /** Repeats a delivery that was not acknowledged. */
  readonly resendMs: number
}

export const defaultCoordinatorConfig: CoordinatorConfig = {
  isHome: false,
  queueMax: 10_000,
  tasksMax: 40_000,
  workersMax: 20_000,
  finishedMax: 200_000,
  undeliveredMax: 20_000,
  retentionMs: 7 * 24 * 60 * 60_000,
  acknowledgeMs: 5_000,
  leaseMs: 15_000,
  lateMs: 8_000,
  overtimeMs: 30_000,
  timeoutsMax: 3,
  breakdownsMax: 8,
  startMs: 60_000,
  startMsMax: 15 * 60_000,
  suspiciousMax: 5,
  straggleMs: 3_000,
  straggleFactor: 4,
  copiesMax: 2,
  attemptsMax: 100,
  roundsMax: 3,
  resendMs: 3_000,
}

/** A tab's own tasks; what became of them it knows itself. */
export const homeCoordinatorConfig: CoordinatorConfig = {
  ...defaultCoordinatorConfig,
  isHome: true,
  tasksMax: 2_048,
  workersMax: 1_000,
  finishedMax: 2_000,
  retentionMs: 60 * 60_000,
}

/** What a coordinator says of one task to those who may ask. */
export interface TaskReport {
  readonly taskId: TaskId
  readonly jobId: JobId | null
  readonly submitter: PeerId
  readonly status: TaskStatus
  readonly submittedAt: string
  readonly completedAt?: Instant
  readonly attempts: number
  readonly missing?: { readonly workers: number }
}
