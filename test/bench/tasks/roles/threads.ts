import { Worker } from 'node:worker_threads'
import type { Answers } from './answers.ts'
import type { RunsGiven } from './sandboxes.ts'

export interface ThreadsGiven {
  readonly slots: number
}

/** Runs that a thread has before it: it is never idle. */
const ahead = 4

interface Lot {
  readonly given: RunsGiven
  /** Runs not yet given to a thread, and runs not yet done. */
  left: number
  open: number
  readonly done: () => void
  readonly failed: (error: Error) => void
}

/** Bare worker threads that run an instrumented module, one message there and one back for each run. */
export async function threadsRole({ slots }: ThreadsGiven): Promise<Answers> {
  const lots: Lot[] = []
  const threads = Array.from({ length: slots }, () => new BareThread(lots))
  return {
    run: (given: RunsGiven): Promise<void> =>
      new Promise((done, failed) => {
        lots.push({ given, left: given.runs, open: given.runs, done, failed })
        for (const thread of threads) thread.fill()
      }),
    stop: () => Promise.all(threads.map((thread) => thread.stop())),
  }
}

class BareThread {
  readonly #worker = new Worker(new URL('./bare-thread.ts', import.meta.url), { name: 'bare' })
  readonly #lots: Lot[]
  readonly #under: Lot[] = []

  constructor(lots: Lot[]) {
    this.#lots = lots
    this.#worker.on('message', () => {
      const lot = this.#under.shift()!
      if (--lot.open === 0) lot.done()
      this.fill()
    })
    this.#worker.on('error', (error: Error) => {
      for (const lot of this.#under) lot.failed(error)
    })
  }

  fill(): void {
    while (this.#under.length < ahead) {
      const lot = this.#lots[0]
      if (lot === undefined) return
      const { program, input } = lot.given
      this.#worker.postMessage({ program, input })
      this.#under.push(lot)
      if (--lot.left === 0) this.#lots.shift()
    }
  }

  async stop(): Promise<void> {
    await this.#worker.terminate()
  }
}
