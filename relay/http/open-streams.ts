import { Problem } from './problem.ts'

const perReaderMax = 16
const allMax = 256

export interface OpenStream {
  /** Given when the server closes. */
  readonly signal: AbortSignal
  close(): void
}

/** Answers that are held open: few per reader, bounded in all, ended when the server closes. */
export class OpenStreams {
  readonly #open = new Map<AbortController, string>()

  get size(): number {
    return this.#open.size
  }

  /** Throws a Problem when there are too many. */
  open(reader: string): OpenStream {
    let own = 0
    for (const each of this.#open.values()) if (each === reader) own++
    if (own >= perReaderMax || this.#open.size >= allMax) {
      throw new Problem(429, 'TooManyStreams', 'Too many answers are held open here, close some', 5)
    }
    const controller = new AbortController()
    this.#open.set(controller, reader)
    return {
      signal: controller.signal,
      close: () => {
        this.#open.delete(controller)
        controller.abort()
      },
    }
  }

  closeAll(): void {
    for (const controller of [...this.#open.keys()]) controller.abort()
  }
}
