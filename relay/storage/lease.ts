import { setTimeout as sleep } from 'node:timers/promises'
import { type Fence, StorageError, type Store } from '../../shared/storage/store.ts'

interface Holder {
  readonly owner: string
  /** Fencing token: grows with every acquisition, so no two holders ever have the same row. */
  readonly token: number
}

/**
 * The right to write behind a fence. Two rows: `lease/<name>` changes hands only, `lease/<name>/alive` is changed by its
 * holder again and again. No clocks are compared: who wants the lease watches that row on its own clock. Whatever a
 * former holder still writes behind `fence` is refused, however late it comes.
 */
export class Lease {
  readonly token: number
  readonly fence: Fence
  readonly #store: Store
  readonly #aliveKey: string
  #beats = 0

  private constructor(store: Store, name: string, holder: Holder) {
    this.#store = store
    this.token = holder.token
    this.fence = { key: leaseKey(name), value: encode(holder) }
    this.#aliveKey = aliveKey(name)
  }

  /**
   * Takes it at once where nobody has it, or this owner had it; otherwise after its holder was silent for `ttlMs`.
   * `undefined`: another holds it. Rejects with a StorageError where the store fails.
   */
  static async acquire(
    store: Store,
    name: string,
    owner: string,
    ttlMs: number,
    wait: (ms: number) => Promise<void> = sleep,
  ): Promise<Lease | undefined> {
    const key = leaseKey(name)
    const found = await store.get(key)
    const former = found && decode(found)
    if (former !== undefined && former.owner !== owner) {
      const before = await store.get(aliveKey(name))
      await wait(ttlMs)
      const after = await store.get(aliveKey(name))
      if (String(before) !== String(after)) return undefined
    }
    const lease = new Lease(store, name, { owner, token: (former?.token ?? 0) + 1 })
    try {
      await store.batch([{ key, value: lease.fence.value }], { fence: { key, value: found } })
      await lease.renew()
      return lease
    } catch (error) {
      // Somebody was faster.
      if (error instanceof StorageError && error.code === 'Fenced') return undefined
      throw error
    }
  }

  /** Shows that the holder lives. Rejects with StorageError `Fenced` when another has taken over. */
  async renew(): Promise<void> {
    this.#beats += 1
    const value = new TextEncoder().encode(`${this.token}.${this.#beats}`)
    await this.#store.batch([{ key: this.#aliveKey, value }], { fence: this.fence })
  }
}

const leaseKey = (name: string): string => `lease/${name}`
const aliveKey = (name: string): string => `lease/${name}/alive`
const encode = (holder: Holder): Uint8Array => new TextEncoder().encode(JSON.stringify(holder))

function decode(value: Uint8Array): Holder {
  return JSON.parse(new TextDecoder().decode(value)) as Holder
}
