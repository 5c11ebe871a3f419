/** What a command of ours runs: a relay or an agent. */
export interface Running {
  /** Ends in order: no new work, what is under way finishes, everything is saved. */
  stop(): Promise<void>
  /** How long work under way is given, in ms. */
  drainMs(): number
  /** Takes over what of the settings can change while it runs. */
  reload(): Promise<void>
}

export interface RunOptions<R extends Running> {
  readonly start: () => Promise<R>
  /** Says what went wrong and ends the process. */
  readonly stopWith: (error: unknown) => never
}

/** When work under way was given its time, what is left to do takes no longer, in ms. */
const closeMs = 10_000

/**
 * OPS-01: starts it and runs it until SIGINT or SIGTERM, then ends it in order, with exit code 0; a second signal ends it at
 * once, and so does an end that takes too long. SIGHUP takes over changed settings (OPS-02). Where another process
 * supervises it, the end of that one is such a signal too.
 */
export async function runUntilSignal<R extends Running>(options: RunOptions<R>): Promise<R> {
  const { start, stopWith } = options
  let running: R | undefined
  let isEnding = false
  const endNow = (reason: string, code: 0 | 1): never => {
    process.stderr.write(`tabmesh: ended at once, ${reason}; what is saved is whole\n`)
    process.exit(code)
  }
  const end = (): void => {
    if (running === undefined) endNow('before it was up', 0)
    if (isEnding) endNow('asked a second time', 1)
    isEnding = true
    const ms = running!.drainMs() + closeMs
    setTimeout(() => endNow(`since it did not end in order within ${ms / 1_000} s`, 1), ms).unref()
    running!.stop().then(
      () => process.exit(0),
      (error: unknown) => stopWith(error),
    )
  }
  process.on('SIGINT', end)
  process.on('SIGTERM', end)
  process.on('disconnect', end)
  // Until it is up there is nothing to reload, and it must not be what ends the process.
  process.on('SIGHUP', () => {
    if (!isEnding) running?.reload().catch((error: unknown) => stopWith(error))
  })
  running = await start()
  return running
}
