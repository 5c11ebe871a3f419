import type { Hash } from '../../shared/kernel/ids.ts'

/** The network this profile was in before, if any: enough to start while the relay is away. */
export function rememberedNetwork(profile: string): Hash | undefined {
  const kept = localStorage.getItem(keyOf(profile))
  return kept !== null && /^[0-9a-f]{64}$/.test(kept) ? (kept as Hash) : undefined
}

export function rememberNetwork(profile: string, networkId: Hash): void {
  localStorage.setItem(keyOf(profile), networkId)
}

const keyOf = (profile: string): string => `tabmesh/${profile}/network`
