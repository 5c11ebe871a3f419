import type { Progress } from '../../shared/client/job-progress.ts'
import type { Notice } from '../../shared/client/patience.ts'
import type { ItemResult } from '../../shared/client/result-line.ts'
import { type ErrorFields, errorFields } from './error-fields.ts'
import type { Io } from './io.ts'
import { oneLine } from './one-line.ts'

const failuresShown = 3

/** On a terminal progress is written no more often, in ms, once there is much of it. */
const everyMs = 100
const manyItems = 1_000

/** What `submit` and `map` say on stderr: progress in place on a terminal, else only what one must know. */
export class Voice {
  readonly #io: Io
  /** Where it is known how many there are. */
  readonly #items: number | undefined
  readonly #startedAt = performance.now()
  #writtenAt = Number.NEGATIVE_INFINITY
  #doneBefore = 0
  #missing = 0
  #busy = ''
  #isJobTold = false
  #failures = 0
  #shown = ''

  constructor(io: Io, items: number | undefined) {
    this.#io = io
    this.#items = items
  }

  /** Items that an earlier run of the job has done. */
  doneBefore(items: number): void {
    this.#doneBefore = items
  }

  say(text: string): void {
    this.#io.err(`${this.#shown === '' ? '' : clearLine}${text}\n`)
    this.#shown = ''
  }

  /** Says why the command cannot go on, and gives it as its JSON has it. */
  fault(error: unknown): ErrorFields {
    const fields = errorFields(error)
    this.say(`tabmesh: ${fields.message}`)
    return fields
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

  /** That the job is at the relay, once: whoever kills this command can still end or follow it by its id. */
  jobBegun(jobId: string, isJson: boolean): void {
    if (this.#isJobTold) return
    this.#isJobTold = true
    this.say(isJson ? JSON.stringify({ jobId }) : `job ${jobId}: follow it with  tabmesh watch ${jobId}`)
  }

  progress({ completed, failed, missingWorkers }: Progress): void {
    if (missingWorkers !== this.#missing) {
      this.#missing = missingWorkers
      if (missingWorkers > 0) {
        this.say(`waiting for ${missingWorkers} more ${missingWorkers === 1 ? 'worker' : 'workers'}`)
      }
    }
    if (!this.#io.isTerminal) return
    const now = performance.now()
    if ((this.#items ?? manyItems) >= manyItems && now - this.#writtenAt < everyMs) return
    this.#writtenAt = now
    this.show(this.#text(completed + failed, failed))
  }

  /** In place of what was shown before; for a terminal. */
  show(text: string): void {
    if (text === this.#shown) return
    this.#io.err(clearLine + text)
    this.#shown = text
  }

  #text(done: number, failed: number): string {
    if (this.#items !== undefined) {
      const percent = Math.floor((100 * done) / Math.max(1, this.#items))
      return `${done} of ${this.#items} (${percent} %)`
    }
    const seconds = (performance.now() - this.#startedAt) / 1_000
    const rate = seconds > 1 ? `, ${Math.round((done - this.#doneBefore) / seconds)} a second` : ''
    return `${done} done${failed > 0 ? `, ${failed} of them failed` : ''}${rate}`
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
