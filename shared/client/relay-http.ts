import type { CryptoPort } from '../host/crypto-port.ts'
import { toHex } from '../kernel/bytes.ts'
import type { Hash, PeerId } from '../kernel/ids.ts'
import { hashText, list, peerIdText, text } from '../kernel/shape.ts'
import { ClientError, explainFetchError, RelayAway } from './client-error.ts'
import type { Clock } from './clock.ts'
import { requestSigningBytes, signingHeaders } from './http-signing.ts'
import { newUuid } from './new-submission.ts'

/** What a relay says of itself. */
export interface NetworkInfo {
  readonly networkId: Hash
  readonly peerId: PeerId
  readonly multiaddrs: readonly string[]
  readonly policy: string
}

/** What a client tells while it works. */
export type Notice =
  | { readonly type: 'away'; readonly reason: string; readonly waitSeconds: number }
  | { readonly type: 'back' }
  /** The relay takes no more tasks for now; they are tried again. */
  | { readonly type: 'busy'; readonly message: string }

export interface RelayHttpInit {
  readonly relay: URL
  readonly crypto: CryptoPort
  /** How long the relay may be away before the client gives up. */
  readonly waitSeconds: number
  readonly clock: Clock
  readonly fetch: typeof fetch
  readonly notice: (notice: Notice) => void
}

interface Request {
  readonly method: string
  /** Path with query. */
  readonly path: string
  readonly body?: Uint8Array
  readonly contentType?: string
  /** Besides those of the signature; not signed. */
  readonly headers?: Readonly<Record<string, string>>
}

const answerMs = 30_000
const networkAnswerMs = 10_000
const firstBackoffMs = 250
const backoffMsMax = 5_000
/** Of a problem's text that is shown. */
const detailMax = 1_000

/** Signed requests to one relay, and what to do while it is away. */
export class RelayHttp {
  readonly #init: RelayHttpInit
  #network: NetworkInfo | undefined
  /** Since when nothing but failures came; `undefined` when the last request was answered. */
  #awaySince: number | undefined

  constructor(init: RelayHttpInit) {
    this.#init = init
  }

  /** Throws before the first `reach`. */
  get network(): NetworkInfo {
    if (this.#network === undefined) throw new ClientError('Unreachable', 'the relay was not asked yet')
    return this.#network
  }

  /**
   * Asks the relay what its network is, again and again while it is away. Rejects with a ClientError after the wait, or
   * when the network is another than before.
   */
  async reach(signal: AbortSignal): Promise<NetworkInfo> {
    for (let tries = 0; ; tries++) {
      try {
        const network = await this.#askNetwork(signal)
        this.#sameNetwork(network)
        this.#network = network
        return network
      } catch (error) {
        if (!(error instanceof RelayAway)) throw error
        await this.#waitAway(error, tries, signal)
      }
    }
  }

  /** Repeats an attempt that finds the relay away, until the wait is over. What it does may be done twice. */
  async persist<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (let tries = 0; ; tries++) {
      try {
        const result = await attempt()
        this.#answered()
        return result
      } catch (error) {
        if (!(error instanceof RelayAway)) throw error
        await this.#waitAway(error, tries, signal)
        await this.reach(signal)
      }
    }
  }

  /**
   * One signed request. Rejects with RelayAway when there is no answer, with a ClientError `Refused` when the relay
   * says no. The time limit is for the head of the answer; its body may take as long as it takes.
   */
  async send(request: Request, signal: AbortSignal): Promise<Response> {
    const { method, path, body, contentType, headers } = request
    const response = await this.#fetch(
      path,
      {
        method,
        headers: {
          ...(await this.#signature(request)),
          ...headers,
          ...(body === undefined ? {} : { 'content-type': contentType ?? 'application/json' }),
        },
        ...(body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer> }),
      },
      answerMs,
      signal,
    )
    if (response.ok) return response
    const problem = await problemOf(response)
    if (problem.code === 'BadSignature') {
      // The relay may have begun anew under the same address: then it is another network, and that is the news.
      await this.reach(signal)
    }
    throw new RefusedRequest(response.status, problem.code, problem.detail, response.headers)
  }

  /** As `send`, with the answer's JSON. */
  async json(request: Request, signal: AbortSignal): Promise<unknown> {
    const response = await this.send(request, signal)
    try {
      return await response.json()
    } catch (error) {
      throw signal.aborted ? signal.reason : new RelayAway('the answer broke off', error)
    }
  }

  async #signature({ method, path, body }: Request): Promise<Record<string, string>> {
    const { crypto } = this.#init
    const id = newUuid(crypto)
    const time = new Date().toISOString()
    const bodyHash = toHex(crypto.sha256(body ?? new Uint8Array(0))) as Hash
    const head = { networkId: this.network.networkId, method, path, id, time }
    const signature = await crypto.sign(requestSigningBytes(head, bodyHash))
    return {
      [signingHeaders.key]: crypto.self,
      [signingHeaders.id]: id,
      [signingHeaders.time]: time,
      [signingHeaders.signature]: toHex(signature),
    }
  }

  async #fetch(path: string, init: RequestInit, limitMs: number, signal: AbortSignal): Promise<Response> {
    const limit = new AbortController()
    const timer = setTimeout(
      () => limit.abort(new DOMException('no answer in time', 'TimeoutError')),
      limitMs,
    )
    try {
      const either = AbortSignal.any([signal, limit.signal])
      const response = await this.#init.fetch(new URL(path, this.#init.relay), {
        ...init,
        signal: either,
        redirect: 'error',
      })
      // A proxy in front of a relay that is away says so with these.
      const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json') ?? false
      if (response.status >= 500 && (!isProblem || response.status === 500)) {
        throw new RelayAway(`it answered ${response.status}`)
      }
      return response
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (error instanceof RelayAway) throw error
      throw this.#away(error)
    } finally {
      clearTimeout(timer)
    }
  }

  #away(error: unknown): Error {
    const { reason, code } = explainFetchError(error)
    // WHATWG Fetch, 2.9: the ports of other protocols are refused whoever listens there.
    if (reason === 'bad port') {
      const words = `port ${this.#init.relay.port} is one that browsers and fetch refuse`
      return new ClientError(
        'Unreachable',
        `The relay at ${this.#shown()} cannot be reached: ${words}`,
        error,
      )
    }
    // A name that has never meant anything is a slip of the pen, and no reason to wait.
    if (code === 'ENOTFOUND' && this.#network === undefined) {
      return new ClientError(
        'UnknownHost',
        `The relay at ${this.#shown()} cannot be reached: ${reason}`,
        error,
      )
    }
    return new RelayAway(reason, error)
  }

  async #askNetwork(signal: AbortSignal): Promise<NetworkInfo> {
    const response = await this.#fetch('/api/v1/network', { method: 'GET' }, networkAnswerMs, signal)
    let value: unknown
    try {
      value = await response.json()
    } catch {
      signal.throwIfAborted()
    }
    if (response.ok && isNetworkInfo(value)) return value
    if (this.#network !== undefined) throw new RelayAway('something else answers in its place')
    throw new ClientError('NotARelay', `What answers at ${this.#shown()} is not a Tabmesh relay`)
  }

  #sameNetwork({ networkId }: NetworkInfo): void {
    const before = this.#network?.networkId
    if (before === undefined || before === networkId) return
    throw new ClientError(
      'NetworkChanged',
      `The relay at ${this.#shown()} now serves another network (${networkId.slice(0, 8)}, before ${before.slice(0, 8)}): submit again`,
    )
  }

  async #waitAway(away: RelayAway, tries: number, signal: AbortSignal): Promise<void> {
    const { clock, waitSeconds, notice } = this.#init
    const now = clock.now()
    if (this.#awaySince === undefined) {
      this.#awaySince = now
      if (waitSeconds > 0) notice({ type: 'away', reason: away.message, waitSeconds })
    }
    const leftMs = this.#awaySince + waitSeconds * 1_000 - now
    if (leftMs <= 0) {
      const waited = waitSeconds > 0 ? ` Gave up after ${waitSeconds} s.` : ''
      throw new ClientError(
        'Unreachable',
        `The relay at ${this.#shown()} cannot be reached: ${away.message}.${waited}`,
        away,
      )
    }
    const backoffMs = Math.min(backoffMsMax, firstBackoffMs * 1.6 ** tries) * (0.8 + 0.4 * Math.random())
    await clock.sleep(Math.min(backoffMs, leftMs), signal)
  }

  #answered(): void {
    if (this.#awaySince === undefined) return
    this.#awaySince = undefined
    this.#init.notice({ type: 'back' })
  }

  #shown(): string {
    return this.#init.relay.origin
  }
}

/** The relay's no, with its code. */
export class RefusedRequest extends ClientError {
  readonly status: number
  readonly problem: string
  readonly headers: Headers

  constructor(status: number, problem: string, detail: string, headers = new Headers()) {
    super('Refused', detail)
    this.name = 'RefusedRequest'
    this.status = status
    this.problem = problem
    this.headers = headers
  }
}

async function problemOf(response: Response): Promise<{ readonly code: string; readonly detail: string }> {
  const fallback = { code: 'Unknown', detail: `the relay answered ${response.status}` }
  try {
    const { code, detail } = (await response.json()) as { code?: unknown; detail?: unknown }
    if (typeof code !== 'string' || typeof detail !== 'string') return fallback
    return { code, detail: detail.slice(0, detailMax) }
  } catch {
    return fallback
  }
}

const multiaddrList = list(text(500), 64)

/** Fields may be added to what a relay says of itself. */
function isNetworkInfo(value: unknown): value is NetworkInfo {
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
