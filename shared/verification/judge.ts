import type { JudgedAnswer, Verdict } from '../task/coordinator-ports.ts'
import type { VerificationPolicy } from '../task/task.ts'
import { agreement } from './compare.ts'
import { groupErrorRate, rateOfUnknown } from './credibility.ts'

type Agree = (a: number, b: number) => boolean

/**
 * The verdict of one round, from its answers so far in order of arrival, one per worker.
 *
 * A quorum is a set of answers that agree pairwise, since closeness is not transitive. The first `replicas` answers
 * decide, so what is decided stays decided whatever comes later; later ones still count for or against their workers.
 *
 * Under an adaptive policy answers that all agree are enough as soon as their workers' error rates allow it, and not
 * before: not even a quorum is, until all replicas are in. Any dissent, and the fixed quorum decides.
 *
 * The outcome is the one that most of the quorum gave to the byte; among those, the first to arrive. It agrees with
 * every vote, and its worker committed to it when it could not know the others' answers.
 */
export function judge(answers: readonly JudgedAnswer[], policy: VerificationPolicy): Verdict {
  const agree = agreement(answers, policy)
  const all = answers.map((_, at) => at)
  const { replicas, quorum, errorTarget } = policy
  const isAdaptive = errorTarget !== undefined && answers.length < replicas
  if (isAdaptive && largestGroup(all, agree).length === all.length) {
    const rate = groupErrorRate(answers.map((answer) => answer.errorRate ?? rateOfUnknown))
    if (answers.length === 0 || rate > errorTarget) return { kind: 'open', wanted: 1 }
    return agreed(all, answers, agree, replicas, 'credibility')
  }
  // As they came in: with fewer than a quorum's worth nothing is agreed, and what cannot be agreed any more never will.
  const deciding = Math.min(answers.length, replicas)
  let largest: number[] = []
  for (let count = Math.min(quorum, deciding); count <= deciding; count++) {
    largest = largestGroup(all.slice(0, count), agree)
    if (largest.length >= quorum) return agreed(largest, answers, agree, replicas, 'quorum')
  }
  const wanted = quorum - largest.length
  return wanted > replicas - deciding ? { kind: 'disagreed' } : { kind: 'open', wanted }
}

function agreed(
  group: readonly number[],
  answers: readonly JudgedAnswer[],
  agree: Agree,
  replicas: number,
  by: 'quorum' | 'credibility',
): Verdict {
  const outcome = commonest(group, answers)
  const votes = [...group]
  for (const at of answers.keys()) {
    if (votes.length >= replicas) break
    if (!votes.includes(at) && votes.every((other) => agree(at, other))) votes.push(at)
  }
  const dissent = [...answers.keys()].filter((at) => !agree(at, outcome))
  return { kind: 'agreed', by, outcome, votes: votes.sort((a, b) => a - b), dissent }
}

/** Of the group, the first of those answers whose bytes most of it has. */
function commonest(group: readonly number[], answers: readonly JudgedAnswer[]): number {
  const count = (at: number): number =>
    group.filter((other) => answers[other]!.outcomeHash === answers[at]!.outcomeHash).length
  return group.reduce((best, at) => (count(at) > count(best) ? at : best))
}

/** The largest set that agrees pairwise; among equally large ones that of the earliest answers. At most `replicas` of them are tried. */
function largestGroup(candidates: readonly number[], agree: Agree): number[] {
  let best: number[] = []
  const extend = (group: readonly number[], rest: readonly number[]): void => {
    if (group.length > best.length) best = [...group]
    for (const [position, at] of rest.entries()) {
      if (group.length + rest.length - position <= best.length) return
      extend(
        [...group, at],
        rest.slice(position + 1).filter((other) => agree(at, other)),
      )
    }
  }
  extend([], candidates)
  return best
}
