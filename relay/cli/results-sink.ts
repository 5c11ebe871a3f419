import { type FileHandle, open } from 'node:fs/promises'
import { inWords } from '../file-words.ts'
import { callersPath } from './files.ts'
import type { Io } from './io.ts'
import { UsageError } from './usage-error.ts'

/** Where results go, one line each. */
export interface ResultsSink {
  /** Resolves when the reader has it, or when there is room for it in memory where it goes to a file. */
  write(line: string): Promise<void>
  /** Bytes written so far, from the beginning of the job on; `null` where that cannot be gone back to. */
  readonly bytes: number | null
  /** When it resolves, what was written outlives the machine. */
  sync(): Promise<void>
  close(): Promise<void>
}

export const stdoutSink = (io: Io): ResultsSink => ({
  write: (line) => io.out(line),
  bytes: null,
  sync: async () => {},
  close: async () => {},
})

const bufferBytesMax = 64 * 1024

/** A file of results, gone on with behind its first `keptBytes`: what a run wrote there and did not note is cut off. */
export class FileSink implements ResultsSink {
  readonly #file: FileHandle
  readonly #name: string
  #lines: Buffer[] = []
  #waitingBytes = 0
  #written: number
  #writing: Promise<void> = Promise.resolve()

  private constructor(file: FileHandle, name: string, keptBytes: number) {
    this.#file = file
    this.#name = name
    this.#written = keptBytes
  }

  /** Rejects with a UsageError when the file cannot be written, or is shorter than that. */
  static async open(name: string, keptBytes: number): Promise<FileSink> {
    let file: FileHandle
    try {
      file = await open(callersPath(name), keptBytes === 0 ? 'w' : 'r+')
    } catch (error) {
      throw new UsageError(`The output ${name} could not be written (${inWords(error)})`)
    }
    try {
      const { size } = await file.stat()
      if (size < keptBytes) {
        const message = `The output ${name} has ${size} bytes, and this job wrote ${keptBytes}: it is another file, or was changed`
        throw new UsageError(message)
      }
      await file.truncate(keptBytes)
      return new FileSink(file, name, keptBytes)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  get bytes(): number {
    return this.#written + this.#waitingBytes
  }

  async write(line: string): Promise<void> {
    const bytes = Buffer.from(line)
    this.#lines.push(bytes)
    this.#waitingBytes += bytes.length
    if (this.#waitingBytes >= bufferBytesMax) await this.#flush()
  }

  async sync(): Promise<void> {
    await this.#flush()
    await this.#file.datasync().catch((error: unknown) => this.#fail(error))
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  /** One after another, each at its place. */
  #flush(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      const bytes = Buffer.concat(this.#lines)
      const at = this.#written
      this.#lines = []
      this.#written += bytes.length
      this.#waitingBytes -= bytes.length
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, at + done)
        done += bytesWritten
      }
    })
    return this.#writing.catch((error: unknown) => this.#fail(error))
  }

  #fail(error: unknown): never {
    throw new OutputError(`The results could not be written to ${this.#name} (${inWords(error)})`)
  }
}

/** What was computed cannot be kept. */
export class OutputError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'OutputError'
  }
}
