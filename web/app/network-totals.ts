import type { ReactiveController, ReactiveControllerHost } from 'lit'

/** What the relay says of the whole network. */
export interface NetworkTotals {
  readonly peers: number
  readonly workers: number
  readonly slots: number
}

/** Asked this often while someone looks, in ms. */
const everyMs = 5_000

/** Asks the page's relay for the totals of the network as long as its host is on the page; the last answer stands. */
export class TotalsWatch implements ReactiveController {
  readonly #host: ReactiveControllerHost
  #timer: ReturnType<typeof setInterval> | undefined
  #totals: NetworkTotals | undefined

  constructor(host: ReactiveControllerHost) {
    this.#host = host
    host.addController(this)
  }

  get totals(): NetworkTotals | undefined {
    return this.#totals
  }

  hostConnected(): void {
    this.#timer = setInterval(() => void this.#ask(), everyMs)
    void this.#ask()
  }

  hostDisconnected(): void {
    clearInterval(this.#timer)
  }

  async #ask(): Promise<void> {
    if (document.visibilityState !== 'visible') return
    try {
      const response = await fetch('/api/v1/status', { signal: AbortSignal.timeout(everyMs) })
      if (response.ok) this.#totals = read(await response.json())
    } catch {
      // The relay is away, as the header says; what it said last is out of date.
      this.#totals = undefined
    }
    this.#host.requestUpdate()
  }
}

/** The counts in an answer; a relay of another version may say something else. */
function read(status: {
  readonly peers?: { readonly total?: unknown }
  readonly workers?: { readonly count?: unknown; readonly slots?: unknown }
}): NetworkTotals | undefined {
  const { total } = status.peers ?? {}
  const { count, slots } = status.workers ?? {}
  if (!isCount(total) || !isCount(count) || !isCount(slots)) return undefined
  return { peers: total, workers: count, slots }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
