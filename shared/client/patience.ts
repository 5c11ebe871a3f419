import { ClientError, type RelayAway, RelayBusy } from './client-error.ts'
import type { Clock } from './clock.ts'
import type { RelayAddresses } from './relay-addresses.ts'

/** What a client tells while it works. */
export type Notice =
  | { readonly type: 'away'; readonly reason: string; readonly waitSeconds: number }
  | { readonly type: 'back' }
  /** Another relay of the network is asked from now on. */
  | { readonly type: 'moved'; readonly relay: string; readonly reason: string }
  /** A relay that serves another network is asked no more. */
  | { readonly type: 'dropped'; readonly relay: string }
  /** The relay takes no more tasks or requests for now; they are tried again. */
  | { readonly type: 'busy'; readonly message: string }

export interface PatienceInit {
  readonly relays: RelayAddresses
  /** How long all relays may be away before the client gives up. */
  readonly waitSeconds: number
  readonly clock: Clock
  readonly notice: (notice: Notice) => void
}

const firstBackoffMs = 250
const backoffMsMax = 5_000

/** Waits while no relay answers, longer each time, and gives up in the end. */
export class Patience {
  readonly #init: PatienceInit
  /** Since when nothing but failures came; `undefined` when the last request was answered. */
  #awaySince: number | undefined
  #isAwayTold = false

  constructor(init: PatienceInit) {
    this.#init = init
  }

  /** Rejects with a ClientError when it has taken too long: with the relay's own words, where it gave any. */
  async wait(away: RelayAway, tries: number, signal: AbortSignal): Promise<void> {
    const { clock, waitSeconds } = this.#init
    const now = clock.now()
    this.#awaySince ??= now
    this.#tell(away)
    const leftMs = this.#awaySince + waitSeconds * 1_000 - now
    if (leftMs <= 0) throw away instanceof RelayBusy ? away.refusal : this.#givenUp(away)
    const atLeastMs = away instanceof RelayBusy ? away.retryAfterMs : 0
    const backoffMs = Math.min(backoffMsMax, firstBackoffMs * 1.6 ** tries) * (0.8 + 0.4 * Math.random())
    await clock.sleep(Math.min(Math.max(backoffMs, atLeastMs), leftMs), signal)
  }

  answered(): void {
    this.#awaySince = undefined
    if (!this.#isAwayTold) return
    this.#isAwayTold = false
    this.#init.notice({ type: 'back' })
  }

  #tell(away: RelayAway): void {
    const { waitSeconds, notice } = this.#init
    if (away instanceof RelayBusy) return notice({ type: 'busy', message: away.message })
    if (this.#isAwayTold || waitSeconds === 0) return
    this.#isAwayTold = true
    notice({ type: 'away', reason: away.message, waitSeconds })
  }

  #givenUp(away: RelayAway): ClientError {
    const { waitSeconds, relays } = this.#init
    const waited = waitSeconds > 0 ? ` Gave up after ${waitSeconds} s.` : ''
    const which = relays.isOnly ? `The relay at ${relays} cannot` : `None of the relays ${relays} can`
    return new ClientError('Unreachable', `${which} be reached: ${away.message}.${waited}`, away)
  }
}
