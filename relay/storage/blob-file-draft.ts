import { createHash } from 'node:crypto'
import { constants, type FileHandle, open } from 'node:fs/promises'
import type { Hash } from '../../shared/kernel/ids.ts'
import type { BlobDraft } from '../../shared/storage/blob-store.ts'

/** What a draft asks of the store that it is in. */
export interface DraftHome {
  /** Makes room for so many bytes; rejects with a BlobRefusal. */
  grow(name: string, bytes: number): Promise<void>
  shrink(name: string, bytes: number): void
  /** The file is whole, right and on the disk: it becomes the blob. */
  adopt(name: string, hash: Hash, path: string): Promise<void>
  leave(name: string): void
  drop(name: string, path: string): Promise<void>
  /** What the file system says, as an error for people. */
  failed(path: string, cause: unknown): Error
}

const readBytes = 1024 * 1024

/** A draft as a file: its length is what has come. The hash goes along with the bytes, so that the end costs nothing. */
export class BlobFileDraft implements BlobDraft {
  readonly hash: Hash
  readonly totalBytes: number
  readonly #name: string
  readonly #path: string
  readonly #home: DraftHome
  readonly #file: FileHandle
  readonly #sha256 = createHash('sha256')
  #receivedBytes = 0
  #tail: Promise<unknown> = Promise.resolve()
  #isOver = false

  private constructor(
    name: string,
    hash: Hash,
    totalBytes: number,
    path: string,
    file: FileHandle,
    home: DraftHome,
  ) {
    this.#name = name
    this.hash = hash
    this.totalBytes = totalBytes
    this.#path = path
    this.#file = file
    this.#home = home
  }

  /** Reads what is there of it, `keptBytes`, into the hash. */
  static async open(
    name: string,
    hash: Hash,
    totalBytes: number,
    path: string,
    keptBytes: number,
    home: DraftHome,
  ): Promise<BlobFileDraft> {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600)
    try {
      await file.truncate(keptBytes)
      const draft = new BlobFileDraft(name, hash, totalBytes, path, file, home)
      await draft.#take(keptBytes)
      return draft
    } catch (error) {
      await file.close()
      throw error
    }
  }

  get receivedBytes(): number {
    return this.#receivedBytes
  }

  append(bytes: Uint8Array): Promise<void> {
    return this.#inTurn(async () => {
      this.#checkOpen()
      await this.#home.grow(this.#name, bytes.length)
      try {
        for (let at = 0; at < bytes.length; ) {
          const { bytesWritten } = await this.#file.write(
            bytes,
            at,
            bytes.length - at,
            this.#receivedBytes + at,
          )
          at += bytesWritten
        }
      } catch (error) {
        this.#home.shrink(this.#name, bytes.length)
        throw this.#home.failed(this.#path, error)
      }
      this.#sha256.update(bytes)
      this.#receivedBytes += bytes.length
    })
  }

  finish(): Promise<boolean> {
    return this.#inTurn(async () => {
      this.#checkOpen()
      const isWhole = this.#receivedBytes === this.totalBytes
      if (!isWhole || this.#sha256.digest('hex') !== this.hash) {
        await this.#discard()
        return false
      }
      this.#isOver = true
      try {
        await this.#file.sync()
        await this.#file.close()
        await this.#home.adopt(this.#name, this.hash, this.#path)
        return true
      } catch (error) {
        this.#home.leave(this.#name)
        throw this.#home.failed(this.#path, error)
      }
    })
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isOver) return
      this.#isOver = true
      await this.#file.close()
      this.#home.leave(this.#name)
    })
  }

  discard(): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#isOver) await this.#discard()
    })
  }

  async #discard(): Promise<void> {
    this.#isOver = true
    await this.#file.close()
    await this.#home.drop(this.#name, this.#path)
  }

  async #take(bytes: number): Promise<void> {
    const buffer = Buffer.allocUnsafe(Math.min(bytes, readBytes))
    while (this.#receivedBytes < bytes) {
      const length = Math.min(buffer.length, bytes - this.#receivedBytes)
      const { bytesRead } = await this.#file.read(buffer, 0, length, this.#receivedBytes)
      if (bytesRead === 0) throw new Error('the file is shorter than it was')
      this.#sha256.update(buffer.subarray(0, bytesRead))
      this.#receivedBytes += bytesRead
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(work)
    this.#tail = done.catch(() => undefined)
    return done
  }

  #checkOpen(): void {
    if (this.#isOver) throw new Error(`the draft of ${this.hash} is closed`)
  }
}
