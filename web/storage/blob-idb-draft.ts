import type { Hash } from '../../shared/kernel/ids.ts'
import type { BlobDraft } from '../../shared/storage/blob-store.ts'
import type { RunningSha256 } from './running-sha256.ts'

/** What a draft asks of the store that it is in. */
export interface IdbDraftHome {
  /** Makes room and keeps the bytes after those that are there. */
  append(name: string, receivedBytes: number, bytes: Uint8Array): Promise<void>
  /** What is there is whole and right: it becomes the blob. */
  adopt(name: string, hash: Hash): Promise<void>
  leave(name: string): void
  drop(name: string): Promise<void>
}

/** A draft in IndexedDB. The hash goes along with the bytes, so that the end costs nothing. */
export class BlobIdbDraft implements BlobDraft {
  readonly hash: Hash
  readonly totalBytes: number
  readonly #name: string
  readonly #home: IdbDraftHome
  readonly #sha256: RunningSha256
  #receivedBytes: number
  #tail: Promise<unknown> = Promise.resolve()
  #isOver = false

  /** `sha256` has taken the `receivedBytes` that are there already. */
  constructor(
    name: string,
    hash: Hash,
    totalBytes: number,
    receivedBytes: number,
    sha256: RunningSha256,
    home: IdbDraftHome,
  ) {
    this.#name = name
    this.hash = hash
    this.totalBytes = totalBytes
    this.#receivedBytes = receivedBytes
    this.#sha256 = sha256
    this.#home = home
  }

  get receivedBytes(): number {
    return this.#receivedBytes
  }

  append(bytes: Uint8Array): Promise<void> {
    return this.#inTurn(async () => {
      this.#checkOpen()
      // A copy: the bytes may be part of a larger buffer, which would be kept whole.
      const kept = new Uint8Array(bytes)
      await this.#home.append(this.#name, this.#receivedBytes, kept)
      this.#sha256.update(kept)
      this.#receivedBytes += kept.length
    })
  }

  finish(): Promise<boolean> {
    return this.#inTurn(async () => {
      this.#checkOpen()
      this.#isOver = true
      if (this.#receivedBytes === this.totalBytes && this.#sha256.digest() === this.hash) {
        await this.#home.adopt(this.#name, this.hash)
        return true
      }
      await this.#home.drop(this.#name)
      return false
    })
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#isOver) this.#home.leave(this.#name)
      this.#isOver = true
    })
  }

  discard(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isOver) return
      this.#isOver = true
      await this.#home.drop(this.#name)
    })
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
