import { number, object, oneOf, type Shape } from '../kernel/shape.ts'
import { comparators, type VerificationPolicy } from './task.ts'

/** TSK-09: at least three workers. */
export const replicasMin = 3
/** Replicas one task may ask for; more is a denial of service by submission. */
export const replicasMax = 7
/** At 1, zero would be as near as any other number. */
export const toleranceBelow = 1
/** Below what is believed of a worker without history: nobody's first word is ever enough. */
export const errorTargetMax = 0.1

/** What makes the policy none, whoever asks: in words for the person who wrote it. */
export function faultOfPolicy(policy: VerificationPolicy): string | undefined {
  const { replicas, quorum } = policy
  if (quorum < 2 || quorum > replicas || 2 * quorum <= replicas) {
    return `${quorum} of ${replicas} is no quorum: at least two, and over half of the replicas`
  }
  return faultOfFields(policy)
}

/** Which of its fields may not stand beside one another, or out of range. */
export function faultOfFields(
  policy: Pick<VerificationPolicy, 'comparator' | 'tolerance' | 'errorTarget'>,
): string | undefined {
  const { comparator, tolerance, errorTarget } = policy
  if (comparator === 'numeric' && tolerance === undefined) return 'the comparator numeric needs a tolerance'
  if (comparator !== 'numeric' && tolerance !== undefined) {
    return `a tolerance goes with the comparator numeric, not with ${comparator}`
  }
  if (tolerance !== undefined && !(tolerance >= 0 && tolerance < toleranceBelow)) {
    return `the tolerance ${tolerance} is not from 0 to below ${toleranceBelow}`
  }
  if (errorTarget !== undefined && !(errorTarget > 0 && errorTarget <= errorTargetMax)) {
    return `the error target ${errorTarget} is not over 0 and at most ${errorTargetMax}`
  }
  return undefined
}

/** A policy of a task that is handed in: within what one submitter may ask of a network. */
export function faultOfAskedPolicy(policy: VerificationPolicy): string | undefined {
  const { replicas } = policy
  return replicas < replicasMin || replicas > replicasMax
    ? `${replicas} replicas are not from ${replicasMin} to ${replicasMax}`
    : faultOfPolicy(policy)
}

/** Optional fields are absent where they say nothing: never null. Whether the quorum is one is for whoever takes the task. */
export function policyShape(count: Shape<number>): Shape<VerificationPolicy> {
  const fields: Shape<VerificationPolicy> = object(
    { replicas: count, quorum: count, comparator: oneOf(comparators) },
    { tolerance: number(0, toleranceBelow), errorTarget: number(0, errorTargetMax) },
  )
  return {
    check(value, path) {
      const wrong = fields.check(value, path)
      if (wrong !== undefined) return wrong
      const fault = faultOfFields(value as VerificationPolicy)
      return fault === undefined ? undefined : `${path}: ${fault}`
    },
  }
}

/** The policy with its fields as FORMATS lists them; rows of a store come back in the codec's order. */
export function policyInOrder(policy: VerificationPolicy): VerificationPolicy {
  const { replicas, quorum, comparator, tolerance, errorTarget } = policy
  return {
    replicas,
    quorum,
    comparator,
    ...(tolerance === undefined ? {} : { tolerance }),
    ...(errorTarget === undefined ? {} : { errorTarget }),
  }
}
