import { toHex } from '../kernel/bytes.ts'
import type { Hash, Instant, Sha256 } from '../kernel/ids.ts'
import type { JudgedAnswer, Verdict, Verifier } from '../task/coordinator-ports.ts'
import type { Answer, BatchProof } from '../task/messages.ts'
import type { VerificationPolicy } from '../task/task.ts'
import { agrees } from './compare.ts'
import {
  type Credibility,
  canaryShare,
  errorRate,
  noCredibility,
  replicasFor,
  spotCheckShare,
  withoutCredibility,
  withVerdict,
} from './credibility.ts'
import { judge } from './judge.ts'
import { leafHash, proofPath, treeLevels } from './vote-tree.ts'

/** Verification as the coordinator asks for it. */
export class VoteVerifier implements Verifier {
  readonly #sha256: Sha256

  constructor(sha256: Sha256) {
    this.#sha256 = sha256
  }

  judge(answers: readonly JudgedAnswer[], policy: VerificationPolicy): Verdict {
    return judge(answers, policy)
  }

  agrees(answer: JudgedAnswer, outcome: JudgedAnswer, policy: VerificationPolicy): boolean {
    return agrees(answer, outcome, policy)
  }

  readonly spotCheckShare = spotCheckShare
  readonly canaryShare = canaryShare

  errorRate(known: Credibility | undefined, now: Instant): number {
    return errorRate(known ?? noCredibility, now)
  }

  withVerdict(known: Credibility | undefined, verdict: 'agreed' | 'disagreed', now: Instant): Credibility {
    return withVerdict(known ?? noCredibility, verdict, now)
  }

  replicasFor(policy: VerificationPolicy, rates: readonly number[]): number {
    return replicasFor(policy, rates)
  }

  withoutCredibility(policy: VerificationPolicy): VerificationPolicy {
    return withoutCredibility(policy)
  }

  proofs(answers: readonly Answer[], signature: Uint8Array): BatchProof[] {
    const levels = treeLevels(
      answers.map((answer) => leafHash(answer, this.#sha256)),
      this.#sha256,
    )
    const root = toHex(levels.at(-1)![0]!) as Hash
    return answers.map((_, index) => ({
      root,
      index,
      size: levels[0]!.length,
      path: proofPath(levels, index),
      signature,
    }))
  }
}
