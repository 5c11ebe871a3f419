import type { Hash, JobId, PeerId, TaskId } from '../kernel/ids.ts'

/**
 * What a submitter signs: one program, one input, its limits and how the answer is to be verified.
 * Every field stands in the receipt as it stands here, so all values are JSON values.
 */
export interface Task {
  readonly taskId: TaskId
  readonly jobId: JobId | null
  /** Position of the item in its job, from 0; 0 for a task of its own. */
  readonly index: number
  readonly submitter: PeerId
  /** SHA-256 of the program's bytes. */
  readonly programHash: Hash
  /** SHA-256 of the input's bytes. */
  readonly inputHash: Hash
  /** 64 hex digits; the only source of randomness a guest has. */
  readonly seed: string
  readonly limits: Limits
  readonly verification: VerificationPolicy
  /** ISO 8601 UTC with milliseconds. */
  readonly submittedAt: string
}

export interface Limits {
  /** Deterministic instruction count; running out is the outcome `fuel`. */
  readonly fuel: number
  /** Linear memory of the guest instance, in bytes. */
  readonly memoryBytes: number
  /** Guest stack in bytes. */
  readonly stackBytes: number
  /** Output bytes. */
  readonly outputBytes: number
  /** Bytes of console output. */
  readonly logBytes: number
  /** Wall clock of one run in seconds; a backstop that means "no result". */
  readonly maxDurationSeconds: number
}

/** How an answer is to be verified. What may stand beside what: task/verification-policy.ts. */
export interface VerificationPolicy {
  /** Independent executions, at most, of one round. */
  readonly replicas: number
  /** Answers that must agree pairwise; over half of the replicas. */
  readonly quorum: number
  readonly comparator: Comparator
  /** With `numeric`, and only then: numbers a and b agree when |a − b| ≤ tolerance · max(1, |a|, |b|). */
  readonly tolerance?: number
  /**
   * Makes the policy adaptive: fewer answers than the quorum are enough when all of them agree and the chance that
   * they are wrong, by their workers' verified history, is at most this.
   */
  readonly errorTarget?: number
}

/**
 * When two outputs are the same. `exact`: their bytes. `json`: their JSON value, whatever the order of fields, white
 * space and the spelling of numbers. `numeric`: as `json`, and numbers may differ within the tolerance.
 */
export const comparators = ['exact', 'json', 'numeric'] as const
export type Comparator = (typeof comparators)[number]

/** FORMATS, "Outcomes". */
export const defaultLimits: Limits = {
  fuel: 1e10,
  memoryBytes: 256 * 1024 * 1024,
  stackBytes: 64 * 1024,
  outputBytes: 1024 * 1024,
  logBytes: 64 * 1024,
  maxDurationSeconds: 60,
}

/** TSK-09: at least three workers, two equal answers. */
export const defaultVerification: VerificationPolicy = { replicas: 3, quorum: 2, comparator: 'exact' }

/** TSK-02: the largest input that stands in a request itself, in bytes; larger ones go as blobs. */
export const payloadBytesMax = 1024 * 1024
/** The largest program or input that goes as a blob, in bytes (FORMATS, "Outcomes": as the largest output). */
export const blobPayloadBytesMax = 64 * 1024 * 1024

export const payloadTooLarge = 'Task payload exceeds 1 MB limit'
export const blobPayloadTooLarge = 'Task payload exceeds 64 MB limit'

export type Priority = 'critical' | 'normal' | 'low'
export const priorities: readonly Priority[] = ['critical', 'normal', 'low']

/** Errors that the program itself causes: outcomes that are compared and voted on like any output. */
export const guestErrors = [
  'thrown',
  'fuel',
  'memory',
  'stack',
  'output',
  'log',
  'notJson',
  'unsettled',
  'trap',
  'exit',
  'invalidProgram',
] as const
export type GuestError = (typeof guestErrors)[number]

/** What the quorum compares. Message and stack of an error travel beside it and are not compared. */
export type Outcome =
  | { readonly kind: 'ok'; readonly outputHash: Hash }
  | { readonly kind: 'error'; readonly error: GuestError }

export type TaskStatus =
  | 'pending'
  | 'assigned'
  | 'running'
  | 'pending_verification'
  | 'completed'
  | 'failed'
  | 'timeout'
  | 'verification_failed'
  | 'cancelled'

export const taskStatuses: readonly TaskStatus[] = [
  'pending',
  'assigned',
  'running',
  'pending_verification',
  'completed',
  'failed',
  'timeout',
  'verification_failed',
  'cancelled',
]
