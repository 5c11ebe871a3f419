import { list, text } from '../kernel/shape.ts'
import { ClientError } from './client-error.ts'

/** Addresses that relays named beside those that were given. */
const learntMax = 16
const addressLengthMax = 500

/** An address, or several: in a list, or with commas. */
export type RelayNames = string | URL | readonly (string | URL)[]

/** The URLs of `http://a, http://b`. Throws a ClientError `BadUrl` for what is no address of a page. */
export function relayUrls(given: RelayNames): [URL, ...URL[]] {
  const texts = [given].flat().flatMap((each) => String(each).split(','))
  const [first, ...others] = texts.map((each) => urlOf(each.trim()) ?? badUrl(each))
  return [first ?? badUrl(''), ...others]
}

/** The address of a relay's page; `undefined` for what is none. */
export function urlOf(address: unknown): URL | undefined {
  if (typeof address !== 'string' || address.length > addressLengthMax || !URL.canParse(address)) {
    return undefined
  }
  const url = new URL(address)
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined
}

/** Why nothing can be there, whoever listens: WHATWG Fetch, 2.9, refuses the ports of other protocols. */
export const faultOfPort = (relay: URL, reason: string): string | undefined =>
  reason === 'bad port' ? `port ${relay.port} is one that browsers and fetch refuse` : undefined

function badUrl(address: string): never {
  const message = `${JSON.stringify(address)} is not the address of a relay, as http://localhost:8080`
  throw new ClientError('BadUrl', message)
}

/** The relays of one network: which of them is asked now, and which comes when it is away. */
export class RelayAddresses {
  #all: readonly URL[]
  #current: URL
  readonly #failed = new Set<URL>()
  #learnt = 0

  constructor(given: [URL, ...URL[]]) {
    this.#all = given
    this.#current = given[0]
  }

  get current(): URL {
    return this.#current
  }

  get isOnly(): boolean {
    return this.#all.length === 1
  }

  /** Goes on to the next. False when each has failed since the last answer, and waiting is due. */
  failed(relay: URL): boolean {
    // Of several requests under way the first that fails moves on for all.
    if (relay !== this.#current) return true
    this.#failed.add(relay)
    this.#current = this.#all[(this.#all.indexOf(relay) + 1) % this.#all.length]!
    const isAnyLeft = this.#all.some((each) => !this.#failed.has(each))
    if (!isAnyLeft) this.#failed.clear()
    return isAnyLeft
  }

  answered(): void {
    this.#failed.clear()
  }

  /** What a relay says of the others; nothing that is no address, and no more than a few. */
  learn(relays: unknown): void {
    if (list(text(addressLengthMax), learntMax).check(relays, 'relays') !== undefined) return
    for (const address of relays as readonly string[]) {
      const url = urlOf(address)
      if (url !== undefined) this.#add(url)
    }
  }

  /** Asks that one next. False when it is one too many. */
  goTo(url: URL): boolean {
    const relay = this.#add(url)
    if (relay !== undefined) this.#current = relay
    return relay !== undefined
  }

  /** Never asks that one again. False, and nothing done, when it is the only one. */
  drop(relay: URL): boolean {
    if (this.isOnly) return false
    const next = this.#all[(this.#all.indexOf(relay) + 1) % this.#all.length]!
    if (relay === this.#current) this.#current = next
    this.#all = this.#all.filter((each) => each !== relay)
    return true
  }

  /** For messages. */
  toString(): string {
    return this.#all.map((each) => each.origin).join(', ')
  }

  #add(url: URL): URL | undefined {
    const known = this.#all.find((each) => each.origin === url.origin)
    if (known !== undefined || this.#learnt >= learntMax) return known
    this.#learnt++
    this.#all = [...this.#all, url]
    return url
  }
}
