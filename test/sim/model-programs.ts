import { hash } from 'node:crypto'
import { toHex } from '../../shared/kernel/bytes.ts'
import type { Hash, Instant, JobId, PeerId, TaskId } from '../../shared/kernel/ids.ts'
import type { Random } from '../../shared/kernel/random.ts'
import type { Submission } from '../../shared/task/messages.ts'
import { defaultLimits, defaultVerification, type Task } from '../../shared/task/task.ts'
import type { Ran } from '../../shared/task/worker-ports.ts'

export const sha256 = (bytes: Uint8Array): Uint8Array => hash('sha256', bytes, 'buffer')

/** How long a model task runs on a worker of speed 1. */
const runMs = { min: 100, max: 5_000 }

export function makeSubmission(
  submitter: PeerId,
  now: Instant,
  random: Random,
  jobId: JobId | null = null,
): Submission {
  const input = Buffer.from(JSON.stringify({ n: random.uint32() }))
  const task: Task = {
    taskId: uuid(random) as TaskId,
    jobId,
    index: 0,
    submitter,
    programHash: modelProgram,
    inputHash: toHex(sha256(input)) as Hash,
    seed: random.hex(32),
    limits: defaultLimits,
    verification: defaultVerification,
    submittedAt: new Date(now).toISOString(),
  }
  return {
    task,
    signature: new Uint8Array(64),
    taskType: 'javascript',
    priority: 'normal',
    programSizeBytes: 100,
    input: { kind: 'inline', bytes: new Uint8Array(input) },
  }
}

const modelProgram = toHex(sha256(Buffer.from('model program'))) as Hash

/** The one right output of a task. */
const trueOutput = (task: Task): Uint8Array => sha256(Buffer.from(`answer to ${task.inputHash}`))
export const trueOutputHash = (task: Task): Hash => toHex(sha256(trueOutput(task))) as Hash

/** The same on every worker: a property of the task. */
export const durationMs = (task: Task): number => {
  const share = Number.parseInt(task.inputHash.slice(0, 8), 16) / 0xffffffff
  return Math.round(runMs.min + share * (runMs.max - runMs.min))
}

/** An answer as an honest or a lying worker gives it; liars of one `ring` tell the same lie. */
export function modelRun(
  task: Task,
  now: Instant,
  random: Random,
  lie: string | undefined,
  ms = durationMs(task),
): Ran {
  const output = lie === undefined ? trueOutput(task) : sha256(Buffer.from(`${lie} ${task.inputHash}`))
  return {
    kind: 'outcome',
    outcome: { kind: 'ok', outputHash: toHex(sha256(output)) as Hash },
    output: { kind: 'inline', bytes: output },
    error: null,
    durationMs: ms,
    at: new Date(now).toISOString(),
    salt: Buffer.from(random.hex(32), 'hex'),
  }
}

function uuid(random: Random): string {
  const hex = random.hex(16)
  const variant = '89ab'[random.below(4)]
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`
}
