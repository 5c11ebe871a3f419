import { blockParameters, blockResults } from './block-types.ts'
import type { ModuleContent } from './content.ts'
import { Numbers } from './numbers.ts'

/** The blocks that are open while a body is read. */
export class OpenBlocks {
  readonly #content: ModuleContent
  readonly #ops = new Numbers()
  readonly #types = new Numbers()
  /** Whether a branch goes to the block. */
  readonly #targeted = new Numbers()
  #results = 0

  constructor(content: ModuleContent) {
    this.#content = content
  }

  get depth(): number {
    return this.#ops.length
  }

  /** For the next body, of a function with that many results. */
  start(results: number): void {
    this.#results = results
    this.#ops.length = 0
    this.#types.length = 0
    this.#targeted.length = 0
  }

  enter(op: number, type: number): void {
    this.#ops.push(op)
    this.#types.push(type)
    this.#targeted.push(0)
  }

  leave(): void {
    if (this.#ops.length === 0) return
    this.#ops.length--
    this.#types.length--
    this.#targeted.length--
  }

  /** The innermost is a `block`, and no branch went to it. */
  get quiet(): boolean {
    const top = this.#ops.length - 1
    return top >= 0 && this.#ops.at(top) === 0x02 && this.#targeted.at(top) === 0
  }

  target(depth: number): void {
    const block = this.#targeted.length - 1 - depth
    if (block >= 0) this.#targeted.items[block] = 1
  }

  /** Number of values that a branch takes. */
  arity(depth: number): number {
    const block = this.#ops.length - 1 - depth
    if (block < 0) return this.#results
    const type = this.#types.at(block)
    return this.#ops.at(block) === 0x03
      ? blockParameters(this.#content, type)
      : blockResults(this.#content, type)
  }
}
