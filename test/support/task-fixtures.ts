import { toHex } from '../../shared/kernel/bytes.ts'
import type { Hash, JobId, PeerId, TaskId } from '../../shared/kernel/ids.ts'
import { commitmentHash, outcomeHash, taskDigest } from '../../shared/task/digest.ts'
import type { Answer, Assignment, Commitment, Submission } from '../../shared/task/messages.ts'
import type { Payload } from '../../shared/task/payload.ts'
import {
  defaultLimits,
  defaultVerification,
  type GuestError,
  type Limits,
  type Outcome,
  type VerificationPolicy,
} from '../../shared/task/task.ts'
import { sha256 } from '../sim/model-programs.ts'

/** Where the tests' time starts: texts of it have the wire's form. */
export const startMs = Date.UTC(2030, 0, 1)

const base58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/** Peer ids that sort as their numbers do. */
export function peerId(n: number): PeerId {
  let text = ''
  for (let rest = n; rest > 0; rest = Math.floor(rest / 58)) text = base58[rest % 58] + text
  return `12D3KooW${text.padStart(44, '1')}` as PeerId
}

const uuid = (kind: string, n: number) => `${kind}0000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`
export const taskId = (n: number) => uuid('0', n) as TaskId
export const jobId = (n: number) => uuid('a', n) as JobId

export const hashOf = (of: string | Uint8Array): Hash =>
  toHex(sha256(typeof of === 'string' ? Buffer.from(of) : of)) as Hash
export const inline = (text: string): Payload => ({
  kind: 'inline',
  bytes: new Uint8Array(Buffer.from(text)),
})

export interface TaskOptions
  extends Partial<Pick<Submission, 'taskType' | 'priority' | 'programSizeBytes' | 'input'>> {
  readonly submitter?: PeerId
  readonly jobId?: JobId
  readonly index?: number
  readonly verification?: Partial<VerificationPolicy>
  readonly limits?: Partial<Limits>
}

/** Peer 1 submits unless said otherwise. */
export function makeTask(n: number, options: TaskOptions = {}): Submission {
  return {
    task: {
      taskId: taskId(n),
      jobId: options.jobId ?? null,
      index: options.index ?? 0,
      submitter: options.submitter ?? peerId(1),
      programHash: hashOf('program'),
      inputHash: options.input?.kind === 'blob' ? options.input.hash : hashOf(`input ${n}`),
      seed: '5'.repeat(64),
      limits: { ...defaultLimits, ...options.limits },
      verification: { ...defaultVerification, ...options.verification },
      submittedAt: new Date(startMs).toISOString(),
    },
    signature: new Uint8Array(64).fill(1),
    taskType: options.taskType ?? 'javascript',
    priority: options.priority ?? 'normal',
    programSizeBytes: options.programSizeBytes ?? 100,
    input: options.input ?? inline(`input ${n}`),
  }
}

export function assignmentOf(submission: Submission, attempt: number): Assignment {
  const { task, signature, programSizeBytes, input } = submission
  return { taskId: task.taskId, epoch: 1, attempt, task, signature, programSizeBytes, input }
}

/** The output as text, or the error the program ended with. */
export type Said = string | { readonly error: GuestError }

/** A well-formed answer; `over` replaces parts of it, and everything that follows from a changed outcome stays. */
/** As it leaves a worker. */
export type GivenAnswer = Answer & { readonly commitment: Commitment }

export function answerTo(assignment: Assignment, said: Said, over: Partial<GivenAnswer> = {}): GivenAnswer {
  const outcome: Outcome =
    typeof said === 'string' ? { kind: 'ok', outputHash: hashOf(said) } : { kind: 'error', error: said.error }
  const hash = outcomeHash(outcome, sha256)
  const salt = sha256(Buffer.from(`salt ${assignment.attempt}`))
  return {
    taskId: assignment.taskId,
    epoch: assignment.epoch,
    attempt: assignment.attempt,
    taskDigest: taskDigest(assignment.task, sha256),
    outcome,
    outcomeHash: hash,
    at: new Date(startMs).toISOString(),
    output: typeof said === 'string' ? inline(said) : null,
    error: typeof said === 'string' ? null : { message: `it ${said.error}`, stack: null },
    durationMs: 5,
    commitment: { hash: commitmentHash(salt, hash, sha256), salt, signature: new Uint8Array(64) },
    ...over,
  }
}
