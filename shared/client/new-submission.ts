import type { CryptoPort } from '../host/crypto-port.ts'
import { toHex } from '../kernel/bytes.ts'
import type { Hash, JobId, TaskId } from '../kernel/ids.ts'
import { uuidV4 } from '../kernel/uuid.ts'
import { taskDigest, taskSigningBytes } from '../task/digest.ts'
import type { Submission } from '../task/messages.ts'
import { inlineBytesMax } from '../task/payload.ts'
import {
  defaultLimits,
  defaultVerification,
  type Limits,
  type Priority,
  type Task,
  type VerificationPolicy,
} from '../task/task.ts'
import { type JobState, namesOf } from './job-state.ts'

/** What the tasks of one job have in common. */
export interface TaskPlan {
  readonly networkId: Hash
  readonly programHash: Hash
  readonly programSizeBytes: number
  readonly taskType: string
  readonly jobId: JobId | null
  readonly priority?: Priority | undefined
  readonly limits?: Partial<Limits> | undefined
  readonly verification?: VerificationPolicy | undefined
  /** Makes a task the same each time it is made of the same input; without it every one is new. */
  readonly fixed?: Pick<JobState, 'secret' | 'submittedAt'> | undefined
}

/** A task of the plan for one input, signed by this node. Inputs over 4 KiB go by reference: upload them first. */
export async function newSubmission(
  plan: TaskPlan,
  index: number,
  input: Uint8Array,
  crypto: CryptoPort,
  now: Date,
): Promise<Submission> {
  const inputHash = toHex(crypto.sha256(input)) as Hash
  const { fixed } = plan
  const names =
    fixed === undefined
      ? { taskId: newUuid(crypto) as TaskId, seed: toHex(crypto.randomBytes(32)) }
      : namesOf(fixed.secret, index, crypto.sha256)
  const task: Task = {
    taskId: names.taskId,
    jobId: plan.jobId,
    index,
    submitter: crypto.self,
    programHash: plan.programHash,
    inputHash,
    seed: names.seed,
    limits: { ...defaultLimits, ...plan.limits },
    verification: plan.verification ?? defaultVerification,
    submittedAt: fixed?.submittedAt ?? now.toISOString(),
  }
  return {
    task,
    signature: await crypto.sign(taskSigningBytes(plan.networkId, taskDigest(task, crypto.sha256))),
    taskType: plan.taskType,
    priority: plan.priority ?? 'normal',
    programSizeBytes: plan.programSizeBytes,
    input:
      input.length <= inlineBytesMax
        ? { kind: 'inline', bytes: input }
        : { kind: 'blob', hash: inputHash, sizeBytes: input.length },
  }
}

/** UUID v4 of the port's randomness. */
export const newUuid = (crypto: Pick<CryptoPort, 'randomBytes'>): string => uuidV4(crypto.randomBytes(16))
