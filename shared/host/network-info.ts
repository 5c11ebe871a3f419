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
}

const shape = object({
  networkId: hashText,
  peerId: peerIdText,
  multiaddrs: list(text(500), 64),
  policy: text(20),
})
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
  const info = parse(shape, value, 'network')
  if (info instanceof Refusal) {
    throw new NetworkError('DialFailed', `What answers at ${relay} is not a Tabmesh relay (${info.message})`)
  }
  return info
}
