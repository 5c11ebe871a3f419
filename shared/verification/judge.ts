import type { Hash } from '../kernel/ids.ts'
import type { VerificationPolicy } from '../task/task.ts'

/** `open`: more answers are needed. `disagreed`: no further answer of this round can make a quorum. */
export type Verdict =
  | { readonly kind: 'open' }
  | { readonly kind: 'agreed'; readonly outcomeHash: Hash }
  | { readonly kind: 'disagreed' }

/** The verdict of one round, from the outcome hashes of its answers so far, one per worker. */
export function judge(outcomeHashes: readonly Hash[], policy: VerificationPolicy): Verdict {
  const counts = new Map<Hash, number>()
  let most = 0
  for (const hash of outcomeHashes) {
    const count = (counts.get(hash) ?? 0) + 1
    counts.set(hash, count)
    if (count >= policy.quorum) return { kind: 'agreed', outcomeHash: hash }
    most = Math.max(most, count)
  }
  const still = policy.replicas - outcomeHashes.length
  return most + still < policy.quorum ? { kind: 'disagreed' } : { kind: 'open' }
}
