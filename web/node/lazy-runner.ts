import type {
  ProgramRun,
  ProgramRunner,
  RunOptions,
  TimedResult,
} from '../../shared/runtime/program-runner.ts'

/** A pool and the runs in it; a pool that was replaced goes when its last run has ended. */
interface Pool {
  readonly runner: ProgramRunner
  running: number
  replaced: boolean
}

/**
 * Sandbox slots that come into being when they are first wanted: until then neither the engine is loaded nor a frame
 * made. Resizing never kills a run.
 */
export class LazyRunner implements ProgramRunner {
  readonly #create: (slots: number) => Promise<ProgramRunner>
  #pool: Pool | undefined
  #wanted = 0
  #resizing: Promise<void> | undefined

  constructor(create: (slots: number) => Promise<ProgramRunner>) {
    this.#create = create
  }

  get slots(): number {
    return this.#pool?.runner.slots ?? 0
  }

  /** Resolves when that many slots are there, or as many as were wanted last; rejects when they cannot be made. */
  async resize(slots: number): Promise<void> {
    this.#wanted = slots
    this.#resizing ??= this.#settle().finally(() => {
      this.#resizing = undefined
    })
    await this.#resizing
  }

  async run(run: ProgramRun, signal: AbortSignal, options?: RunOptions): Promise<TimedResult> {
    const pool = this.#pool
    if (pool === undefined)
      return { kind: 'none', reason: 'host', message: 'This tab lends nothing now', durationMs: 0 }
    pool.running++
    try {
      return await pool.runner.run(run, signal, options)
    } finally {
      pool.running--
      if (pool.replaced && pool.running === 0) void pool.runner.close()
    }
  }

  async close(): Promise<void> {
    await this.resize(0)
  }

  async #settle(): Promise<void> {
    while (this.slots !== this.#wanted) {
      const slots = this.#wanted
      const made = slots === 0 ? undefined : await this.#create(slots)
      const old = this.#pool
      this.#pool = made === undefined ? undefined : { runner: made, running: 0, replaced: false }
      if (old === undefined) continue
      old.replaced = true
      if (old.running === 0) await old.runner.close()
    }
  }
}
