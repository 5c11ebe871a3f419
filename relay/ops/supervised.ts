import type { ChildProcess } from 'node:child_process'

export interface SupervisedInit {
  /** For people: `agent-2`. */
  readonly name: string
  /** Starts the process. It prints a line when it is up. */
  readonly launch: () => ChildProcess
  /** Tells people what happens. */
  readonly say: (what: string) => void
  /** It cannot be helped by starting it again: it ended with this exit code. */
  readonly gaveUp: (exitCode: number) => void
  /** Tests shorten them. */
  readonly times?: RestartTimes
}

export interface RestartTimes {
  /** Before the first new start; each time twice as long, up to the longest. */
  readonly firstMs: number
  readonly longestMs: number
  /** Having run for so long it is healthy: the next wait is the first one again. */
  readonly healthyMs: number
  /** For its first line. */
  readonly readyMs: number
  /** From asking it to end until it is made to: longer than it takes itself. */
  readonly endMs: number
}

const usualTimes: RestartTimes = {
  firstMs: 1_000,
  longestMs: 60_000,
  healthyMs: 60_000,
  readyMs: 60_000,
  endMs: 45_000,
}

/** Wrong settings, or a port that is taken: the same at every start. */
const hopeless = 2

/**
 * OPS-01: a process that is started again when it ends unasked, after 1, 2, 4 … 60 s. Before it was up once, and with exit
 * code 2, its end is final.
 */
export class Supervised {
  readonly name: string
  readonly #init: SupervisedInit
  readonly #times: RestartTimes
  #child: ChildProcess | undefined
  #restart: NodeJS.Timeout | undefined
  #wasUp = false
  #isEnding = false
  #startedAt = 0
  #waitMs: number

  constructor(init: SupervisedInit) {
    this.name = init.name
    this.#init = init
    this.#times = init.times ?? usualTimes
    this.#waitMs = this.#times.firstMs
  }

  /** Resolves to its first line, when it is up the first time. */
  async start(): Promise<string> {
    try {
      const line = await firstLine(this.#launch(), this.#times.readyMs)
      this.#wasUp = true
      return line
    } catch (error) {
      throw new Error(`${this.name} ${(error as Error).message}`, { cause: error })
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  /** Asks it to end, and resolves when it has. */
  async stop(): Promise<void> {
    this.#isEnding = true
    clearTimeout(this.#restart)
    const child = this.#child
    if (child === undefined) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    // Windows has no signals that a process could answer; the end of the channel is one everywhere.
    if (process.platform === 'win32' && child.connected) child.disconnect()
    else child.kill('SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), this.#times.endMs)
    await ended
    clearTimeout(late)
  }

  #launch(): ChildProcess {
    const child = this.#init.launch()
    this.#child = child
    this.#startedAt = performance.now()
    let isOver = false
    const over = (how: string, code: number | null): void => {
      if (isOver) return
      isOver = true
      this.#child = undefined
      if (!this.#isEnding) this.#ended(how, code)
    }
    child.once('exit', (code, signal) => over(signal ?? `exit code ${code}`, code))
    child.once('error', (error) => over(error.message, null))
    return child
  }

  #ended(how: string, code: number | null): void {
    const { say, gaveUp } = this.#init
    if (!this.#wasUp || code === hopeless) {
      say(`${this.name} ended (${how})`)
      return gaveUp(code === null || code === 0 ? 1 : code)
    }
    const { firstMs, longestMs, healthyMs } = this.#times
    if (performance.now() - this.#startedAt >= healthyMs) this.#waitMs = firstMs
    say(`${this.name} ended unasked (${how}); starting it again in ${this.#waitMs / 1_000} s`)
    this.#restart = setTimeout(() => void this.#startAgain(), this.#waitMs)
    this.#waitMs = Math.min(2 * this.#waitMs, longestMs)
  }

  async #startAgain(): Promise<void> {
    const child = this.#launch()
    // Without it whoever does not come up in time would only be waited for.
    await firstLine(child, this.#times.readyMs).then(
      () => this.#init.say(`${this.name} is up again`),
      () => child.kill('SIGKILL'),
    )
  }
}

/** Resolves with the first line that the process prints; rejects when it ends before, or takes too long. */
function firstLine(child: ChildProcess, readyMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const timer = setTimeout(() => reject(new Error(`was not up within ${readyMs / 1_000} s`)), readyMs)
    for (const event of ['exit', 'error']) {
      child.once(event, () => {
        clearTimeout(timer)
        reject(new Error('ended before it was up'))
      })
    }
    child.stdout!.on('data', (chunk: Buffer) => {
      if (text.includes('\n')) return
      text += chunk
      const end = text.indexOf('\n')
      if (end < 0) return
      clearTimeout(timer)
      resolve(text.slice(0, end))
    })
  })
}
