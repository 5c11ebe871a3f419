import { toHex } from '../kernel/bytes.ts'
import type { Hash, PeerId } from '../kernel/ids.ts'
import type { Refusal } from '../kernel/refusal.ts'
import {
  hashText,
  integer,
  list,
  nullable,
  object,
  oneOf,
  parse,
  peerIdText,
  type Shape,
  text,
} from '../kernel/shape.ts'
import type { FinishedTask, Vote } from './messages.ts'
import { inlineBytesMax } from './payload.ts'
import type { Outcome, Task } from './task.ts'
import { instantText, outcomeShape, taskShape } from './task-shape.ts'
import { policyInOrder } from './verification-policy.ts'

/** The JSON form of FORMATS, "Receipt". Byte strings are lowercase hex. */
export interface Receipt {
  readonly format: typeof receiptFormat
  readonly networkId: Hash
  readonly tasks: readonly ReceiptTask[]
}

export interface ReceiptTask {
  readonly task: Task
  readonly submitterSignature: string
  readonly outcome: Outcome
  readonly votes: readonly ReceiptVote[]
  readonly commitment: ReceiptCommitment | null
}

export interface ReceiptVote {
  readonly peerId: PeerId
  readonly epoch: number
  readonly attempt: number
  readonly outcomeHash: Hash
  readonly at: string
  readonly batch: ReceiptBatch
  readonly admission: ReceiptAdmission | null
  /** Hex of the bytes it voted for: with every vote of a task whose votes differ in them, else with none. */
  readonly output?: string
}

export interface ReceiptBatch {
  readonly root: Hash
  readonly index: number
  /** Leaves of the voter's tree, which is a power of two. */
  readonly size: number
  readonly path: readonly Hash[]
  readonly signature: string
}

export interface ReceiptAdmission {
  readonly operator: Hash | null
  readonly subnetTag: string | null
  readonly relay: PeerId
  readonly signature: string
}

export interface ReceiptCommitment {
  readonly peerId: PeerId
  readonly hash: Hash
  readonly salt: string
  readonly signature: string
}

export const receiptFormat = 'tabmesh-receipt/1'
/** More would not fit one JSON text anyway. */
const tasksMax = 1_000_000
/** No policy asks for more replicas. */
const votesMax = 16
const pathMax = 16

const signatureText: Shape<string> = text(128, /^[0-9a-f]{128}$/)
const counter = integer(0, Number.MAX_SAFE_INTEGER)

const voteShape: Shape<ReceiptVote> = object(
  {
    peerId: peerIdText,
    epoch: counter,
    attempt: counter,
    outcomeHash: hashText,
    at: instantText,
    batch: object({
      root: hashText,
      index: counter,
      size: counter,
      path: list(hashText, pathMax),
      signature: signatureText,
    }),
    admission: nullable(
      object({
        operator: nullable(hashText),
        subnetTag: nullable(text(64, /^([0-9a-f]{2}){1,32}$/)),
        relay: peerIdText,
        signature: signatureText,
      }),
    ),
  },
  { output: text(2 * inlineBytesMax, /^(?:[0-9a-f]{2})*$/) },
)

const receiptTaskShape: Shape<ReceiptTask> = object({
  task: taskShape,
  submitterSignature: signatureText,
  outcome: outcomeShape,
  votes: list(voteShape, votesMax),
  commitment: nullable(
    object({
      peerId: peerIdText,
      hash: hashText,
      salt: text(64, /^[0-9a-f]{64}$/),
      signature: signatureText,
    }),
  ),
})

const receiptShape: Shape<Receipt> = object({
  format: oneOf([receiptFormat]),
  networkId: hashText,
  tasks: list(receiptTaskShape, tasksMax),
})

/** The value as a receipt in form; nothing is said of its signatures. */
export const parseReceipt = (value: unknown): Receipt | Refusal => parse(receiptShape, value, 'receipt')

/** What a receipt says of one task; `undefined` when no quorum stands behind its end. */
export function receiptTask(finished: FinishedTask): ReceiptTask | undefined {
  const { task, signature, outcome, votes, commitment } = finished
  if (outcome === null) return undefined
  return {
    task: inOrder(task),
    submitterSignature: toHex(signature),
    outcome:
      outcome.kind === 'ok'
        ? { kind: 'ok', outputHash: outcome.outputHash }
        : { kind: 'error', error: outcome.error },
    votes: votes.map(receiptVote),
    commitment: commitment && {
      peerId: commitment.peerId,
      hash: commitment.hash,
      salt: toHex(commitment.salt),
      signature: toHex(commitment.signature),
    },
  }
}

/** A receipt is written without white space: every byte of it is then part of what is checked. */
export const receiptText = {
  head: (networkId: Hash): string =>
    `{"format":${JSON.stringify(receiptFormat)},"networkId":${JSON.stringify(networkId)},"tasks":[`,
  task: (task: ReceiptTask, isFirst: boolean): string => `${isFirst ? '' : ','}${JSON.stringify(task)}`,
  tail: ']}',
} as const

function receiptVote(vote: Vote): ReceiptVote {
  const { batch, admission } = vote
  return {
    peerId: vote.peerId,
    epoch: vote.epoch,
    attempt: vote.attempt,
    outcomeHash: vote.outcomeHash,
    at: vote.at,
    batch: {
      root: batch.root,
      index: batch.index,
      size: batch.size,
      path: [...batch.path],
      signature: toHex(batch.signature),
    },
    admission: admission && {
      operator: admission.operator,
      subnetTag: admission.subnetTag,
      relay: admission.relay,
      signature: toHex(admission.signature),
    },
    ...(vote.output === undefined ? {} : { output: toHex(vote.output) }),
  }
}

/** Fields as FORMATS lists them; rows of a store come back in the codec's order. */
function inOrder(task: Task): Task {
  const { limits, verification } = task
  return {
    taskId: task.taskId,
    jobId: task.jobId,
    index: task.index,
    submitter: task.submitter,
    programHash: task.programHash,
    inputHash: task.inputHash,
    seed: task.seed,
    limits: {
      fuel: limits.fuel,
      memoryBytes: limits.memoryBytes,
      stackBytes: limits.stackBytes,
      outputBytes: limits.outputBytes,
      logBytes: limits.logBytes,
      maxDurationSeconds: limits.maxDurationSeconds,
    },
    verification: policyInOrder(verification),
    submittedAt: task.submittedAt,
  }
}
