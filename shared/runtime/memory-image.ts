/** Stretches of zeros are told apart in steps of this. */
const stepBytes = 4096

/** What a linear memory held at one moment, to be put back. Stretches of zeros are not kept. */
export class MemoryImage {
  readonly sizeBytes: number
  readonly #stretches: { readonly at: number; readonly bytes: Uint8Array }[] = []

  /** `memory`: whole pages. */
  constructor(memory: Uint8Array) {
    this.sizeBytes = memory.length
    const words = new BigUint64Array(memory.buffer, memory.byteOffset, memory.length / 8)
    let from: number | undefined
    for (let at = 0; at <= memory.length; at += stepBytes) {
      const isZero = at === memory.length || isZeroAt(words, at)
      if (!isZero) from ??= at
      if (!isZero || from === undefined) continue
      this.#stretches.push({ at: from, bytes: memory.slice(from, at) })
      from = undefined
    }
  }

  /** Makes `memory`, of `sizeBytes` or grown since, what it was; what it has grown by is zeros. */
  putBack(memory: Uint8Array): void {
    let end = 0
    for (const { at, bytes } of this.#stretches) {
      memory.fill(0, end, at)
      memory.set(bytes, at)
      end = at + bytes.length
    }
    memory.fill(0, end)
  }
}

function isZeroAt(words: BigUint64Array, at: number): boolean {
  for (let i = at / 8; i < (at + stepBytes) / 8; i++) if (words[i] !== 0n) return false
  return true
}
