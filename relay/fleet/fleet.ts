import type { HostLog } from '../../shared/host/host-log.ts'
import type { PeerId } from '../../shared/kernel/ids.ts'
import type { Row } from '../../shared/kernel/machine.ts'
import { StorageError, type Store } from '../../shared/storage/store.ts'
import type { Lease } from '../storage/lease.ts'
import { ElsewhereError } from './elsewhere-error.ts'
import {
  addressKey,
  addressPrefix,
  decodeRow,
  encodeRow,
  peerOfAddress,
  type RelayAddress,
} from './fleet-rows.ts'
import { HomeSweep } from './home-sweep.ts'
import { type Elsewhere, Homes } from './homes.ts'
import { LeaseWatch } from './lease-watch.ts'
import { type Adopted, Takeovers } from './takeovers.ts'

export interface FleetParts {
  /** For what is written behind this relay's lease. */
  readonly rows: Store
  /** For what all relays read and write. */
  readonly common: Store
  readonly self: PeerId
  readonly lease: Lease
  readonly adopt: (rows: readonly Row[]) => Promise<Adopted>
  /** Tasks that a takeover takes in one step. */
  readonly tasksAtATime?: number
  readonly log: HostLog
  /** A defect of ours: this relay must end. */
  readonly failed: (error: unknown) => void
}

/** Homes that nobody needs cost little. */
const sweepMs = 60 * 60_000

/** The relays of a network as one of them sees them: who lives, who has what, and whose tasks are to be taken over. */
export class Fleet {
  readonly #parts: FleetParts
  readonly #watch: LeaseWatch
  readonly #takeovers: Takeovers
  readonly #homes: Homes
  readonly #homeSweep: HomeSweep
  #addresses: ReadonlyMap<PeerId, RelayAddress> = new Map()
  #timer: NodeJS.Timeout | undefined
  #sweeps: NodeJS.Timeout | undefined
  #sweeping: Promise<void> | undefined
  #looking: Promise<void> = Promise.resolve()
  #isStopped = false
  #isBlind = false

  constructor(parts: FleetParts) {
    const { common: store, self, lease, adopt, tasksAtATime, log } = parts
    const { token } = lease
    this.#parts = parts
    this.#watch = new LeaseWatch(store)
    this.#takeovers = new Takeovers({ store, self, token, adopt, tasksAtATime, log })
    this.#homes = new Homes({ store, self, token, isAlive: (peer) => this.#isAlive(peer) })
    this.#homeSweep = new HomeSweep({ store, self, homes: this.#homes })
  }

  /** Before this relay joins the network. */
  async resume(): Promise<void> {
    await this.#takeovers.resume()
  }

  /** Tells the others where this relay is, and begins to watch them. */
  async start(address: RelayAddress): Promise<void> {
    const { rows, lease, self } = this.#parts
    await rows.batch([{ key: addressKey(self), value: encodeRow(address) }], { fence: lease.fence })
    this.#addresses = new Map([[self, address]])
    this.#lookSoon(0)
    this.#sweeps = setInterval(() => void this.#sweep(), sweepMs)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#takeovers.stop()
    clearTimeout(this.#timer)
    clearInterval(this.#sweeps)
    await Promise.all([this.#looking, this.#sweeping])
  }

  /** Relays that live, as their pages are called, this one first. */
  relays(): string[] {
    const { self } = this.#parts
    const others = [...this.#addresses].filter(([peer]) => peer !== self && this.#isAlive(peer))
    const urls = others.map(([, { url }]) => url).sort()
    return [...new Set([this.#addresses.get(self)?.url ?? [], ...urls].flat())]
  }

  /** Throws an ElsewhereError where another relay has the job, or the task without one. */
  async mustBeHere(id: string): Promise<void> {
    const elsewhere = await this.#homes.find(id)
    if (elsewhere !== undefined) throw this.#error(id, elsewhere)
  }

  /** Those of some jobs, and tasks without one, that are another relay's; the others are at home here now. */
  async claim(ids: Iterable<string>): Promise<ReadonlyMap<string, ElsewhereError>> {
    const found = new Map<string, ElsewhereError>()
    for (const id of new Set(ids)) {
      const elsewhere = await this.#homes.claim(id)
      if (elsewhere !== undefined) found.set(id, this.#error(id, elsewhere))
    }
    return found
  }

  #error(id: string, { kind, relay }: Elsewhere): ElsewhereError {
    const url = this.#addresses.get(relay)?.url
    if (kind === 'held' && url !== undefined)
      return new ElsewhereError(`The relay at ${url} has ${id}: ask there`, { relay: url })
    const retryAfterSeconds = Math.ceil(this.#watch.everyMs / 1_000)
    return new ElsewhereError(`The relay that has ${id} is away; another is about to take it over`, {
      retryAfterSeconds,
    })
  }

  #isAlive(peer: PeerId): boolean {
    return this.#watch.state(peer).kind === 'alive'
  }

  #lookSoon(ms: number): void {
    if (this.#isStopped) return
    this.#timer = setTimeout(() => {
      this.#looking = this.#look().then(() => this.#lookSoon(this.#watch.everyMs))
    }, ms)
  }

  /** One at a time; what one of them leaves is for the next. */
  #sweep(): Promise<void> {
    this.#sweeping ??= this.#homeSweep
      .sweep()
      .then(
        (gone) => {
          if (gone > 0) this.#parts.log('debug', `Gave up homes of jobs that nothing is left of: ${gone}`)
        },
        (error: unknown) => {
          if (!(error instanceof StorageError)) return this.#parts.failed(error)
          this.#parts.log('warn', 'Homes of former jobs could not be given up', { error: error.message })
        },
      )
      .finally(() => {
        this.#sweeping = undefined
      })
    return this.#sweeping
  }

  async #look(): Promise<void> {
    const { common, log, failed, lease } = this.#parts
    try {
      await this.#watch.look()
      const rows = await common.list(addressPrefix)
      this.#addresses = new Map(
        rows.map((row) => [peerOfAddress(row), decodeRow<RelayAddress>(row.value)] as const),
      )
      // Who may have been taken over from itself is no judge of others.
      if (lease.isSure) await this.#takeovers.attend(this.#watch)
      this.#isBlind = false
    } catch (error) {
      if (!(error instanceof StorageError)) return failed(error)
      // This relay's own writes tell when it has to end.
      if (!this.#isBlind) log('warn', 'The other relays cannot be seen', { error: error.message })
      this.#isBlind = true
    }
  }
}
