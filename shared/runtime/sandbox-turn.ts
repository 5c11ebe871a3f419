import type { ProgramRun, RunResult } from './program-runner.ts'
import type { Job } from './sandbox-job.ts'

/** A timer of more fires at once. */
const timeoutMsMax = 2 ** 31 - 1

/** Runs are together because they were short: when no result comes for so long, one of them is not. */
const overrunMs = 500

/** How a turn ended. */
export interface TurnEnd {
  /** Whether the sandbox is still as it was. */
  readonly isIntact: boolean
  /** Runs without a result that are to be given to a sandbox once more. */
  readonly again: readonly Job[]
}

/**
 * Runs of one program, under the same limits, that are with a sandbox. What becomes of one does not depend on the
 * others: when the sandbox breaks, or one of them takes long, each that is left is run by itself.
 */
export class Turn {
  readonly ended: Promise<TurnEnd>
  readonly #jobs: readonly Job[]
  readonly #end: (end: TurnEnd) => void
  readonly #clock: () => number
  /** Jobs with a result so far. */
  #done = 0
  #since = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #isOver = false

  /** `clock` in ms. */
  constructor(jobs: readonly Job[], clock: () => number) {
    const { promise, resolve } = Promise.withResolvers<TurnEnd>()
    this.ended = promise
    this.#jobs = jobs
    this.#end = resolve
    this.#clock = clock
    for (const job of jobs) job.onCancel = () => this.#endIfNoneIsLeft()
  }

  /** `give` hands them to the sandbox; it may throw. */
  begin(give: (runs: readonly ProgramRun[], came: (results: readonly RunResult[]) => void) => void): void {
    this.#await()
    try {
      give(
        this.#jobs.map(({ run }) => run),
        (results) => this.#came(results),
      )
    } catch (error) {
      this.broke(String(error))
    }
  }

  /** The sandbox did, by itself. */
  broke(reason: string): void {
    const message = `The program's sandbox broke down: ${reason}`
    this.#stop({ kind: 'none', reason: 'host', message })
  }

  /** Every job of it has ended. */
  abandon(): void {
    this.#finish(false, [])
  }

  #await(): void {
    const { maxDurationSeconds } = this.#jobs[0]!.run.limits
    const message = `The program was killed after ${maxDurationSeconds} s`
    const late = (): void => this.#stop({ kind: 'none', reason: 'wallClock', message })
    const limitMs = Math.min(1_000 * maxDurationSeconds, timeoutMsMax)
    this.#since = this.#clock()
    this.#timer = setTimeout(late, this.#isOfOne ? limitMs : Math.min(limitMs, overrunMs))
  }

  get #isOfOne(): boolean {
    return this.#jobs.length - this.#done === 1
  }

  #came(results: readonly RunResult[]): void {
    if (this.#isOver) return
    clearTimeout(this.#timer)
    const durationMs = (this.#clock() - this.#since) / results.length
    for (const result of results) {
      const job = this.#jobs[this.#done++]!
      // A sandbox that had a fault is gone before anybody hears of it.
      if (result.kind === 'none') this.#finish(false, this.#left())
      job.end(result, durationMs)
      if (this.#isOver) return
    }
    if (this.#done === this.#jobs.length) return this.#finish(true, [])
    this.#await()
    this.#endIfNoneIsLeft()
  }

  /** Of several it cannot be told which it was. */
  #stop(result: RunResult): void {
    if (this.#isOver) return
    const left = this.#left()
    const isOfOne = this.#isOfOne
    const durationMs = this.#clock() - this.#since
    this.#finish(false, isOfOne ? [] : left)
    for (const job of left) {
      if (isOfOne) job.end(result, durationMs)
      else job.isAlone = true
    }
  }

  /** A cancelled run is stopped by the end of its sandbox; while others are with it, it goes on for a moment. */
  #endIfNoneIsLeft(): void {
    if (this.#left().length === 0) this.#finish(false, [])
  }

  #left(): Job[] {
    return this.#jobs.slice(this.#done).filter(({ isOver }) => !isOver)
  }

  #finish(isIntact: boolean, again: readonly Job[]): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#end({ isIntact, again })
  }
}
