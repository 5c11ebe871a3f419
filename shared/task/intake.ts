import { equalBytes, fromHex } from '../kernel/bytes.ts'
import type { PeerId, Sha256 } from '../kernel/ids.ts'
import { type Refusal, refuse } from '../kernel/refusal.ts'
import type { PeerStanding } from './coordinator-ports.ts'
import type { Submission } from './messages.ts'
import { sizeOf } from './payload.ts'
import { blobPayloadBytesMax, blobPayloadTooLarge } from './task.ts'
import { faultOfAskedPolicy } from './verification-policy.ts'

/** TSK-02. `model_inference` and `data_analysis` run wherever the sandbox knows the program's form. */
export const taskTypes: readonly string[] = [
  'text_processing',
  'data_analysis',
  'model_inference',
  'javascript',
  'wasi',
]

/** What is wrong with a submission by itself, whoever coordinates it. The signature was verified by the host. */
export function checkSubmission(
  submission: Submission,
  from: PeerId,
  standing: PeerStanding,
  sha256: Sha256,
): Refusal | undefined {
  const { task, input } = submission
  if (task.submitter !== from)
    return refuse('NotSubmitter', `task ${task.taskId} names another submitter than the sender`)
  const forbidden = standing.maySubmit(from, submission.priority)
  if (forbidden !== undefined) return forbidden
  if (!taskTypes.includes(submission.taskType)) {
    return refuse('UnsupportedTaskType', `Unsupported task type: ${submission.taskType}`)
  }
  if (sizeOf(input) > blobPayloadBytesMax || submission.programSizeBytes > blobPayloadBytesMax) {
    return refuse('PayloadTooLarge', blobPayloadTooLarge)
  }
  const inputMatches =
    input.kind === 'blob'
      ? input.hash === task.inputHash
      : equalBytes(sha256(input.bytes), fromHex(task.inputHash))
  if (!inputMatches) return refuse('InputMismatch', `input of task ${task.taskId} is not what inputHash says`)
  const fault = faultOfAskedPolicy(task.verification)
  return fault === undefined
    ? undefined
    : refuse('BadVerificationPolicy', `verification of task ${task.taskId}: ${fault}`)
}
