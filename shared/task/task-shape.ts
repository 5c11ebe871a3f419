import {
  hashText,
  integer,
  jobIdText,
  nullable,
  object,
  oneOf,
  peerIdText,
  type Shape,
  tagged,
  taskIdText,
  text,
} from '../kernel/shape.ts'
import { guestErrors, type Outcome, type Task } from './task.ts'
import { policyShape } from './verification-policy.ts'

/** ISO 8601 UTC with milliseconds, and no other way to write the same time. */
export const instantPattern =
  /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3])(:[0-5]\d){2}\.\d{3}Z$/

export const instantText: Shape<string> = text(24, instantPattern)
export const seedText: Shape<string> = text(64, /^[0-9a-f]{64}$/)

const anyCount = integer(0, Number.MAX_SAFE_INTEGER)

export const taskShape: Shape<Task> = object({
  taskId: taskIdText,
  jobId: nullable(jobIdText),
  index: anyCount,
  submitter: peerIdText,
  programHash: hashText,
  inputHash: hashText,
  seed: seedText,
  limits: object({
    fuel: anyCount,
    memoryBytes: anyCount,
    stackBytes: anyCount,
    outputBytes: anyCount,
    logBytes: anyCount,
    maxDurationSeconds: anyCount,
  }),
  verification: policyShape(anyCount),
  submittedAt: instantText,
})

export const outcomeShape: Shape<Outcome> = tagged('kind', {
  ok: object({ kind: oneOf(['ok']), outputHash: hashText }),
  error: object({ kind: oneOf(['error']), error: oneOf(guestErrors) }),
})
