import type { Timers } from '../../shared/host/timers.ts'

/** Timers that fire when the test says that time has passed. */
export class ManualTimers implements Timers {
  now = 0
  readonly #set = new Map<number, { readonly at: number; readonly callback: () => void }>()
  #last = 0

  get pending(): number {
    return this.#set.size
  }

  set(callback: () => void, ms: number): number {
    this.#set.set(++this.#last, { at: this.now + ms, callback })
    return this.#last
  }

  clear(handle: unknown): void {
    this.#set.delete(handle as number)
  }

  /** Fires what is due in the order it is due, what is set meanwhile too. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms
    for (;;) {
      const due = [...this.#set].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)[0]
      if (due === undefined) break
      const [id, { at, callback }] = due
      this.#set.delete(id)
      this.now = Math.max(this.now, at)
      callback()
      for (let turn = 0; turn < 10; turn++) await undefined
    }
    this.now = end
  }
}
