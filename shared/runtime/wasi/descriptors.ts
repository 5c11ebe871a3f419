import type { Stream } from './streams.ts'

export interface Descriptor {
  readonly stream: Stream
  /** Tells the streams apart as files: 1 input, 2 output, 3 log. */
  readonly inode: bigint
  /** As the guest set them; they change nothing. */
  flags: number
}

/** The guest's open files: at first input, output and log as 0, 1 and 2, and never another. */
export class Descriptors {
  readonly #open: (Descriptor | undefined)[]

  constructor(streams: readonly [Stream, Stream, Stream]) {
    this.#open = streams.map((stream, i) => ({ stream, inode: BigInt(i + 1), flags: 0 }))
  }

  get(fd: number): Descriptor | undefined {
    return this.#open[fd]
  }

  /** Both must be open: `to` is closed and stands for what `from` did, which is closed. */
  move(from: number, to: number): void {
    const descriptor = this.#open[from]
    this.#open[from] = undefined
    this.#open[to] = descriptor
  }

  close(fd: number): void {
    this.#open[fd] = undefined
  }
}
