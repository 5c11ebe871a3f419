import {
  boolean,
  bytes,
  hashText,
  integer,
  jobIdText,
  list,
  nullable,
  object,
  oneOf,
  peerIdText,
  type Shape,
  tagged,
  taskIdText,
  text,
} from '../kernel/shape.ts'
import { handBackReasons } from './messages.ts'
import { inlineBytesMax } from './payload.ts'
import { guestErrors, priorities, taskStatuses } from './task.ts'
import { instantText, outcomeShape, seedText } from './task-shape.ts'
import { policyShape } from './verification-policy.ts'

/** Shapes of task messages as they come from a peer. Lists are bounded by SEC-08's 256 items a batch. */
const itemsMax = 256
/** Messages of a guest's error, and its stack, in characters. */
const errorMessageMax = 1_000
const errorStackMax = 4_000
const GiB = 2 ** 30

const signature = bytes(64, 64)
const attemptNumber = integer(1, 1_000_000)
const epochNumber = integer(1, 1_000_000)
const durationMs = integer(0, Number.MAX_SAFE_INTEGER)

/** A task one may submit: its limits within what any worker could grant. */
const submittableTaskShape = object({
  taskId: taskIdText,
  jobId: nullable(jobIdText),
  index: integer(0, Number.MAX_SAFE_INTEGER),
  submitter: peerIdText,
  programHash: hashText,
  inputHash: hashText,
  seed: seedText,
  limits: object({
    fuel: integer(1, Number.MAX_SAFE_INTEGER),
    memoryBytes: integer(1024 * 1024, 2 * GiB),
    stackBytes: integer(1024, 1024 * 1024),
    outputBytes: integer(1, 64 * 1024 * 1024),
    logBytes: integer(0, 1024 * 1024),
    maxDurationSeconds: integer(1, 24 * 60 * 60),
  }),
  verification: policyShape(integer(1, 100)),
  submittedAt: instantText,
})

const payloadShape = tagged('kind', {
  inline: object({ kind: oneOf(['inline'] as const), bytes: bytes(inlineBytesMax) }),
  blob: object({
    kind: oneOf(['blob'] as const),
    hash: hashText,
    sizeBytes: integer(0, 2 * GiB),
  }),
})

const submissionShape = object(
  {
    task: submittableTaskShape,
    signature,
    taskType: text(64),
    priority: oneOf(priorities as readonly ['critical', 'normal', 'low']),
    programSizeBytes: integer(0, 2 * GiB),
    input: payloadShape,
  },
  { epoch: epochNumber },
)

const key = { taskId: taskIdText, epoch: epochNumber, attempt: attemptNumber }
const attemptKey = object(key)

const commitmentFields = { hash: hashText, salt: bytes(32, 32), signature }

const answer = object({
  ...key,
  taskDigest: hashText,
  outcome: outcomeShape,
  outcomeHash: hashText,
  at: instantText,
  output: nullable(payloadShape),
  error: nullable(object({ message: text(errorMessageMax), stack: nullable(text(errorStackMax)) })),
  durationMs,
  commitment: object(commitmentFields),
})

const admission = object({
  operator: nullable(hashText),
  subnetTag: nullable(text(64, /^[0-9a-f]+$/)),
  relay: peerIdText,
  signature,
})

const vote = object(
  {
    peerId: peerIdText,
    epoch: epochNumber,
    attempt: attemptNumber,
    outcomeHash: hashText,
    at: instantText,
    batch: object({
      root: hashText,
      index: integer(0, itemsMax - 1),
      size: integer(1, itemsMax),
      path: list(hashText, 16),
      signature,
    }),
    admission: nullable(admission),
  },
  { output: bytes(inlineBytesMax) },
)

const transition: Shape<readonly [string, number]> = {
  check(value, path) {
    const fine =
      Array.isArray(value) &&
      value.length === 2 &&
      (taskStatuses as readonly unknown[]).includes(value[0]) &&
      Number.isSafeInteger(value[1])
    return fine ? undefined : `${path}: expected a status and a time`
  },
}

const finishedTask = object({
  task: submittableTaskShape,
  signature,
  status: oneOf(['completed', 'failed', 'timeout', 'cancelled'] as const),
  outcome: nullable(outcomeShape),
  output: nullable(payloadShape),
  error: nullable(
    object({
      kind: oneOf([...guestErrors, 'host', 'wallClock', 'noQuorum'] as const),
      message: text(errorMessageMax),
      stack: nullable(text(errorStackMax)),
    }),
  ),
  votes: list(vote, 16),
  commitment: nullable(object({ ...commitmentFields, peerId: peerIdText })),
  attempts: integer(0, 1_000_000),
  durationMs,
  transitions: list(transition, 10_000),
})

export const taskMessageShapes = {
  'task/offer': object({
    type: oneOf(['task/offer'] as const),
    slots: integer(0, 4_096),
    capacity: integer(0, 4_096),
    holding: list(
      object({ ...key, runningMs: nullable(durationMs), progress: integer(0, Number.MAX_SAFE_INTEGER) }),
      4_096,
    ),
  }),
  'task/assign': object({
    type: oneOf(['task/assign'] as const),
    items: list(
      object({
        ...key,
        task: submittableTaskShape,
        signature,
        programSizeBytes: integer(0, 2 * GiB),
        input: payloadShape,
      }),
      itemsMax,
    ),
  }),
  'task/answers': object({
    type: oneOf(['task/answers'] as const),
    items: list(answer, itemsMax),
    signature,
  }),
  'task/settle': object({
    type: oneOf(['task/settle'] as const),
    taken: list(attemptKey, itemsMax),
    dropped: list(attemptKey, itemsMax),
  }),
  'task/committed': object({
    type: oneOf(['task/committed'] as const),
    items: list(object({ taskId: taskIdText, peerId: peerIdText, hash: hashText }), itemsMax),
  }),
  'task/handBack': object({
    type: oneOf(['task/handBack'] as const),
    items: list(
      object({
        ...key,
        reason: oneOf(handBackReasons as readonly ['host', 'wallClock', 'paused', 'leaving', 'unverifiable']),
      }),
      itemsMax,
    ),
  }),
  'task/submit': object({ type: oneOf(['task/submit'] as const), items: list(submissionShape, itemsMax) }),
  'task/submitReply': object({
    type: oneOf(['task/submitReply'] as const),
    items: list(
      object({ taskId: taskIdText, accepted: boolean }, { code: text(64), message: text(1_000) }),
      itemsMax,
    ),
  }),
  'task/waiting': object({ type: oneOf(['task/waiting'] as const), missingWorkers: integer(0, 1_000) }),
  'task/finished': object({ type: oneOf(['task/finished'] as const), items: list(finishedTask, itemsMax) }),
  'task/finishedReceived': object({
    type: oneOf(['task/finishedReceived'] as const),
    taskIds: list(taskIdText, itemsMax),
  }),
  'task/seek': object({ type: oneOf(['task/seek'] as const) }),
  'task/withdraw': object({
    type: oneOf(['task/withdraw'] as const),
    items: list(object({ taskId: taskIdText, epoch: epochNumber }), itemsMax),
  }),
  'task/withdrawn': object({
    type: oneOf(['task/withdrawn'] as const),
    taskIds: list(taskIdText, itemsMax),
  }),
  'task/cancel': object({ type: oneOf(['task/cancel'] as const), taskIds: list(taskIdText, itemsMax) }),
}
