import {
  type BatchOptions,
  equalValues,
  fencedError,
  type ListOptions,
  type Store,
  type StoreChange,
  type StoreRow,
} from '../../shared/storage/store.ts'

/** The rows of a server, in memory. They outlive the processes that write them. */
export class SharedDisk {
  readonly rows = new Map<string, Uint8Array>()
  /** Told of every change, in order. */
  onChange: ((change: StoreChange) => void) | undefined

  /** False where the fence did not hold: nothing is written then. */
  write(changes: readonly StoreChange[], fence: BatchOptions['fence']): boolean {
    if (fence !== undefined && !equalValues(this.rows.get(fence.key), fence.value)) return false
    for (const change of changes) {
      if (change.value === undefined) this.rows.delete(change.key)
      else this.rows.set(change.key, change.value)
      this.onChange?.(change)
    }
    return true
  }

  list(prefix = '', { from, limit }: ListOptions = {}): StoreRow[] {
    return [...this.rows.keys()]
      .filter((key) => key.startsWith(prefix) && (from === undefined || key > from))
      .sort()
      .slice(0, limit)
      .map((key) => ({ key, value: this.rows.get(key)! }))
  }

  keys(prefix?: string): string[] {
    return this.list(prefix).map(({ key }) => key)
  }

  json(key: string): unknown {
    const value = this.rows.get(key)
    return value && JSON.parse(new TextDecoder().decode(value))
  }
}

/** A process dies at its so many-th request to the server, which is then carried out or not. */
export interface Death {
  readonly atRequest: number
  readonly isCarriedOut: boolean
}

export interface DiskProcessInit {
  readonly disk: SharedDisk
  /** How long a request takes to reach the server, in ms. */
  readonly delayMs?: () => number
  /** Whether a request that was under way when its process was killed reaches the server all the same. */
  readonly survives?: () => boolean
  readonly death?: Death | undefined
  /** The process died of `death`. */
  readonly died?: () => void
}

/** A process as a shared disk sees it. One that was killed, or stands still, hears nothing any more. */
export class DiskProcess {
  readonly #init: DiskProcessInit
  /** Requests so far. */
  requests = 0
  #isDead = false
  #isSpared = false
  #isHeld: ((changes: readonly StoreChange[]) => boolean) | undefined
  readonly #held: (() => void)[] = []
  #standing: PromiseWithResolvers<void> | undefined

  constructor(init: DiskProcessInit) {
    this.#init = init
  }

  kill(): void {
    this.#isDead = true
  }

  /** Writes that match are under way until `letThrough`, whatever becomes of the process meanwhile. */
  hold(isHeld: (changes: readonly StoreChange[]) => boolean): void {
    this.#isHeld = isHeld
  }

  letThrough(): void {
    this.#isHeld = undefined
    for (const through of this.#held.splice(0)) through()
  }

  get held(): number {
    return this.#held.length
  }

  /** It outlived its death. */
  spare(): void {
    this.#isSpared = true
  }

  get isStanding(): boolean {
    return this.#standing !== undefined
  }

  /** As by SIGSTOP: what it asks from now on leaves it when it goes on. */
  stand(): void {
    this.#standing ??= Promise.withResolvers()
  }

  goOn(): void {
    this.#standing?.resolve()
    this.#standing = undefined
  }

  /** A connection: its requests are carried out in the order they were made. */
  connect(): Store {
    return new DiskStore(this.#init.disk, (work, changes) => this.#request(work, changes))
  }

  /** Resolves when the process goes on. */
  async #goingOn(): Promise<void> {
    while (this.#standing !== undefined) await this.#standing.promise
  }

  async #request<T>(work: () => T, changes: readonly StoreChange[] = []): Promise<T> {
    await this.#goingOn()
    if (this.#isDead) return await never()
    const { delayMs, survives, death, died } = this.#init
    const number = ++this.requests
    const ms = delayMs?.() ?? 0
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
    if (this.#isHeld?.(changes) === true) {
      await new Promise<void>((resolve) => this.#held.push(resolve))
      const answer = work()
      return this.#isDead ? await never() : answer
    }
    if (this.#isDead) {
      if (survives?.() === true) work()
      return await never()
    }
    if (number === death?.atRequest && !this.#isSpared) {
      this.#isDead = true
      if (death.isCarriedOut) work()
      died?.()
      return await never()
    }
    const answer = work()
    await this.#goingOn()
    return this.#isDead ? await never() : answer
  }
}

const never = (): Promise<never> => new Promise(() => undefined)

type Request = <T>(work: () => T, changes?: readonly StoreChange[]) => Promise<T>

class DiskStore implements Store {
  readonly consistency = 'strong'
  readonly #disk: SharedDisk
  readonly #request: Request
  #last: Promise<unknown> = Promise.resolve()

  constructor(disk: SharedDisk, request: Request) {
    this.#disk = disk
    this.#request = request
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return await this.#inTurn(() => this.#disk.rows.get(key))
  }

  async list(prefix: string, options?: ListOptions): Promise<StoreRow[]> {
    return await this.#inTurn(() => this.#disk.list(prefix, options))
  }

  async batch(changes: readonly StoreChange[], { fence }: BatchOptions = {}): Promise<void> {
    const kept = changes.map(({ key, value }) => ({ key, value: value && new Uint8Array(value) }))
    if (await this.#inTurn(() => this.#disk.write(kept, fence), kept)) return
    throw fencedError('the test', fence!)
  }

  async close(): Promise<void> {}

  #inTurn<T>(work: () => T, changes?: readonly StoreChange[]): Promise<T> {
    const answer = this.#last.then(() => this.#request(work, changes))
    this.#last = answer
    return answer
  }
}
