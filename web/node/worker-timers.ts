import {
  platformTimers,
  type TimerHandle,
  type TimerOrder,
  type Timers,
  type TimerWord,
} from '../../shared/host/timers.ts'

/** What is used of a worker. */
export interface TimerWorker {
  onmessage: ((event: MessageEvent<TimerWord>) => void) | null
  onerror: ((event: ErrorEvent) => void) | null
  postMessage(order: TimerOrder): void
  terminate(): void
}

interface Pending {
  readonly callback: () => void
  readonly at: number
  /** Set while the worker is not there. */
  own: TimerHandle
}

/**
 * Timers that keep their time while the page is hidden: a browser lets those of a hidden page fire once a second, and after
 * five minutes once a minute, but not those of a worker. Until the worker is there, or if it never is, they are the page's.
 */
export class WorkerTimers implements Timers {
  readonly #platform: Timers
  readonly #pending = new Map<number, Pending>()
  readonly #worker: TimerWorker
  #isReady = false
  #last = 0

  constructor(create: () => TimerWorker, platform: Timers = platformTimers) {
    this.#platform = platform
    this.#worker = create()
    this.#worker.onmessage = ({ data }) => {
      if (data === 'ready') this.#moveToWorker()
      else this.#fire(data)
    }
    this.#worker.onerror = () => this.#moveBack()
  }

  set(callback: () => void, ms: number): TimerHandle {
    const id = ++this.#last
    const pending: Pending = { callback, at: performance.now() + ms, own: undefined }
    this.#pending.set(id, pending)
    if (this.#isReady) this.#worker.postMessage({ id, ms })
    else this.#setOwn(id, pending, ms)
    return id
  }

  clear(handle: TimerHandle): void {
    const id = handle as number
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    this.#pending.delete(id)
    if (pending.own !== undefined) this.#platform.clear(pending.own)
    else this.#worker.postMessage({ id })
  }

  /** What is set does not fire any more. */
  stop(): void {
    for (const id of [...this.#pending.keys()]) this.clear(id)
    this.#worker.terminate()
  }

  #fire(id: number): void {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    pending?.callback()
  }

  #setOwn(id: number, pending: Pending, ms: number): void {
    pending.own = this.#platform.set(() => this.#fire(id), Math.max(0, ms))
  }

  #moveToWorker(): void {
    this.#isReady = true
    for (const [id, pending] of this.#pending) {
      this.#platform.clear(pending.own)
      pending.own = undefined
      this.#worker.postMessage({ id, ms: Math.max(0, pending.at - performance.now()) })
    }
  }

  #moveBack(): void {
    this.#isReady = false
    for (const [id, pending] of this.#pending) {
      if (pending.own === undefined) this.#setOwn(id, pending, pending.at - performance.now())
    }
  }
}

/** Over the worker that the build makes of `timers.worker.ts`. */
export const createTabTimers = (): WorkerTimers =>
  new WorkerTimers(() => new Worker(new URL('./timers.worker.ts', import.meta.url), { type: 'module' }))
