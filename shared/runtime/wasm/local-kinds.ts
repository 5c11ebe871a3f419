import { valueTypes } from './content.ts'
import type { Instructions } from './instructions.ts'

/**
 * What is known of the NaNs in each local of a function, over all that is ever written to it: clean, open in one shape,
 * or exact. Begins with the best and gets worse with each write that says so, until a pass over the body changes nothing.
 */
export class LocalKinds {
  readonly clean = 0
  readonly exact = 255
  changed = false
  #kinds = new Uint8Array(256)
  #count = 0

  start(parameters: number, code: Instructions): void {
    this.#count = parameters + code.locals
    if (this.#kinds.length < this.#count) this.#kinds = new Uint8Array(this.#count * 2)
    const kinds = this.#kinds
    kinds.fill(this.exact, 0, parameters)
    let at = parameters
    for (const { type, count } of code.localGroups) {
      const float = type === valueTypes.f32 || type === valueTypes.f64 || type === valueTypes.v128
      kinds.fill(float ? this.clean : this.exact, at, at + count)
      at += count
    }
  }

  shapeOf(local: number): number {
    return this.#kinds[local]!
  }

  /** What the local is after a value of the kind was written to it. */
  write(local: number, kind: number): number {
    const before = this.#kinds[local]!
    if (before === kind || before === this.exact || kind === this.clean) return before
    this.changed = true
    const after = before === this.clean ? kind : this.exact
    this.#kinds[local] = after
    return after
  }

  /** Gives up what is not certain yet: every local counts as exact. */
  giveUp(): void {
    this.#kinds.fill(this.exact, 0, this.#count)
  }
}
