import type { Hash, PeerId, TaskId } from '../kernel/ids.ts'
import type { Payload } from './payload.ts'
import type { GuestError, Outcome, Priority, Task, TaskStatus } from './task.ts'

/** One task as its submitter hands it in. `signature` is over the task's signing bytes (task/digest.ts). */
export interface Submission {
  readonly task: Task
  readonly signature: Uint8Array
  /** TSK-02: `text_processing`, `javascript`, …; says nothing to the sandbox, which goes by the program's bytes. */
  readonly taskType: string
  readonly priority: Priority
  /** The program itself is always a blob under the task's `programHash`. */
  readonly programSizeBytes: number
  readonly input: Payload
  /** 1 when it is first handed in; one more each time another coordinator takes it over. Not part of the task. */
  readonly epoch?: number
}

/** Names one execution: `attempt` is the task's fencing number. */
export interface AttemptKey {
  readonly taskId: TaskId
  readonly epoch: number
  readonly attempt: number
}

/** What a worker is given. It checks the submitter's signature and the hashes before it runs anything. */
export interface Assignment extends AttemptKey {
  readonly task: Task
  readonly signature: Uint8Array
  readonly programSizeBytes: number
  readonly input: Payload
}

/**
 * One worker's signed answer. The vote's leaf is under the batch signature of its message; `commitment` stands for
 * the worker's answer before the other workers have theirs.
 */
export interface Answer extends AttemptKey {
  readonly taskDigest: Hash
  readonly outcome: Outcome
  readonly outcomeHash: Hash
  /** ISO 8601 UTC, when the worker had its outcome. */
  readonly at: string
  /** Output bytes of an `ok` outcome, `null` for an error. */
  readonly output: Payload | null
  /** For people, not compared. */
  readonly error: ErrorText | null
  readonly durationMs: number
  /** `null` only beyond the host: nobody needed it, and its signature was not checked. */
  readonly commitment: Commitment | null
}

export interface ErrorText {
  readonly message: string
  readonly stack: string | null
}

export interface Commitment {
  /** SHA-256(salt ‖ outcomeHash). */
  readonly hash: Hash
  /** 32 bytes, the worker's own. */
  readonly salt: Uint8Array
  /** The worker's, over the commitment's signing bytes; the host writes it when the message leaves. */
  readonly signature: Uint8Array
}

/** A worker's vote as it stands in a receipt. */
export interface Vote {
  readonly peerId: PeerId
  readonly epoch: number
  readonly attempt: number
  readonly outcomeHash: Hash
  readonly at: string
  readonly batch: BatchProof
  readonly admission: Admission | null
  /** The bytes it voted for, 4 KiB at most: with every vote of a task whose votes differ in them, else with none. */
  readonly output?: Uint8Array
}

/** Proof that a leaf is under a Merkle root that the voter signed. */
export interface BatchProof {
  readonly root: Hash
  readonly index: number
  readonly size: number
  /** Sibling hashes from the leaf up. */
  readonly path: readonly Hash[]
  readonly signature: Uint8Array
}

/** What the admitting relay states of a worker. */
export interface Admission {
  /** Operator's key hash where one is known. */
  readonly operator: Hash | null
  /** Tag of the /24 (IPv6 /48) the worker came from: comparable within a network, not the address itself. */
  readonly subnetTag: string | null
  readonly relay: PeerId
  readonly signature: Uint8Array
}

export interface TaskError {
  readonly kind: GuestError | 'host' | 'wallClock' | 'noQuorum'
  readonly message: string
  readonly stack: string | null
}

/** A task that has come to its end. */
export interface FinishedTask {
  readonly task: Task
  readonly signature: Uint8Array
  readonly status: Extract<TaskStatus, 'completed' | 'failed' | 'timeout' | 'cancelled'>
  /** `null` when no quorum stands behind the end (time-outs, cancellation, no two equal). */
  readonly outcome: Outcome | null
  readonly output: Payload | null
  readonly error: TaskError | null
  /** The agreeing votes. */
  readonly votes: readonly Vote[]
  /** Of the first answer, when that answer is the agreed one. */
  readonly commitment: OpenedCommitment | null
  /** Executions handed out, lost ones included. */
  readonly attempts: number
  readonly durationMs: number
  /** Every status with the time it was entered, in order. */
  readonly transitions: readonly Transition[]
}

export interface OpenedCommitment extends Commitment {
  readonly peerId: PeerId
}

/** Status and Unix milliseconds. */
export type Transition = readonly [status: TaskStatus, at: number]

/** Worker to coordinator: the most it will hold, and what it holds. Doubles as heartbeat and acknowledgement. */
export interface Offer {
  readonly type: 'task/offer'
  /** Runs it can carry out at one time. */
  readonly slots: number
  /** Attempts this coordinator may have outstanding here at one time; 0 while paused. */
  readonly capacity: number
  readonly holding: readonly HeldAttempt[]
}

export interface HeldAttempt extends AttemptKey {
  /** Milliseconds since it began to run; `null` while it waits for a slot or its answer waits for an acknowledgement. */
  readonly runningMs: number | null
  /** Bytes of its program and input that came so far: it grows while a worker that has not begun gets on. */
  readonly progress: number
}

export interface Assign {
  readonly type: 'task/assign'
  readonly items: readonly Assignment[]
}

export interface Answers {
  readonly type: 'task/answers'
  readonly items: readonly Answer[]
  /** Over the Merkle root of the items' leaves; the host writes it when the message leaves. */
  readonly signature: Uint8Array
}

/** Coordinator to worker: `taken` answers need no resending, `dropped` attempts are wanted no more. */
export interface Settle {
  readonly type: 'task/settle'
  readonly taken: readonly AttemptKey[]
  readonly dropped: readonly AttemptKey[]
}

/** Coordinator to the other workers of a task: an answer exists, and this is its commitment. */
export interface Committed {
  readonly type: 'task/committed'
  readonly items: readonly CommittedItem[]
}

export interface CommittedItem {
  readonly taskId: TaskId
  readonly peerId: PeerId
  readonly hash: Hash
}

/** Worker to coordinator: these attempts will have no answer from here. Costs nothing. */
export interface HandBack {
  readonly type: 'task/handBack'
  readonly items: readonly (AttemptKey & { readonly reason: HandBackReason })[]
}

export type HandBackReason = 'host' | 'wallClock' | 'paused' | 'leaving' | 'unverifiable'
export const handBackReasons: readonly HandBackReason[] = [
  'host',
  'wallClock',
  'paused',
  'leaving',
  'unverifiable',
]

/** Submitter to coordinator; may be repeated until answered. */
export interface Submit {
  readonly type: 'task/submit'
  readonly items: readonly Submission[]
}

export interface SubmitReply {
  readonly type: 'task/submitReply'
  readonly items: readonly Admittance[]
}

export type Admittance =
  | { readonly taskId: TaskId; readonly accepted: true }
  | { readonly taskId: TaskId; readonly accepted: false; readonly code: string; readonly message: string }

/** Coordinator to submitter: what its unfinished tasks wait for. */
export interface Waiting {
  readonly type: 'task/waiting'
  /** Workers that are missing for the next task; 0 when none is. */
  readonly missingWorkers: number
}

export interface Finished {
  readonly type: 'task/finished'
  readonly items: readonly FinishedTask[]
}

export interface FinishedReceived {
  readonly type: 'task/finishedReceived'
  readonly taskIds: readonly TaskId[]
}

export interface Cancel {
  readonly type: 'task/cancel'
  readonly taskIds: readonly TaskId[]
}

/**
 * A submitter that coordinates its own tasks, since it reaches no relay, to its neighbours: lend me your room. To be
 * answered by offers while the neighbour reaches no relay either.
 */
export interface Seek {
  readonly type: 'task/seek'
}

/** Submitter to a coordinator that is back: these tasks were taken over, with this epoch, and have ended elsewhere. */
export interface Withdraw {
  readonly type: 'task/withdraw'
  readonly items: readonly { readonly taskId: TaskId; readonly epoch: number }[]
}

/** The answer: nothing of them is here any more. */
export interface Withdrawn {
  readonly type: 'task/withdrawn'
  readonly taskIds: readonly TaskId[]
}

export type ToWorker = Assign | Settle | Committed | Seek
export type FromWorker = Offer | Answers | HandBack
export type ToSubmitter = SubmitReply | Waiting | Finished | Withdrawn
export type FromSubmitter = Submit | FinishedReceived | Cancel | Withdraw
