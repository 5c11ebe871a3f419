import type { JudgedAnswer } from '../../shared/task/coordinator-ports.ts'
import { outcomeHash } from '../../shared/task/digest.ts'
import type { GuestError } from '../../shared/task/task.ts'
import { sha256 } from '../sim/model-programs.ts'
import { hashOf } from '../support/task-fixtures.ts'

/** The output as text, with what is believed of its worker where that matters. */
export type Judged = string | { readonly output: string; readonly errorRate?: number }

export function judged(said: Judged): JudgedAnswer {
  const { output, ...rest } = typeof said === 'string' ? { output: said } : said
  return { ...answerOf(Buffer.from(output)), ...rest }
}

/** An answer whose output is inline. */
export function answerOf(bytes: Uint8Array): JudgedAnswer {
  const outcome = { kind: 'ok', outputHash: hashOf(bytes) } as const
  return { outcome, outcomeHash: outcomeHash(outcome, sha256), output: { kind: 'inline', bytes } }
}

export function errorOf(error: GuestError): JudgedAnswer {
  const outcome = { kind: 'error', error } as const
  return { outcome, outcomeHash: outcomeHash(outcome, sha256), output: null }
}

/** The same outcome, its bytes elsewhere. */
export function asBlob(answer: JudgedAnswer): JudgedAnswer {
  const hash = answer.outcome.kind === 'ok' ? answer.outcome.outputHash : hashOf('')
  return { ...answer, output: { kind: 'blob', hash, sizeBytes: 10 } }
}

export function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]]
  return items.flatMap((item, at) =>
    permutations(items.filter((_, other) => other !== at)).map((rest) => [item, ...rest]),
  )
}
