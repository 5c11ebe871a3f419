import type { CryptoPort } from '../host/crypto-port.ts'
import { asciiBytes, concatBytes, fromHex, toHex } from '../kernel/bytes.ts'
import type { Hash, JobId, PeerId, Sha256, TaskId } from '../kernel/ids.ts'
import type { Refusal } from '../kernel/refusal.ts'
import {
  hashText,
  integer,
  jobIdText,
  object,
  oneOf,
  parse,
  peerIdText,
  type Shape,
  text,
} from '../kernel/shape.ts'
import { uuidV4 } from '../kernel/uuid.ts'
import {
  defaultLimits,
  defaultVerification,
  type Limits,
  type Priority,
  type VerificationPolicy,
} from '../task/task.ts'
import { instantText } from '../task/task-shape.ts'
import { ClientError } from './client-error.ts'
import type { TaskOptions } from './task-options.ts'

/**
 * All that has to be kept of a job for another process to go on with it: the inputs are given again from the first on,
 * and name the same tasks. JSON. Who has it can submit under the job's names, so keep it as a secret.
 */
export interface JobState {
  readonly format: 'tabmesh-job/1'
  readonly networkId: Hash
  readonly jobId: JobId
  readonly submitter: PeerId
  /** 64 hex digits. The job's tasks and seeds follow from it; who does not know it cannot take their names. */
  readonly secret: string
  /** ISO 8601; stands in every task of the job. */
  readonly submittedAt: string
  readonly programHash: Hash
  readonly task: TaskPolicy
  readonly cursor: JobCursor
}

/** What the tasks of a job ask for, with nothing left to defaults. */
export interface TaskPolicy extends TaskOptions {
  readonly priority: Priority
  readonly limits: Limits
  readonly verification: VerificationPolicy
}

export interface JobCursor {
  /** Items whose results were given out: the first ones. */
  readonly items: number
  /** Of these, those that failed. */
  readonly failed: number
  /** Chain of the inputs' hashes of these items: other inputs are noticed. */
  readonly inputs: Hash
}

const stateFormat = 'tabmesh-job/1'
/** The coordinator keeps ends under an index of nine digits. */
const itemsMax = 1_000_000_000
/** Where the chain begins. */
export const noInputs = '0'.repeat(64) as Hash

export function newJobState(
  crypto: CryptoPort,
  networkId: Hash,
  programHash: Hash,
  options: TaskOptions,
): JobState {
  return {
    format: stateFormat,
    networkId,
    jobId: uuidV4(crypto.randomBytes(16)) as JobId,
    submitter: crypto.self,
    secret: toHex(crypto.randomBytes(32)),
    submittedAt: new Date().toISOString(),
    programHash,
    task: policyOf(options),
    cursor: { items: 0, failed: 0, inputs: noInputs },
  }
}

const policyOf = (options: TaskOptions): TaskPolicy => ({
  taskType: options.taskType,
  priority: options.priority ?? 'normal',
  limits: { ...defaultLimits, ...options.limits },
  verification: options.verification ?? defaultVerification,
})

const anyObject: Shape<never> = {
  check: (value, path) =>
    typeof value === 'object' && value !== null ? undefined : `${path}: expected an object`,
}

/** What a task asks for is not looked into: it has to equal what is asked for when the job is gone on with. */
const stateShape: Shape<JobState> = object({
  format: oneOf([stateFormat]),
  networkId: hashText,
  jobId: jobIdText,
  submitter: peerIdText,
  secret: text(64, /^[0-9a-f]{64}$/),
  submittedAt: instantText,
  programHash: hashText,
  task: anyObject,
  cursor: object({ items: integer(0, itemsMax), failed: integer(0, itemsMax), inputs: hashText }),
})

/** Of what was kept as JSON; a refusal names the first field at fault. */
export const parseJobState = (value: unknown): JobState | Refusal => parse(stateShape, value, 'job')

/** Throws a ClientError `OtherJob` that says in what the job is another than the one that is to be gone on with. */
export function checkSameJob(kept: JobState, asked: JobState): void {
  const others = [
    kept.networkId === asked.networkId
      ? undefined
      : `network (${kept.networkId.slice(0, 8)}, now ${asked.networkId.slice(0, 8)})`,
    kept.submitter === asked.submitter ? undefined : `key (${kept.submitter}, now ${asked.submitter})`,
    kept.programHash === asked.programHash ? undefined : 'program',
    ...Object.keys({ ...kept.task, ...asked.task }).map((name) => {
      const [before, now] = [kept.task, asked.task].map((task) => inOrder(task[name as keyof TaskPolicy]))
      return before === now ? undefined : `${name} (${before}, now ${now})`
    }),
  ].filter((other) => other !== undefined)
  if (others.length === 0) return
  throw new ClientError('OtherJob', `The job was begun with another ${others.join(', another ')}`)
}

/** JSON with the names of fields in order. */
const inOrder = (value: unknown): string =>
  JSON.stringify(value, (_, field: unknown) =>
    typeof field === 'object' && field !== null && !Array.isArray(field)
      ? Object.fromEntries(Object.entries(field).sort(([a], [b]) => (a < b ? -1 : 1)))
      : field,
  )

/** What an item of the job is called, and all the randomness its run has. The same each time. */
export function namesOf(
  secret: string,
  index: number,
  sha256: Sha256,
): { readonly taskId: TaskId; readonly seed: string } {
  const place = new Uint8Array(8)
  new DataView(place.buffer).setBigUint64(0, BigInt(index))
  const derived = (what: string) =>
    sha256(concatBytes(asciiBytes(`tabmesh/job/1 ${what} `), fromHex(secret), place))
  return { taskId: uuidV4(derived('task')) as TaskId, seed: toHex(derived('seed')) }
}

/** The chain of inputs with one more. */
export const chained = (inputs: Hash, inputHash: Hash, sha256: Sha256): Hash =>
  toHex(sha256(concatBytes(fromHex(inputs), fromHex(inputHash)))) as Hash
