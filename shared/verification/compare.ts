import type { JudgedAnswer } from '../task/coordinator-ports.ts'
import type { VerificationPolicy } from '../task/task.ts'
import { type JsonForm, jsonForm } from './json-form.ts'

type Comparison = Pick<VerificationPolicy, 'comparator' | 'tolerance'>
type Compared = Pick<JudgedAnswer, 'outcomeHash' | 'outcome' | 'output'>

/** DESIGN, "No payload in a machine": no output over this is at hand, wherever answers are compared. */
export const comparedBytesMax = 4 * 1024

/**
 * Whether two answers are the same under the policy. Symmetric; equal outcomes always are, so two errors of one kind
 * are, and an error and an output never. Under `json` and `numeric` two different outputs may be, where both are inline
 * (4 KiB): a machine does not see larger ones, and those agree by their hash only. Closeness under `numeric` is not
 * transitive.
 */
export const agrees = (a: Compared, b: Compared, policy: Comparison): boolean =>
  agreement([a, b], policy)(0, 1)

/** `agrees` for the answers by their indices; each output is read once, and only when it is asked about. */
export function agreement(
  answers: readonly Compared[],
  policy: Comparison,
): (a: number, b: number) => boolean {
  const forms = new Map<number, JsonForm | undefined>()
  const formOf = (at: number): JsonForm | undefined => {
    if (!forms.has(at)) forms.set(at, formOfAnswer(answers[at]!))
    return forms.get(at)
  }
  return (a, b) => {
    if (answers[a]!.outcomeHash === answers[b]!.outcomeHash) return true
    if (policy.comparator === 'exact') return false
    const [formA, formB] = [formOf(a), formOf(b)]
    return formA !== undefined && formB !== undefined && isSameForm(formA, formB, policy)
  }
}

function formOfAnswer({ outcome, output }: Compared): JsonForm | undefined {
  if (outcome.kind !== 'ok' || output?.kind !== 'inline') return undefined
  return output.bytes.length > comparedBytesMax ? undefined : jsonForm(output.bytes)
}

function isSameForm(a: JsonForm, b: JsonForm, { comparator, tolerance = 0 }: Comparison): boolean {
  if (a.length !== b.length) return false
  return a.every((one, at) => {
    const other = b[at]!
    if (typeof one === 'string' || typeof other === 'string') return one === other
    if (one.decimal === other.decimal) return true
    return comparator === 'numeric' && isClose(one.double, other.double, tolerance)
  })
}

/** |a − b| ≤ tolerance · max(1, |a|, |b|), in doubles. Numbers that no double can hold are close to none but themselves. */
function isClose(a: number, b: number, tolerance: number): boolean {
  if (!Number.isFinite(a) || !Number.isFinite(b)) return false
  return Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a), Math.abs(b))
}
