import type { Instant } from '../kernel/ids.ts'
import type { VerificationPolicy } from '../task/task.ts'

/**
 * What a worker's verified history says of it, for adaptive policies. Only answers count that were verified: by other
 * workers' independent answers (another operator, another subnet) or by a task whose answer was known.
 *
 * After L. F. G. Sarmenta, "Sabotage-tolerance mechanisms for volunteer computing systems", Future Generation Computer
 * Systems 18(4), 2002: a result is believed by the credibility of those who gave it, and a worker by the checks it has
 * passed.
 */
export interface Credibility {
  /** Verified answers that agreed; each counts 1 when it comes, and less with every day. */
  readonly agreed: number
  /** As `agreed`, of those that did not. */
  readonly disagreed: number
  readonly lastDisagreedAt: Instant | null
  /** Day since the epoch up to which the counts have aged. */
  readonly day: number
}

export const noCredibility: Credibility = { agreed: 0, disagreed: 0, lastDisagreedAt: null, day: 0 }

/**
 * Share of adaptive tasks that are replicated in full all the same, so that who is believed is still looked at.
 *
 * A worker that turns to lying once it is believed gives 1/s wrong answers on average until it is seen, s being this
 * share. Where such workers do at most a share f of the work, and an error rate of r asks for f/(s·r) verified answers
 * first, then wrong answers are at most a share r of all. Sarmenta takes f = 0.1 for a pessimistic network; with
 * s = 0.1 too that is 1/r, which is what `errorRate` asks for.
 *
 * A worker must not be able to tell such a task from others before it has answered.
 */
export const spotCheckShare = 0.1
/** Share of a worker's attempts that are tasks with a known answer, where nobody else could verify it. */
export const canaryShare = 0.01

/** Of a worker without history. */
const startRate = 0.25
/** What one disagreement adds where an agreement takes 1: a worker at rate r has to earn 20/r agreements to be there again. */
const disagreementWeight = 20
/** So long after a disagreement nothing is believed of a worker (REP-02 looks at the same 24 hours). */
const distrustMs = 24 * 60 * 60_000
/** An answer that says nothing: it neither adds to a group nor takes from it. */
const rateMax = 0.5
/** 2^(−1/30): counts are halved in 30 days. A literal, since powers are not the same on every engine. */
const agePerDay = 0.9771599684342459
const dayMs = 24 * 60 * 60_000
/** After so many days nothing is left of a count. */
const daysMax = 3_000

/** One more verified answer. */
export function withVerdict(before: Credibility, verdict: 'agreed' | 'disagreed', now: Instant): Credibility {
  const { agreed, disagreed, lastDisagreedAt, day } = aged(before, now)
  return verdict === 'agreed'
    ? { agreed: agreed + 1, disagreed, lastDisagreedAt, day }
    : { agreed, disagreed: disagreed + 1, lastDisagreedAt: now, day }
}

/**
 * The chance that an answer of this worker is wrong, pessimistically: Laplace's rule of succession from `startRate`,
 * with disagreements weighing 20. From 0.25 down to 1/(4 + agreed); never over 0.5.
 */
export function errorRate(credibility: Credibility, now: Instant): number {
  const { agreed, disagreed, lastDisagreedAt } = aged(credibility, now)
  if (lastDisagreedAt !== null && now - lastDisagreedAt < distrustMs) return rateMax
  const against = 1 + disagreementWeight * disagreed
  return Math.min(rateMax, against / (against + (1 / startRate - 1) + agreed))
}

export const rateOfUnknown = startRate

/**
 * The chance that a group is wrong whose answers agree: all of its workers erred alike, or none did, so the product of
 * the rates is held against that of their complements (Sarmenta, section 4.2, with one group). It is above the mere
 * product, which would be the chance before it is known that they agree. 0.5 for nobody.
 */
export function groupErrorRate(rates: readonly number[]): number {
  let wrong = 1
  let right = 1
  for (const rate of rates) {
    const within = rate >= 0 && rate < rateMax ? rate : rateMax
    wrong *= within
    right *= 1 - within
  }
  return wrong / (wrong + right)
}

/**
 * How many replicas to hand out at first, to workers of these error rates in the order in which they would be taken:
 * as many as are enough if they agree, else all.
 */
export function replicasFor(policy: VerificationPolicy, rates: readonly number[]): number {
  const { replicas, errorTarget } = policy
  if (errorTarget === undefined) return replicas
  for (let count = 1; count < replicas && count <= rates.length; count++) {
    if (groupErrorRate(rates.slice(0, count)) <= errorTarget) return count
  }
  return replicas
}

/** The policy by which a task is verified that is replicated in full whatever is believed of its workers. */
export function withoutCredibility({ errorTarget: _, ...fixed }: VerificationPolicy): VerificationPolicy {
  return fixed
}

function aged(credibility: Credibility, now: Instant): Credibility {
  const { agreed, disagreed, lastDisagreedAt, day } = credibility
  const today = Math.floor(now / dayMs)
  if (today <= day) return credibility
  let factor = 1
  if (agreed + disagreed > 0) {
    for (let left = Math.min(daysMax, today - day); left > 0; left--) factor *= agePerDay
  }
  return { agreed: agreed * factor, disagreed: disagreed * factor, lastDisagreedAt, day: today }
}
