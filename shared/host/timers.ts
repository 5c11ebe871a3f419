/** What a timer that was set is known by, for `clear`. */
export type TimerHandle = unknown

/**
 * Timers of a host. Like the platform's they may fire late. A tab has them in a worker, since those of a hidden page are held
 * back for up to a minute.
 */
export interface Timers {
  /** Calls back once, after `ms` at the earliest; at most 2^31 − 1. */
  set(callback: () => void, ms: number): TimerHandle
  /** What has fired or was never set is passed over. */
  clear(handle: TimerHandle): void
}

/** The platform's own, looked up when they are used. */
export const platformTimers: Timers = {
  set: (callback, ms) => setTimeout(callback, ms),
  clear: (handle) => clearTimeout(handle as ReturnType<typeof setTimeout> | undefined),
}

/** To a worker that keeps timers: fire so many ms from now; without them, do not fire any more. */
export interface TimerOrder {
  readonly id: number
  readonly ms?: number
}
/** From it: it has begun, or which timer fires. */
export type TimerWord = 'ready' | number
