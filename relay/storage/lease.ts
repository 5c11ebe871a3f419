import { type Fence, isFenced, type Store } from '../../shared/storage/store.ts'

export interface Holder {
  /** `null`: nobody has it any more. */
  readonly owner: string | null
  /** Fencing token: grows with every change of hands, so no two holders ever have the same row. */
  readonly token: number
  /** Silent for so long, its holder may be taken for gone. */
  readonly leaseMs: number
}

/** When something began, by the clock that only runs forward and by the one that knows of sleep. */
interface Moment {
  readonly running: number
  readonly wall: number
}

const moment = (): Moment => ({ running: performance.now(), wall: Date.now() })
/** Of the lease: what is left is for clocks that do not run at the same pace. */
const sureShare = 0.9

/**
 * The right to write behind a fence. Two rows: `lease/<name>` changes hands only, `lease/<name>/alive` is changed by its
 * holder again and again. No clocks are compared: who waits for the lease watches that row on its own clock. Whatever a
 * former holder still writes behind `fence` is refused, however late it comes.
 */
export class Lease {
  readonly token: number
  readonly leaseMs: number
  readonly fence: Fence
  readonly #store: Store
  readonly #aliveKey: string
  readonly #now: () => Moment
  #beats = 0
  /** When the last renewal that succeeded was begun. */
  #renewedAt: Moment | undefined

  constructor(store: Store, name: string, holder: Holder, now: () => Moment = moment) {
    this.#store = store
    this.token = holder.token
    this.leaseMs = holder.leaseMs
    this.fence = { key: leaseKey(name), value: encodeHolder(holder) }
    this.#aliveKey = aliveKey(name)
    this.#now = now
  }

  /**
   * Takes it where nobody has it, or this owner had it. `undefined`: another has it, or was faster. Rejects with a
   * StorageError where the store fails.
   */
  static async take(
    store: Store,
    name: string,
    owner: string,
    leaseMs: number,
    now?: () => Moment,
  ): Promise<Lease | undefined> {
    const key = leaseKey(name)
    const found = await store.get(key)
    const former = found && decodeHolder(found)
    if (former !== undefined && former.owner !== null && former.owner !== owner) return undefined
    const lease = new Lease(store, name, { owner, token: (former?.token ?? 0) + 1, leaseMs }, now)
    try {
      await store.batch([{ key, value: lease.fence.value }], { fence: { key, value: found } })
      await lease.renew()
      return lease
    } catch (error) {
      if (isFenced(error)) return undefined
      throw error
    }
  }

  /** Shows that the holder lives. Rejects with StorageError `Fenced` when another has taken over. */
  async renew(): Promise<void> {
    const begun = this.#now()
    this.#beats += 1
    await this.#show(`${this.token}.${this.#beats}`)
    this.#renewedAt = begun
  }

  /** The last word of a holder that will write no more: nobody has to wait for its silence. */
  async end(): Promise<void> {
    this.#renewedAt = undefined
    await this.#show(`${this.token}.${endedMark}`)
  }

  /** Whether nobody can have taken over yet, by our own clocks: what is said now may rest on what was read before. */
  get isSure(): boolean {
    if (this.#renewedAt === undefined) return false
    const { running, wall } = this.#now()
    const passedMs = Math.max(running - this.#renewedAt.running, wall - this.#renewedAt.wall)
    return passedMs < sureShare * this.leaseMs
  }

  async #show(text: string): Promise<void> {
    const value = new TextEncoder().encode(text)
    await this.#store.batch([{ key: this.#aliveKey, value }], { fence: this.fence })
  }
}

const endedMark = 'ended'
export const leasePrefix = 'lease/'
export const leaseKey = (name: string): string => `${leasePrefix}${name}`
const aliveKey = (name: string): string => `${leasePrefix}${name}/alive`

export const encodeHolder = ({ owner, token, leaseMs }: Holder): Uint8Array =>
  new TextEncoder().encode(JSON.stringify({ owner, token, leaseMs }))

export function decodeHolder(value: Uint8Array): Holder {
  return JSON.parse(new TextDecoder().decode(value)) as Holder
}

/** Whether the row that a holder changes says that it has ended in order. */
export const saysEnded = (alive: string, { token }: Holder): boolean => alive === `${token}.${endedMark}`
