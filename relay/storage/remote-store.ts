import { setTimeout as sleep } from 'node:timers/promises'
import type { HostLog } from '../../shared/host/host-log.ts'
import {
  type BatchOptions,
  fencedError,
  type ListOptions,
  type ReadOptions,
  StorageError,
  type Store,
  type StoreChange,
  type StoreRow,
} from '../../shared/storage/store.ts'
import { checkStoreKey, checkStorePrefix, endOfPrefix } from '../../shared/storage/store-key.ts'
import { type WriteGroup, WriteQueue } from './write-queue.ts'

/** Keys `>= start`, or `> start` when `isAfter`, and `< end`. */
export interface KeyRange {
  readonly start: string
  readonly isAfter: boolean
  readonly end: string
  readonly limit: number | undefined
}

export interface NumberedGroup extends WriteGroup {
  /** Grows by one with every group of this writer. The server writes a number once and never a smaller one after it. */
  readonly sequence: number
}

/** A database server, spoken to plainly: each call is one try. */
export interface StoreServer {
  /** For people and logs: `Redis`. */
  readonly kind: string
  /** Its address without the password. */
  readonly place: string
  /** Connects, checks that it answers, makes what it needs there. */
  prepare(): Promise<void>
  get(key: string): Promise<Uint8Array | undefined>
  list(range: KeyRange): Promise<StoreRow[]>
  /** Atomic and durable; `fenced` when the fence did not hold. A group that was written before is not written again. */
  write(group: NumberedGroup): Promise<'written' | 'fenced'>
  /** Whether the error comes of a connection or a server that may be back in a moment. */
  isPassing(error: unknown): boolean
  /** What went wrong and what to do, in words. */
  explain(error: unknown): string
  close(): Promise<void>
}

/** STO-04: each wait is twice the one before; three of them are longer than a server takes to start again. */
export const retryWaitsMs = (retries: number): number[] =>
  Array.from({ length: retries }, (_, i) => 500 * 2 ** i)

/**
 * A store on a server that may go away for a while. Writes go one group at a time, numbered, so that a write whose
 * answer was lost can be sent again: it takes effect once, and never after a later one. A read waits for the batches
 * asked for before it, unless it asks for `eventual` only.
 */
export class RemoteStore implements Store {
  readonly consistency = 'strong'
  readonly #server: StoreServer
  readonly #log: HostLog
  readonly #waitsMs: readonly number[]
  readonly #queue: WriteQueue
  readonly #running = new Set<Promise<unknown>>()
  #sequence = 0
  #closing: Promise<void> | undefined

  private constructor(server: StoreServer, log: HostLog, waitsMs: readonly number[]) {
    this.#server = server
    this.#log = log
    this.#waitsMs = waitsMs
    this.#queue = new WriteQueue((group) => this.#write(group))
  }

  /** Rejects with StorageError `ConnectionFailed` where the server does not answer, `OpenFailed` where it refuses. */
  static async open(
    server: StoreServer,
    log: HostLog,
    waitsMs: readonly number[] = retryWaitsMs(3),
  ): Promise<RemoteStore> {
    const store = new RemoteStore(server, log, waitsMs)
    try {
      await store.#try('OpenFailed', 'open', () => server.prepare())
      return store
    } catch (error) {
      await server.close()
      throw error
    }
  }

  async get(key: string, { consistency }: ReadOptions = {}): Promise<Uint8Array | undefined> {
    checkStoreKey(key)
    return await this.#read(consistency, () => this.#server.get(key))
  }

  async list(prefix: string, { from, limit, consistency }: ListOptions = {}): Promise<StoreRow[]> {
    checkStorePrefix(prefix)
    if (from !== undefined) checkStorePrefix(from)
    const isAfter = from !== undefined && from >= prefix
    const range = { start: isAfter ? from : prefix, isAfter, end: endOfPrefix(prefix), limit }
    return await this.#read(consistency, async () => {
      if (range.start >= range.end || limit === 0) return []
      return await this.#server.list(range)
    })
  }

  async batch(changes: readonly StoreChange[], { fence }: BatchOptions = {}): Promise<void> {
    for (const { key } of changes) checkStoreKey(key)
    if (fence !== undefined) checkStoreKey(fence.key)
    this.#checkOpen()
    await this.#queue.add(changes, fence)
  }

  /** Ends what was asked before, then leaves the server. */
  close(): Promise<void> {
    this.#closing ??= Promise.allSettled([this.#queue.settled(), ...this.#running]).then(() =>
      this.#server.close(),
    )
    return this.#closing
  }

  async #read<T>(consistency: ReadOptions['consistency'], work: () => Promise<T>): Promise<T> {
    this.#checkOpen()
    const earlier = consistency === 'eventual' ? undefined : this.#queue.settled()
    const running = (async () => {
      await earlier
      return await this.#try('ReadFailed', 'read', work)
    })()
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
    }
  }

  async #write(group: WriteGroup): Promise<void> {
    if (group.changes.size === 0 && group.fence === undefined) return
    this.#sequence += 1
    const numbered = { ...group, sequence: this.#sequence }
    let tries = 0
    const outcome = await this.#try('WriteFailed', 'write to', async () => {
      tries += 1
      return await this.#server.write(numbered)
    })
    // A try whose answer was lost may have moved the fence itself: the number tells when it is asked again.
    const isFenced =
      outcome === 'fenced' &&
      (tries === 1 ||
        (await this.#try('WriteFailed', 'write to', () => this.#server.write(numbered))) === 'fenced')
    if (isFenced) throw fencedError(this.#server.place, group.fence!)
  }

  async #try<T>(code: StorageError['code'], verb: string, work: () => Promise<T>): Promise<T> {
    for (let tries = 0; ; tries++) {
      try {
        return await work()
      } catch (error) {
        if (!this.#server.isPassing(error)) throw this.#failed(code, verb, error)
        const waitMs = this.#waitsMs[tries]
        if (waitMs === undefined) {
          this.#log('error', `${this.#server.kind} connection failed after ${this.#waitsMs.length} retries`)
          throw this.#failed('ConnectionFailed', verb, error)
        }
        await sleep(waitMs)
      }
    }
  }

  #failed(code: StorageError['code'], verb: string, error: unknown): StorageError {
    const { place } = this.#server
    return new StorageError(
      code,
      `Cannot ${verb} the store at ${place}: ${this.#server.explain(error)}`,
      error,
    )
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return
    throw new StorageError(
      'Closed',
      `The store at ${this.#server.place} takes no more requests: it was closed`,
    )
  }
}
