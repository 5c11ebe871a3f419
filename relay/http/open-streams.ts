import { Problem } from './problem.ts'

/** A reader is a key, or an address that asks unsigned. Keys are free, so addresses have a limit as well. */
const perReaderMax = 16
const perAddressMax = 512
const allMax = 2_048

export interface OpenStream {
  /** Given when the server closes. */
  readonly signal: AbortSignal
  close(): void
}

/** Answers that are held open: few per reader, bounded in all, ended when the server closes. */
export class OpenStreams {
  readonly #open = new Set<AbortController>()
  readonly #perReader = new Tally()
  readonly #perAddress = new Tally()

  get size(): number {
    return this.#open.size
  }

  /** Throws a Problem when there are too many. */
  open(reader: string, address: string): OpenStream {
    const isFull =
      this.#perReader.of(reader) >= perReaderMax ||
      this.#perAddress.of(address) >= perAddressMax ||
      this.#open.size >= allMax
    if (isFull) throw new Problem('TooManyStreams', 'Too many answers are held open here: close some', 5)
    const controller = new AbortController()
    this.#open.add(controller)
    this.#perReader.add(reader, 1)
    this.#perAddress.add(address, 1)
    return {
      signal: controller.signal,
      close: () => {
        if (!this.#open.delete(controller)) return
        this.#perReader.add(reader, -1)
        this.#perAddress.add(address, -1)
        controller.abort()
      },
    }
  }

  closeAll(): void {
    for (const controller of this.#open) controller.abort()
  }
}

class Tally {
  readonly #counts = new Map<string, number>()

  of(name: string): number {
    return this.#counts.get(name) ?? 0
  }

  add(name: string, by: number): void {
    const count = this.of(name) + by
    if (count === 0) this.#counts.delete(name)
    else this.#counts.set(name, count)
  }
}
