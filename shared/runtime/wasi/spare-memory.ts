export const pageBytes = 65_536

/** What it takes to clear more is what it takes to have a new one: about 0.2 ms. */
const sparePagesMax = 32

/**
 * Memories for guests, all zeros like new ones. The last one is used again where it may be: the system takes twenty times
 * as long to set one up, and take it down, as a small program does for its whole run.
 */
export class SpareMemory {
  #spare: { readonly memory: WebAssembly.Memory; readonly min: number; readonly max: number } | undefined

  /** In pages. The memory is the caller's until the next call. */
  take(min: number, max: number): WebAssembly.Memory {
    const spare = this.#spare
    // One that grew can never be as small again as the next guest has to find it.
    if (spare?.min === min && spare.max === max && spare.memory.buffer.byteLength === min * pageBytes) {
      new Uint8Array(spare.memory.buffer).fill(0)
      return spare.memory
    }
    this.#spare = undefined
    const memory = new WebAssembly.Memory({ initial: min, maximum: max })
    if (min <= sparePagesMax) this.#spare = { memory, min, max }
    return memory
  }
}
