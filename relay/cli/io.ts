/** Where a command speaks; tests listen in. */
export interface Io {
  /** Results: waits when their reader is slow, rejects with ReaderGone when there is none any more. */
  out(text: string): Promise<void>
  /** Everything else. */
  err(text: string): void
  /** What comes in, until its end. */
  input(): AsyncIterable<Uint8Array>
  /** Whether somebody watches stderr. */
  readonly isTerminal: boolean
  /** Whether somebody types what comes in. */
  readonly isTyped: boolean
}

/** Whoever read our output has left (`… | head`): nothing more is to be said, not even that. */
export class ReaderGone extends Error {
  constructor() {
    super('the reader of the output has left')
    this.name = 'ReaderGone'
  }
}

export function processIo(): Io {
  // Without listeners the loss of a reader would end the process with a stack trace.
  process.stdout.on('error', () => {})
  process.stderr.on('error', () => {})
  return {
    out: (text) =>
      new Promise((resolve, reject) => {
        process.stdout.write(text, (error) => {
          if (error === undefined || error === null) resolve()
          else reject(new ReaderGone())
        })
      }),
    err: (text) => void process.stderr.write(text),
    input: () => process.stdin,
    isTerminal: process.stderr.isTTY === true,
    isTyped: process.stdin.isTTY === true,
  }
}
