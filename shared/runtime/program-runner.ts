import type { Hash } from '../kernel/ids.ts'
import type { GuestError, Limits } from '../task/task.ts'

/** One execution of a program on an input. The caller keeps its bytes. */
export interface ProgramRun {
  /** SHA-256 of the program, as the caller checked it: sandboxes keep what they made of a program by this name. */
  readonly programHash: Hash
  readonly program: Uint8Array
  readonly input: Uint8Array
  /** 64 hex digits. */
  readonly seed: string
  readonly limits: Limits
}

export type RunResult =
  | { readonly kind: 'ok'; readonly output: Uint8Array; readonly fuelUsed: number }
  | {
      readonly kind: 'error'
      readonly error: GuestError
      /** For people; at most 1,000 characters, never compared. */
      readonly message: string
      /** At most 4,000 characters, never compared. */
      readonly stack?: string
      readonly fuelUsed: number
    }
  /** No verdict: the host killed the run or broke down. The attempt is handed back. */
  | {
      readonly kind: 'none'
      readonly reason: 'wallClock' | 'host' | 'cancelled' | 'busy'
      readonly message: string
    }

/** With the time it took in its sandbox, in ms; runs that were given together have equal shares of theirs. */
export type TimedResult = RunResult & { readonly durationMs: number }

export interface RunOptions {
  /** A run that waits for a slot longer than this ends as `none` with reason `busy`. */
  readonly beginWithinMs?: number
}

/** Sandboxed slots of one host. `run` waits for a free slot; it never rejects. */
export interface ProgramRunner {
  readonly slots: number
  /** `signal` kills the run: its result is `none` with reason `cancelled`. */
  run(run: ProgramRun, signal: AbortSignal, options?: RunOptions): Promise<TimedResult>
  /** Kills every run and frees all slots. */
  close(): Promise<void>
}
