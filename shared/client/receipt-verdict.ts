import type { Sha256 } from '../kernel/ids.ts'
import { outcomeHash } from '../task/digest.ts'
import type { ReceiptTask } from '../task/receipt.ts'
import type { VerificationPolicy } from '../task/task.ts'
import { policyInOrder } from '../task/verification-policy.ts'

/** What a receipt is worth. Counts are 0 when it is not valid. */
export interface ReceiptVerdict {
  readonly valid: boolean
  /** What is wrong, and with which task; only when it is not valid. */
  readonly reason?: string
  readonly tasks: number
  /** Distinct keys that voted. */
  readonly workers: number
  /** Distinct operators as their relays stated them; those of whom nothing is known count together as one. */
  readonly operators: number
  /** As `operators`, of the networks (/24, IPv6 /48) that the voters came from. */
  readonly subnets: number
  /** The policies that the tasks name, each with how it was met. */
  readonly policies: readonly PolicyTally[]
  /** `none given`, or what the voters were held against. */
  readonly trust: string
}

/** One policy, and the tasks of the receipt that were verified by it. */
export interface PolicyTally extends VerificationPolicy {
  readonly tasks: number
  /** Tasks with fewer votes than the quorum, which an error target allows. */
  readonly belowQuorum: number
  /** Tasks whose votes are not for the same bytes, and too few of them for those of the outcome. */
  readonly differing: number
}

/** Where the voters were held against nothing. */
const noTrust = 'none given'

/** What tasks are worth whose every signature and hash holds. */
export function verdictOn(tasks: readonly ReceiptTask[], trust: string, sha256: Sha256): ReceiptVerdict {
  const votes = tasks.flatMap((task) => task.votes)
  return {
    valid: true,
    tasks: tasks.length,
    workers: new Set(votes.map((vote) => vote.peerId)).size,
    operators: new Set(votes.map((vote) => vote.admission?.operator ?? null)).size,
    subnets: new Set(votes.map((vote) => vote.admission?.subnetTag ?? null)).size,
    policies: tallyPolicies(tasks, sha256),
    trust,
  }
}

/** The verdict on a receipt that does not stand. */
export const invalidReceipt = (reason: string, trust = noTrust): ReceiptVerdict => ({
  ...{ valid: false, reason, tasks: 0, workers: 0, operators: 0, subnets: 0, policies: [], trust },
})

function tallyPolicies(tasks: readonly ReceiptTask[], sha256: Sha256): PolicyTally[] {
  const tallies = new Map<string, PolicyTally>()
  for (const { task, outcome, votes } of tasks) {
    const policy = policyInOrder(task.verification)
    const name = JSON.stringify(policy)
    const before = tallies.get(name) ?? { ...policy, tasks: 0, belowQuorum: 0, differing: 0 }
    const hash = outcomeHash(outcome, sha256)
    const same = votes.filter((vote) => vote.outcomeHash === hash).length
    tallies.set(name, {
      ...before,
      tasks: before.tasks + 1,
      belowQuorum: before.belowQuorum + (votes.length < policy.quorum ? 1 : 0),
      differing: before.differing + (same < Math.min(votes.length, policy.quorum) ? 1 : 0),
    })
  }
  return [...tallies.values()]
}

/** One line for people, as FORMATS gives it. */
export function describeVerdict(verdict: ReceiptVerdict): string {
  if (!verdict.valid) return `invalid: ${verdict.reason}`
  const { tasks, workers, operators, trust, policies } = verdict
  const counts = [counted(tasks, 'task'), counted(workers, 'worker'), counted(operators, 'operator')]
  const otherwise = policies.flatMap(decidedOtherwise)
  const policy = otherwise.length === 0 ? '' : `, policy: ${otherwise.join(', ')}`
  return `valid: ${counts.join(', ')}, trust: ${trust}${policy}`
}

/** What of a policy's tasks does not rest on a quorum of votes for the same bytes. */
function decidedOtherwise(tally: PolicyTally): string[] {
  const { belowQuorum, differing, comparator, tolerance, errorTarget } = tally
  const within = tolerance === undefined ? '' : ` (tolerance ${tolerance})`
  return [
    ...(belowQuorum === 0 ? [] : [`${belowQuorum} adaptive (error target ${errorTarget})`]),
    ...(differing === 0 ? [] : [`${differing} ${comparator}${within}`]),
  ]
}

export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
