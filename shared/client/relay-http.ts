import type { CryptoPort } from '../host/crypto-port.ts'
import { toHex } from '../kernel/bytes.ts'
import type { Hash } from '../kernel/ids.ts'
import { ClientError, type ClientErrorCode, explainFetchError, RelayAway, RelayBusy } from './client-error.ts'
import { requestSigningBytes, signingHeaders } from './http-signing.ts'
import { newUuid } from './new-submission.ts'
import { Patience, type PatienceInit } from './patience.ts'
import { faultOfPort } from './relay-addresses.ts'
import { isNetworkInfo, type NetworkInfo, RefusedRequest, refusalOf } from './relay-answer.ts'

export interface RelayHttpInit extends PatienceInit {
  readonly crypto: CryptoPort
  readonly fetch: typeof fetch
  /** Of the page that this runs in; none elsewhere. */
  readonly origin?: string | undefined
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
/** Times in a row that relays may name one another for the holder of a job before that takes a wait. */
const hopsMax = 4

/** Signed requests to the relays of one network, and what to do while they are away. */
export class RelayHttp {
  readonly #init: RelayHttpInit
  readonly #patience: Patience
  readonly #movedListeners = new Set<() => void>()
  #network: NetworkInfo | undefined
  /** The relay that said so. */
  #answering: URL | undefined
  #hops = 0
  #moves = 0
  #lastReason = ''

  constructor(init: RelayHttpInit) {
    this.#init = init
    this.#patience = new Patience(init)
  }

  /** Throws before the first `reach`. */
  get network(): NetworkInfo {
    if (this.#network === undefined) throw new ClientError('Unreachable', 'the relay was not asked yet')
    return this.#network
  }

  /** How often another relay than before was asked. */
  get moves(): number {
    return this.#moves
  }

  /** Calls back when another relay than before is asked, which may not know what the one before did. */
  onMoved(listener: () => void): () => void {
    this.#movedListeners.add(listener)
    return () => this.#movedListeners.delete(listener)
  }

  /**
   * Asks a relay what its network is, again and again while none answers. Rejects with a ClientError after the wait, or
   * when the network is another than before.
   */
  async reach(signal: AbortSignal): Promise<NetworkInfo> {
    for (let tries = 0; ; ) {
      const relay = this.#init.relays.current
      try {
        const network = await this.#askNetwork(relay, signal)
        if (!this.#isSameNetwork(relay, network)) continue
        this.#network = network
        this.#init.relays.learn(network.relays)
        this.#answeredBy(relay)
        return network
      } catch (error) {
        if (!(error instanceof RelayAway)) throw error
        tries += await this.#goOn(error, tries, signal)
      }
    }
  }

  /** Repeats an attempt that finds the relay away, until the wait is over. What it does may be done twice. */
  async persist<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (let tries = 0; ; ) {
      try {
        const result = await attempt()
        this.#answered()
        return result
      } catch (error) {
        if (!(error instanceof RelayAway)) throw error
        tries += await this.#goOn(error, tries, signal)
        await this.reach(signal)
      }
    }
  }

  /**
   * One signed request. Rejects with RelayAway when there is no answer, or one that is to be had elsewhere or later,
   * with a ClientError `Refused` when the relay says no. The time limit is for the head of the answer; its body may take
   * as long as it takes.
   */
  async send(request: Request, signal: AbortSignal): Promise<Response> {
    const { method, path, body, contentType, headers } = request
    const relay = this.#init.relays.current
    const init = {
      method,
      headers: {
        ...(await this.#signature(request)),
        ...headers,
        ...(body === undefined ? {} : { 'content-type': contentType ?? 'application/json' }),
      },
      ...(body === undefined ? {} : { body: body as Uint8Array<ArrayBuffer> }),
    }
    const response = await this.#fetch(relay, path, init, answerMs, signal)
    if (response.ok) return response
    const refusal = await refusalOf(response, relay)
    if (refusal instanceof RefusedRequest && refusal.problem === 'BadSignature') {
      // The relay may have begun anew under the same address: then it is another network, and that is the news.
      await this.reach(signal)
      if (relay !== this.#init.relays.current) throw new RelayAway(refusal.message, refusal, { relay })
    }
    throw refusal
  }

  /** As `send`, with the answer's text. */
  async text(request: Request, signal: AbortSignal): Promise<string> {
    const response = await this.send(request, signal)
    try {
      return await response.text()
    } catch (error) {
      throw signal.aborted ? signal.reason : new RelayAway('the answer broke off', error)
    }
  }

  /** As `send`, with the answer's JSON. */
  async json(request: Request, signal: AbortSignal): Promise<unknown> {
    const text = await this.text(request, signal)
    try {
      return JSON.parse(text)
    } catch (error) {
      throw new RelayAway('the answer broke off', error)
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

  async #fetch(
    relay: URL,
    path: string,
    init: RequestInit,
    limitMs: number,
    signal: AbortSignal,
  ): Promise<Response> {
    const limit = new AbortController()
    const timer = setTimeout(
      () => limit.abort(new DOMException('no answer in time', 'TimeoutError')),
      limitMs,
    )
    try {
      const either = AbortSignal.any([signal, limit.signal])
      const url = new URL(path, relay)
      const response = await this.#init.fetch(url, { ...init, signal: either, redirect: 'error' })
      // A proxy in front of a relay that is away says so with these.
      const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json') ?? false
      if (response.status >= 500 && (!isProblem || response.status === 500)) {
        throw new RelayAway(`it answered ${response.status}`, undefined, { relay })
      }
      return response
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (error instanceof RelayAway) throw error
      throw (await this.#originRefused(relay, error, limit.signal)) ?? this.#away(relay, error)
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * A browser does not tell a page of another origin why it got no answer. Where an open address answers, and that answer
   * may not be read, the relay is there and does not let this page use it.
   */
  async #originRefused(relay: URL, error: unknown, signal: AbortSignal): Promise<Error | undefined> {
    const own = this.#init.origin
    if (own === undefined || own === relay.origin || signal.aborted) return undefined
    const answers = (mode: RequestMode): Promise<boolean> =>
      this.#init.fetch(new URL('/api/v1/status', relay), { mode, signal }).then(
        () => true,
        () => false,
      )
    if (!(await answers('no-cors')) || (await answers('cors'))) return undefined
    const why = `it does not let pages of ${own} use it; its operator can, with the setting allowOrigin`
    return this.#hopeless('OriginRefused', relay, why, error)
  }

  #away(relay: URL, error: unknown): Error {
    const { reason, code } = explainFetchError(error)
    const words = faultOfPort(relay, reason)
    if (words !== undefined) return this.#hopeless('Unreachable', relay, words, error)
    // A name that has never meant anything is a slip of the pen, and no reason to wait.
    if (code === 'ENOTFOUND' && this.#network === undefined) {
      return this.#hopeless('UnknownHost', relay, reason, error)
    }
    return new RelayAway(reason, error, { relay })
  }

  async #askNetwork(relay: URL, signal: AbortSignal): Promise<NetworkInfo> {
    const init = { method: 'GET' }
    const response = await this.#fetch(relay, '/api/v1/network', init, networkAnswerMs, signal)
    let value: unknown
    try {
      value = await response.json()
    } catch {
      signal.throwIfAborted()
    }
    if (response.ok && isNetworkInfo(value)) return value
    if (this.#network !== undefined) {
      throw new RelayAway('something else answers in its place', undefined, { relay })
    }
    throw this.#hopeless('NotARelay', relay, 'what answers there is no relay')
  }

  /** What waiting does not mend; where there are other relays, one that is away like any other. */
  #hopeless(code: ClientErrorCode, relay: URL, reason: string, cause?: unknown): Error {
    if (!this.#init.relays.isOnly) return new RelayAway(reason, cause, { relay })
    const message =
      code === 'NotARelay'
        ? `What answers at ${relay.origin} is not a Tabmesh relay`
        : `The relay at ${relay.origin} cannot be reached: ${reason}`
    return new ClientError(code, message, cause)
  }

  /** False when it is another relay's turn instead. */
  #isSameNetwork(relay: URL, { networkId }: NetworkInfo): boolean {
    const before = this.#network?.networkId
    if (before === undefined || before === networkId) return true
    if (this.#init.relays.drop(relay)) {
      this.#init.notice({ type: 'dropped', relay: relay.origin })
      return false
    }
    throw new ClientError(
      'NetworkChanged',
      `The relay at ${relay.origin} now serves another network (${networkId.slice(0, 8)}, before ${before.slice(0, 8)}): submit again`,
    )
  }

  /** Makes another relay the one that is asked, or waits; says how many waits that were. */
  async #goOn(error: RelayAway, tries: number, signal: AbortSignal): Promise<0 | 1> {
    const { relays } = this.#init
    this.#lastReason = error.message
    if (error.goTo !== undefined && ++this.#hops <= hopsMax && relays.goTo(error.goTo)) return 0
    if (!(error instanceof RelayBusy) && error.relay !== undefined && relays.failed(error.relay)) return 0
    await this.#patience.wait(error, tries, signal)
    return 1
  }

  #answeredBy(relay: URL): void {
    const before = this.#answering
    this.#answering = relay
    if (before === undefined || before === relay) return
    this.#moves++
    this.#init.notice({ type: 'moved', relay: relay.origin, reason: this.#lastReason })
    for (const listener of this.#movedListeners) listener()
  }

  #answered(): void {
    this.#init.relays.answered()
    this.#patience.answered()
    this.#hops = 0
  }
}
