import type { Analysis } from './analysis.ts'
import type { ModuleContent } from './content.ts'
import { valueTypes } from './content.ts'

/*
 * The host's stack is not the same size everywhere, and what a frame takes of it differs between engines and between the
 * tiers of one. So each function has an estimate that no engine's tier exceeds, and calls are paid for with it from a
 * budget that is the same everywhere and smaller than any host's stack.
 */

/** Return address, saved registers, instance, alignment, and what instrumenting adds. */
const baseBytes = 192
const valueBytes = 8

/** Above this a function's frame is paid for before it is made, by a small function in front of it. */
export const frameBytesAhead = 4096

/**
 * Bytes that the functions outside of recursions may take together on their longest way; up to this they are paid once,
 * at the start of the program, and not with each call.
 */
export const staticBytesMax = 64 * 1024

type Values = Pick<Analysis, 'height' | 'passed' | 'reused'>

export class Frames {
  readonly #content: ModuleContent
  /** Values of 16 bytes make all slots 16 bytes wide. */
  readonly #wide: boolean

  constructor(content: ModuleContent, vectors: boolean) {
    this.#content = content
    this.#wide =
      vectors ||
      content.types.some(({ parameters, results }) => {
        return parameters.includes(valueTypes.v128) || results.includes(valueTypes.v128)
      })
  }

  bytes(func: number, locals: number, { height, passed, reused }: Values): number {
    const { parameters, results } = this.#content.typeOf(func)
    const values = 2 * parameters.length + results.length + locals + height + passed + reused
    return baseBytes + valueBytes * (this.#wide ? 2 : 1) * values
  }

  /** Of a function that only calls one of its own type. */
  thunkBytes(func: number): number {
    const { parameters, results } = this.#content.typeOf(func)
    const passed = Math.max(parameters.length, results.length)
    return this.bytes(func, 0, { height: passed, passed, reused: 0 })
  }
}
