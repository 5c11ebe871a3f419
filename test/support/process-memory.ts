import { readFile } from 'node:fs/promises'

const everyMs = 100

/** Peak resident memory of a process of ours, in MiB, as Linux counts it; looked at while it lives. */
export class MemoryWatch {
  readonly #path: string
  readonly #timer: NodeJS.Timeout
  #peakMiB = 0

  constructor(pid: number) {
    this.#path = `/proc/${pid}/status`
    this.#timer = setInterval(() => void this.look(), everyMs)
    void this.look()
  }

  /** The most so far; the kernel keeps it, so nothing between two looks is missed. */
  async look(): Promise<number> {
    const text = await readFile(this.#path, 'utf8').catch(() => '')
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(text)?.[1]
    if (kib !== undefined) this.#peakMiB = Math.max(this.#peakMiB, Math.round(Number(kib) / 1024))
    return this.#peakMiB
  }

  /** Ends the looking. Throws when the process was never seen. */
  close(): number {
    clearInterval(this.#timer)
    if (this.#peakMiB === 0) throw new Error(`${this.#path} told nothing: this needs Linux`)
    return this.#peakMiB
  }
}
