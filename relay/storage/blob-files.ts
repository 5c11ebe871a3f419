import { readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { toHex } from '../../shared/kernel/bytes.ts'
import type { Hash } from '../../shared/kernel/ids.ts'
import {
  BlobBudget,
  type BlobLimits,
  type BlobStore,
  defaultBlobLimits,
  isHash,
} from '../../shared/storage/blob-store.ts'
import { StorageError } from '../../shared/storage/store.ts'
import { explainFileError, makePrivateDirectory, syncDirectory, writeAndSync } from './files.ts'

/** Where files are written before they are renamed; emptied at start. */
const draftsName = 'drafts'

/**
 * Blobs as files, `<directory>/ab/abcdef…`, each written beside and renamed when it is whole and on the disk. A crash
 * leaves whole blobs, and drafts that the next start removes. One process owns the directory.
 */
export class BlobFiles implements BlobStore {
  readonly #directory: string
  readonly #budget: BlobBudget
  /** Writes and deletions under way, one at a time per blob. */
  readonly #changing = new Map<Hash, Promise<unknown>>()
  #drafts = 0
  #isClosed = false

  private constructor(directory: string, budget: BlobBudget) {
    this.#directory = directory
    this.#budget = budget
  }

  /** Makes the directory (0700) and counts what is in it. Rejects with StorageError `OpenFailed` naming the path. */
  static async open(directory: string, limits: BlobLimits = defaultBlobLimits): Promise<BlobFiles> {
    try {
      await rm(join(directory, draftsName), { recursive: true, force: true })
      await makePrivateDirectory(join(directory, draftsName))
      return new BlobFiles(directory, new BlobBudget(limits, await sizeOfBlobs(directory)))
    } catch (error) {
      throw failed('OpenFailed', 'open', directory, error)
    }
  }

  async get(hash: Hash): Promise<Uint8Array | undefined> {
    this.#checkOpen()
    const path = this.#pathOf(hash)
    let bytes: Uint8Array
    try {
      bytes = new Uint8Array(await readFile(path))
    } catch (error) {
      if (isMissing(error)) return undefined
      throw failed('ReadFailed', 'read', path, error)
    }
    if ((await hashOf(bytes)) === hash) return bytes
    await this.delete(hash)
    return undefined
  }

  async put(bytes: Uint8Array): Promise<Hash> {
    this.#checkOpen()
    const blob = new Uint8Array(bytes)
    const hash = await hashOf(blob)
    await this.#change(hash, async () => {
      if ((await this.#sizeOf(hash)) !== undefined) return
      this.#budget.reserve(blob.length)
      try {
        await this.#write(hash, blob)
      } catch (error) {
        this.#budget.release(blob.length)
        throw failed('WriteFailed', 'write', this.#pathOf(hash), error)
      }
    })
    return hash
  }

  async has(hash: Hash): Promise<boolean> {
    this.#checkOpen()
    return (await this.#sizeOf(hash)) !== undefined
  }

  async delete(hash: Hash): Promise<void> {
    this.#checkOpen()
    await this.#change(hash, async () => {
      const size = await this.#sizeOf(hash)
      if (size === undefined) return
      try {
        await rm(this.#pathOf(hash), { force: true })
      } catch (error) {
        throw failed('WriteFailed', 'delete', this.#pathOf(hash), error)
      }
      this.#budget.release(size)
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled(this.#changing.values())
  }

  async #write(hash: Hash, blob: Uint8Array): Promise<void> {
    this.#drafts += 1
    const draft = join(this.#directory, draftsName, `${hash}-${this.#drafts}`)
    const folder = join(this.#directory, hash.slice(0, 2))
    try {
      await makePrivateDirectory(folder)
      await writeAndSync(draft, blob, 0o600)
      await rename(draft, this.#pathOf(hash))
    } catch (error) {
      await rm(draft, { force: true })
      throw error
    }
    await syncDirectory(folder)
    await syncDirectory(this.#directory)
  }

  /** Does the work after whatever else is being done to the same blob. */
  async #change(hash: Hash, work: () => Promise<void>): Promise<void> {
    const before = this.#changing.get(hash) ?? Promise.resolve()
    const change = before.catch(() => undefined).then(work)
    this.#changing.set(hash, change)
    try {
      await change
    } finally {
      if (this.#changing.get(hash) === change) this.#changing.delete(hash)
    }
  }

  async #sizeOf(hash: Hash): Promise<number | undefined> {
    try {
      return (await stat(this.#pathOf(hash))).size
    } catch (error) {
      if (isMissing(error)) return undefined
      throw failed('ReadFailed', 'read', this.#pathOf(hash), error)
    }
  }

  #pathOf(hash: Hash): string {
    // A path is made of it: anything but a hash must not get here.
    if (!isHash(hash)) throw new RangeError('a blob is named by 64 lowercase hex digits')
    return join(this.#directory, hash.slice(0, 2), hash)
  }

  #checkOpen(): void {
    if (!this.#isClosed) return
    throw new StorageError(
      'Closed',
      `The blob store in ${this.#directory} takes no more requests: it was closed`,
    )
  }
}

async function sizeOfBlobs(directory: string): Promise<number> {
  let total = 0
  for (const folder of await readdir(directory)) {
    if (!/^[0-9a-f]{2}$/.test(folder)) continue
    for (const name of await readdir(join(directory, folder))) {
      if (isHash(name)) total += (await stat(join(directory, folder, name))).size
    }
  }
  return total
}

async function hashOf(bytes: Uint8Array): Promise<Hash> {
  // Off the main thread, since a blob may have 64 MiB.
  return toHex(
    new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)),
  ) as Hash
}

function isMissing(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ENOENT'
}

function failed(code: StorageError['code'], verb: string, path: string, cause: unknown): StorageError {
  return new StorageError(code, `Cannot ${verb} ${path}: ${explainFileError(cause)}`, cause)
}
