import type { Hash, PeerId } from '../kernel/ids.ts'
import { hashText, list, peerIdText, text } from '../kernel/shape.ts'
import { ClientError, RelayAway, RelayBusy } from './client-error.ts'
import { urlOf } from './relay-addresses.ts'

/** What a relay says of itself. */
export interface NetworkInfo {
  readonly networkId: Hash
  readonly peerId: PeerId
  readonly multiaddrs: readonly string[]
  readonly policy: string
  /** Where the pages of the network's relays are, where the relay tells. */
  readonly relays?: readonly string[]
}

const multiaddrList = list(text(500), 64)

/** Fields may be added to what a relay says of itself. */
export function isNetworkInfo(value: unknown): value is NetworkInfo {
  if (typeof value !== 'object' || value === null) return false
  const { networkId, peerId, multiaddrs, policy } = value as Partial<Record<keyof NetworkInfo, unknown>>
  const faults = [
    hashText.check(networkId, 'networkId'),
    peerIdText.check(peerId, 'peerId'),
    multiaddrList.check(multiaddrs, 'multiaddrs'),
    text(20).check(policy, 'policy'),
  ]
  return faults.every((fault) => fault === undefined)
}

/** The relay's no, with its code. */
export class RefusedRequest extends ClientError {
  readonly status: number
  override readonly problem: string
  readonly headers: Headers

  constructor(status: number, problem: string, detail: string, headers = new Headers()) {
    super('Refused', detail)
    this.name = 'RefusedRequest'
    this.status = status
    this.problem = problem
    this.headers = headers
  }
}

/** Of a problem's text that is shown. */
const detailMax = 1_000
/** A relay that asks for more time is asked again after this all the same. */
const retryAfterMsMax = 60_000

/**
 * What an answer that is no success means: a RefusedRequest, or that it is to be asked for again. A relay says
 * `HeldElsewhere` of what another one has (409: on 421 `fetch` itself would send the same request twice), 503 while it
 * starts, ends or takes work over, 429 when it is asked for too much.
 */
export async function refusalOf(response: Response, relay: URL): Promise<RefusedRequest | RelayAway> {
  const { status, headers } = response
  const { code, detail, relay: holder } = await problemOf(response)
  const refusal = new RefusedRequest(status, code, detail, headers)
  if (code === 'HeldElsewhere') return new RelayAway(detail, refusal, { relay, goTo: urlOf(holder) })
  // A queue that is full is for whoever submits to deal with.
  if (status === 503 && code !== 'QueueFull') return new RelayAway(detail, refusal, { relay })
  if (status === 429) return new RelayBusy(refusal, retryAfterMs(headers))
  return refusal
}

function retryAfterMs(headers: Headers): number {
  const seconds = Number(headers.get('retry-after') ?? 0)
  return seconds >= 0 ? Math.min(retryAfterMsMax, 1_000 * seconds) : 0
}

interface ProblemFields {
  readonly code: string
  readonly detail: string
  readonly relay?: unknown
}

async function problemOf(response: Response): Promise<ProblemFields> {
  const fallback = { code: 'Unknown', detail: `the relay answered ${response.status}` }
  try {
    const { code, detail, relay } = (await response.json()) as Partial<Record<keyof ProblemFields, unknown>>
    if (typeof code !== 'string' || typeof detail !== 'string') return fallback
    return { code, detail: detail.slice(0, detailMax), relay }
  } catch {
    return fallback
  }
}
