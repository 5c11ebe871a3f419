import { NetworkError } from '../../shared/host/network.ts'
import type { Hash, PeerId } from '../../shared/kernel/ids.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'
import { hashText, list, object, parse, peerIdText, text } from '../../shared/kernel/shape.ts'

/** What the relay that serves the page tells of its network. */
export interface NetworkInfo {
  readonly networkId: Hash
  readonly peerId: PeerId
  readonly multiaddrs: readonly string[]
  readonly policy: string
}

const infoShape = object({
  networkId: hashText,
  peerId: peerIdText,
  multiaddrs: list(text(500), 64),
  policy: text(20),
})

const answerMs = 10_000

/** Asks the relay at the origin; rejects with a NetworkError `DialFailed` that says why there is no answer. */
export async function fetchNetwork(origin: string): Promise<NetworkInfo> {
  let answer: unknown
  try {
    const response = await fetch(new URL('/api/v1/network', origin), {
      cache: 'no-store',
      signal: AbortSignal.timeout(answerMs),
    })
    if (!response.ok) throw new Error(`HTTP ${response.status}`)
    answer = await response.json()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new NetworkError('DialFailed', `The relay at ${origin} does not answer (${reason})`, error)
  }
  const info = parse(infoShape, answer, 'network')
  if (info instanceof Refusal) {
    throw new NetworkError('DialFailed', `What answers at ${origin} is not a relay (${info.message})`)
  }
  return info
}

/** The network this profile was in before, if any: enough to start while the relay is away. */
export function rememberedNetwork(profile: string): Hash | undefined {
  const kept = localStorage.getItem(keyOf(profile))
  return kept !== null && /^[0-9a-f]{64}$/.test(kept) ? (kept as Hash) : undefined
}

export function rememberNetwork(profile: string, networkId: Hash): void {
  localStorage.setItem(keyOf(profile), networkId)
}

const keyOf = (profile: string): string => `tabmesh/${profile}/network`
