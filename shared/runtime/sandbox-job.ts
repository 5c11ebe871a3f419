import type { ProgramRun, RunResult, TimedResult } from './program-runner.ts'

const cancelled: RunResult = { kind: 'none', reason: 'cancelled', message: 'The run was cancelled' }
export const closed: RunResult = {
  kind: 'none',
  reason: 'cancelled',
  message: 'The pool of sandboxes was closed',
}

/** A run that a pool was asked for. It ends once; a cancelled one at once, wherever it is. */
export class Job {
  readonly run: ProgramRun
  readonly ended: Promise<TimedResult>
  /** Goes to a sandbox by itself: with others it was no success. */
  isAlone = false
  /** `performance.now()` by which it is to have begun. */
  beginBy = Number.POSITIVE_INFINITY
  /** Told when it was cancelled, by whoever has it then. */
  onCancel: () => void = () => undefined
  readonly #signal: AbortSignal
  readonly #resolve: (result: TimedResult) => void
  #isOver = false

  constructor(run: ProgramRun, signal: AbortSignal) {
    const { promise, resolve } = Promise.withResolvers<TimedResult>()
    this.run = run
    this.ended = promise
    this.#resolve = resolve
    this.#signal = signal
    if (signal.aborted) this.end(cancelled)
    else signal.addEventListener('abort', this.#cancel, { once: true })
  }

  get isOver(): boolean {
    return this.#isOver
  }

  end(result: RunResult, durationMs = 0): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#signal.removeEventListener('abort', this.#cancel)
    this.#resolve({ ...result, durationMs })
  }

  readonly #cancel = (): void => {
    this.end(cancelled)
    this.onCancel()
  }
}
