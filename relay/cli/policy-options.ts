import { type Command, InvalidArgumentError, Option } from 'commander'
import { wholePolicy } from '../../shared/client/call-check.ts'
import { type Comparator, comparators, type VerificationPolicy } from '../../shared/task/task.ts'
import {
  errorTargetMax,
  faultOfAskedPolicy,
  replicasMax,
  replicasMin,
  toleranceBelow,
} from '../../shared/task/verification-policy.ts'
import { UsageError } from './usage-error.ts'

/** How the results are to be verified, as the flags of `submit` say it. */
export interface PolicyOptions {
  readonly replicas?: number
  readonly quorum?: number
  readonly comparator?: Comparator
  readonly tolerance?: number
  /** The error target. */
  readonly adaptive?: number
}

export const withPolicyFlags = (command: Command): Command =>
  command
    .addOption(new Option('--replicas <n>', 'workers that run each item (default: 3)').argParser(numberOf))
    .addOption(
      new Option('--quorum <n>', 'results that must agree (default: just over half)').argParser(numberOf),
    )
    .addOption(
      new Option('--comparator <comparator>', 'when two results agree (default: exact)').choices(comparators),
    )
    .addOption(
      new Option('--tolerance <x>', 'of numeric: |a − b| ≤ x · max(1, |a|, |b|)').argParser(numberOf),
    )
    .addOption(
      new Option(
        '--adaptive <target>',
        'let fewer workers of good record do, at this chance of a wrong result, as 0.001',
      ).argParser(numberOf),
    )

/** Throws a UsageError that says what to give instead. */
export function policyOf(options: PolicyOptions): VerificationPolicy {
  const { adaptive: errorTarget, ...given } = options
  const policy = wholePolicy({ ...given, ...(errorTarget === undefined ? {} : { errorTarget }) })
  const wrong = wrongFlag(policy) ?? faultOfAskedPolicy(policy)
  if (wrong !== undefined) throw new UsageError(wrong)
  return policy
}

function wrongFlag({ replicas, quorum, ...fields }: VerificationPolicy): string | undefined {
  const { comparator, tolerance, errorTarget } = fields
  if (!Number.isInteger(replicas) || replicas < replicasMin || replicas > replicasMax) {
    return `--replicas ${replicas}: give a whole number from ${replicasMin} to ${replicasMax}`
  }
  const least = Math.floor(replicas / 2) + 1
  if (!Number.isInteger(quorum) || quorum < least || quorum > replicas) {
    return `--quorum ${quorum}: of ${replicas} replicas, over half is from ${least} to ${replicas}`
  }
  if (comparator === 'numeric' && tolerance === undefined) {
    return '--comparator numeric: say with --tolerance how far two numbers may lie apart, as --tolerance 1e-6'
  }
  if (comparator !== 'numeric' && tolerance !== undefined) {
    return `--tolerance ${tolerance}: it goes with --comparator numeric`
  }
  if (tolerance !== undefined && !(tolerance >= 0 && tolerance < toleranceBelow)) {
    return `--tolerance ${tolerance}: give a number from 0 to below ${toleranceBelow}`
  }
  if (errorTarget !== undefined && !(errorTarget > 0 && errorTarget <= errorTargetMax)) {
    return `--adaptive ${errorTarget}: give a chance over 0 and at most ${errorTargetMax}, as 0.001`
  }
  return undefined
}

function numberOf(text: string): number {
  if (/^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text)
  throw new InvalidArgumentError('Expected a number, as 3, 0.001 or 1e-6.')
}
