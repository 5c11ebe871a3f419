import type { ProgramRun, RunResult } from './program-runner.ts'
import type { Job } from './sandbox-job.ts'

/** A timer of more fires at once. */
const timeoutMsMax = 2 ** 31 - 1

/** How a turn ended. */
export interface TurnEnd {
  /** Whether the sandbox is still as it was. */
  readonly isIntact: boolean
  /** Runs without a result that are to be given to another sandbox. */
  readonly again: readonly Job[]
}

/**
 * Runs of one program, under the same limits, that are with a sandbox. What becomes of one does not depend on the
 * others: those that were with it when it was killed, or broke the sandbox, are run again.
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

  constructor(jobs: readonly Job[], clock: () => number) {
    const { promise, resolve } = Promise.withResolvers<TurnEnd>()
    this.ended = promise
    this.#jobs = jobs
    this.#end = resolve
    this.#clock = clock
    for (const [at, job] of jobs.entries()) job.onCancel = () => this.#cancelled(at)
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
    this.#stop({
      kind: 'none',
      reason: 'host',
      message: `The program's sandbox broke down: ${reason}`,
    })
  }

  /** Every job of it has ended. */
  abandon(): void {
    this.#finish(false, [])
  }

  #await(): void {
    const { maxDurationSeconds } = this.#jobs[0]!.run.limits
    const message = `The program was killed after ${maxDurationSeconds} s`
    const late = (): void => this.#stop({ kind: 'none', reason: 'wallClock', message })
    this.#since = this.#clock()
    this.#timer = setTimeout(late, Math.min(1_000 * maxDurationSeconds, timeoutMsMax))
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
    if (this.#done === this.#jobs.length) this.#finish(true, [])
    else this.#await()
  }

  /** Which of several it was cannot be told: each of them gets a sandbox to itself. */
  #stop(result: RunResult): void {
    if (this.#isOver) return
    const left = this.#left()
    const isOne = this.#jobs.length - this.#done === 1
    this.#finish(false, isOne ? [] : left)
    for (const job of left) {
      if (isOne) job.end(result, this.#clock() - this.#since)
      else job.isSuspect = true
    }
  }

  /** The one that runs now, as far as can be told, is stopped by the end of its sandbox; the others are left out. */
  #cancelled(at: number): void {
    const left = this.#left()
    if (at === this.#done || left.length === 0) this.#finish(false, left)
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
