import type { Hash } from '../../shared/kernel/ids.ts'

/** The network this profile was in before, if any: enough to start while the relay is away. */
export function rememberedNetwork(profile: string): Hash | undefined {
  const kept = localStorage.getItem(keyOf(profile))
  return kept !== null && /^[0-9a-f]{64}$/.test(kept) ? (kept as Hash) : undefined
}

export function rememberNetwork(profile: string, networkId: Hash): void {
  localStorage.setItem(keyOf(profile), networkId)
}

/** NET-06: the relays of that network, as one of them named them last. */
export function rememberedRelays(profile: string): readonly string[] {
  const kept = localStorage.getItem(relaysKeyOf(profile))?.split('\n') ?? []
  return kept.filter((relay) => URL.canParse(relay))
}

export function rememberRelays(profile: string, relays: readonly string[]): void {
  localStorage.setItem(relaysKeyOf(profile), relays.join('\n'))
}

const relaysKeyOf = (profile: string): string => `tabmesh/${profile}/relays`
const keyOf = (profile: string): string => `tabmesh/${profile}/network`

const jobsKey = (profile: string): string => `tabmesh/${profile}/jobs`

/** Whether a job was ever run by the profile's page. */
export const hasJobs = (profile: string): boolean => localStorage.getItem(jobsKey(profile)) !== null

export function rememberJobs(profile: string): void {
  localStorage.setItem(jobsKey(profile), 'yes')
}
