import type { Progress } from '../../shared/client/job-progress.ts'
import type { Notice } from '../../shared/client/patience.ts'
import type { ItemResult } from '../../shared/client/result-line.ts'
import type { Io } from './io.ts'

const failuresShown = 3

/** What `submit` says on stderr: progress in place on a terminal, else only what one must know. */
export class Voice {
  readonly #io: Io
  readonly #items: number
  #missing = 0
  #busy = ''
  #failures = 0
  #shown = ''

  constructor(io: Io, items: number) {
    this.#io = io
    this.#items = items
  }

  say(text: string): void {
    this.#io.err(`${this.#shown === '' ? '' : clearLine}${text}\n`)
    this.#shown = ''
  }

  notice(notice: Notice): void {
    switch (notice.type) {
      case 'away':
        return this.say(
          `the relay is away (${notice.reason}); trying again for up to ${notice.waitSeconds} s`,
        )
      case 'back':
        return this.say('the relay is back')
      case 'moved':
        return this.say(`going on with the relay at ${notice.relay} (the one before: ${notice.reason})`)
      case 'dropped':
        return this.say(`the relay at ${notice.relay} serves another network; it is not asked any more`)
      case 'busy':
        if (this.#busy !== notice.message) this.say(notice.message)
        this.#busy = notice.message
    }
  }

  progress({ completed, failed, missingWorkers }: Progress): void {
    if (missingWorkers !== this.#missing) {
      this.#missing = missingWorkers
      if (missingWorkers > 0) {
        this.say(`waiting for ${missingWorkers} more ${missingWorkers === 1 ? 'worker' : 'workers'}`)
      }
    }
    if (!this.#io.isTerminal) return
    const done = completed + failed
    const percent = Math.floor((100 * done) / Math.max(1, this.#items))
    const text = `${done} of ${this.#items} (${percent} %)`
    if (text === this.#shown) return
    this.#io.err(clearLine + text)
    this.#shown = text
  }

  failure({ index, error }: Extract<ItemResult, { status: 'failed' }>): void {
    if (++this.#failures > failuresShown) return
    this.say(`item ${index} failed: ${error.kind}: ${oneLine(error.message)}`)
  }

  /** After the last item. */
  restOfFailures(): void {
    const more = this.#failures - failuresShown
    if (more > 0) this.say(`and ${more} more ${more === 1 ? 'item' : 'items'} failed`)
  }
}

const clearLine = '\r\u001b[K'

export const oneLine = (text: string): string => text.replaceAll(/\s*[\r\n\u2028\u2029]+\s*/g, ' ')
