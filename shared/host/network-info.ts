import type { Hash, PeerId } from '../kernel/ids.ts'
import { Refusal } from '../kernel/refusal.ts'
import { hashText, list, object, parse, peerIdText, text } from '../kernel/shape.ts'
import { NetworkError } from './network.ts'

/** What `GET /api/v1/network` tells. */
export interface NetworkInfo {
  readonly networkId: Hash
  readonly peerId: PeerId
  readonly multiaddrs: readonly string[]
  readonly policy: string
  /** URLs of all relays of the network that live. */
  readonly relays: readonly string[]
}

/** Fields may be added to what a relay says of itself. */
const fields = {
  networkId: hashText,
  peerId: peerIdText,
  multiaddrs: list(text(500), 64),
  policy: text(20),
  relays: list(text(500, /^https?:\/\/./), 64),
}
const answerMs = 10_000

/** Asks a relay, by the URL of its page, what its network is; NetworkError `DialFailed` says why it did not answer. */
export async function fetchNetworkInfo(relay: string): Promise<NetworkInfo> {
  let value: unknown
  try {
    const response = await fetch(new URL('/api/v1/network', relay), {
      cache: 'no-store',
      signal: AbortSignal.timeout(answerMs),
    })
    if (!response.ok) throw new Error(`it answered ${response.status}`)
    value = await response.json()
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new NetworkError('DialFailed', `The relay at ${relay} cannot be reached (${reason})`, error)
  }
  const info = readNetworkInfo(value)
  if (info instanceof Refusal) {
    throw new NetworkError('DialFailed', `What answers at ${relay} is not a Tabmesh relay (${info.message})`)
  }
  return info
}

function readNetworkInfo(value: unknown): NetworkInfo | Refusal {
  const told = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
  const known = Object.fromEntries(Object.keys(fields).map((name) => [name, told[name]]))
  return parse(object(fields), { ...known, relays: known['relays'] ?? [] }, 'network')
}
