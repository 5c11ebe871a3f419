import { readdir, readFile, rename, rm, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { toHex } from '../../shared/kernel/bytes.ts'
import type { Hash } from '../../shared/kernel/ids.ts'
import { BlobCatalog, type Evicted } from '../../shared/storage/blob-catalog.ts'
import {
  type BlobDraft,
  type BlobLimits,
  BlobRefusal,
  type BlobStore,
  checkHash,
  type DraftState,
  defaultBlobLimits,
  draftName,
} from '../../shared/storage/blob-store.ts'
import { StorageError } from '../../shared/storage/store.ts'
import { BlobFileDraft, type DraftHome } from './blob-file-draft.ts'
import { blobsIn, draftsIn, hashOfFile, readPart } from './blob-folder.ts'
import { explainFileError, makePrivateDirectory, syncDirectory, writeAndSync } from './files.ts'

/** Where files are written before they are renamed. */
const draftsName = 'drafts'

/**
 * Blobs as files, `<directory>/ab/abcdef…`, each written beside and renamed when it is whole and on the disk. A crash
 * leaves whole blobs, and drafts: those of blobs that come in parts are gone on with, `drafts/<hash>.<owner>.<total>`,
 * others removed at the next start. A file's time of change is when the blob was last used. One process owns the
 * directory.
 */
export class BlobFiles implements BlobStore {
  readonly #directory: string
  readonly #catalog: BlobCatalog
  readonly #home: DraftHome
  /** Writes and deletions under way, one at a time per blob. */
  readonly #changing = new Map<Hash, Promise<unknown>>()
  readonly #drafts = new Set<BlobDraft>()
  #writes = 0
  #isClosed = false

  private constructor(directory: string, catalog: BlobCatalog) {
    this.#directory = directory
    this.#catalog = catalog
    this.#home = {
      grow: (name, bytes) => this.#clear(catalog.growDraft(name, bytes)),
      shrink: (name, bytes) => catalog.shrinkDraft(name, bytes),
      adopt: (name, hash, path) => this.#adopt(name, hash, path),
      leave: (name) => catalog.closeDraft(name),
      drop: async (name, path) => {
        await rm(path, { force: true })
        catalog.dropDraft(name)
      },
      failed: (path, cause) =>
        cause instanceof BlobRefusal || cause instanceof RangeError ? cause : unwritten(path, cause),
    }
  }

  /** Makes the directory (0700) and counts what is in it. Rejects with StorageError `OpenFailed` naming the path. */
  static async open(
    directory: string,
    limits: BlobLimits = defaultBlobLimits,
    clock: () => number = Date.now,
  ): Promise<BlobFiles> {
    try {
      await makePrivateDirectory(join(directory, draftsName))
      const drafts = await draftsIn(join(directory, draftsName), clock())
      return new BlobFiles(directory, new BlobCatalog(limits, clock, await blobsIn(directory), drafts))
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
      if (isMissing(error)) return this.#lost(hash)
      throw failed('ReadFailed', 'read', path, error)
    }
    if ((await hashOf(bytes)) === hash) {
      this.#catalog.checked(hash)
      await this.#used(hash)
      return bytes
    }
    await this.delete(hash)
    return undefined
  }

  async read(hash: Hash, offset: number, length: number): Promise<Uint8Array | undefined> {
    this.#checkOpen()
    const path = this.#pathOf(hash)
    try {
      if (!this.#catalog.isChecked(hash)) {
        if ((await hashOfFile(path)) !== hash) return void (await this.delete(hash))
        this.#catalog.checked(hash)
      }
      const bytes = await readPart(path, offset, length)
      await this.#used(hash)
      return bytes
    } catch (error) {
      if (isMissing(error)) return this.#lost(hash)
      throw failed('ReadFailed', 'read', path, error)
    }
  }

  async put(bytes: Uint8Array): Promise<Hash> {
    this.#checkOpen()
    const blob = new Uint8Array(bytes)
    const hash = await hashOf(blob)
    await this.#change(hash, async () => {
      if (this.#catalog.sizeOf(hash) !== undefined) return await this.#used(hash)
      await this.#clear(this.#catalog.reserve(blob.length))
      try {
        await this.#write(hash, blob)
        this.#catalog.add(hash, blob.length)
      } catch (error) {
        this.#catalog.release(blob.length)
        throw unwritten(this.#pathOf(hash), error)
      }
    })
    return hash
  }

  async has(hash: Hash): Promise<boolean> {
    return (await this.sizeOf(hash)) !== undefined
  }

  async sizeOf(hash: Hash): Promise<number | undefined> {
    this.#checkOpen()
    checkHash(hash)
    return this.#catalog.sizeOf(hash)
  }

  async delete(hash: Hash): Promise<void> {
    this.#checkOpen()
    const path = this.#pathOf(hash)
    await this.#change(hash, async () => {
      try {
        await rm(path, { force: true })
      } catch (error) {
        throw failed('WriteFailed', 'delete', path, error)
      }
      this.#catalog.remove(hash)
    })
  }

  async draftOf(hash: Hash, owner: string): Promise<DraftState | undefined> {
    this.#checkOpen()
    const draft = this.#catalog.draft(draftName(hash, owner))
    return draft && { totalBytes: draft.totalBytes, receivedBytes: draft.receivedBytes }
  }

  async draft(hash: Hash, totalBytes: number, owner: string): Promise<BlobDraft> {
    this.#checkOpen()
    const name = draftName(hash, owner)
    await this.#clear(this.#catalog.openDraft(name, totalBytes))
    const keptBytes = this.#catalog.draft(name)!.receivedBytes
    const path = join(this.#directory, draftsName, `${name}.${totalBytes}`)
    try {
      const draft = await BlobFileDraft.open(name, hash, totalBytes, path, keptBytes, this.#home)
      this.#drafts.add(draft)
      return draft
    } catch (error) {
      this.#catalog.dropDraft(name)
      throw unwritten(path, error)
    }
  }

  /** OPS-02: another limit, from now on. */
  limitTo(totalBytesMax: number): void {
    this.#catalog.limitTo(totalBytesMax)
  }

  pin(hash: Hash): () => void {
    return this.#catalog.pin(hash)
  }

  protect(inUse: () => Iterable<Hash>): void {
    this.#catalog.protect(inUse)
  }

  async sweep(unusedMs: number, deletionsMax: number): Promise<number> {
    this.#checkOpen()
    const blobs = this.#catalog.takeUnused(unusedMs, deletionsMax)
    await this.#clear({ blobs, drafts: this.#catalog.expireDrafts() })
    return blobs.length
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled([...this.#drafts].map((draft) => draft.close()))
    await Promise.allSettled(this.#changing.values())
  }

  /** Deletes what had to go. What cannot be deleted is no longer counted; the next start finds it again. */
  async #clear({ blobs, drafts }: Evicted): Promise<void> {
    for (const hash of blobs) {
      await this.#change(hash, async () => {
        // It may have come anew meanwhile.
        if (this.#catalog.sizeOf(hash) === undefined) await rm(this.#pathOf(hash), { force: true })
      })
    }
    if (drafts.length === 0) return
    const folder = join(this.#directory, draftsName)
    for (const file of await readdir(folder)) {
      const name = file.slice(0, file.lastIndexOf('.'))
      if (drafts.includes(name) && !this.#isOpenDraft(file)) await rm(join(folder, file), { force: true })
    }
  }

  #isOpenDraft(file: string): boolean {
    const at = file.lastIndexOf('.')
    return this.#catalog.draft(file.slice(0, at))?.totalBytes === Number(file.slice(at + 1))
  }

  async #write(hash: Hash, blob: Uint8Array): Promise<void> {
    this.#writes += 1
    const written = join(this.#directory, draftsName, `${hash}-${this.#writes}`)
    try {
      await writeAndSync(written, blob, 0o600)
      await this.#place(hash, written)
    } catch (error) {
      await rm(written, { force: true })
      throw error
    }
  }

  async #adopt(name: string, hash: Hash, path: string): Promise<void> {
    await this.#change(hash, async () => {
      if (this.#catalog.sizeOf(hash) === undefined) await this.#place(hash, path)
      else await rm(path, { force: true })
      this.#catalog.finishDraft(name, hash)
    })
  }

  async #place(hash: Hash, path: string): Promise<void> {
    const folder = join(this.#directory, hash.slice(0, 2))
    await makePrivateDirectory(folder)
    await rename(path, this.#pathOf(hash))
    await syncDirectory(folder)
    await syncDirectory(this.#directory)
  }

  async #used(hash: Hash): Promise<void> {
    if (!this.#catalog.touch(hash)) return
    const now = new Date()
    // For want of it the blob only counts as used longer ago.
    await utimes(this.#pathOf(hash), now, now).catch(() => undefined)
  }

  #lost(hash: Hash): undefined {
    this.#catalog.remove(hash)
    return undefined
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

  #pathOf(hash: Hash): string {
    // A path is made of it: anything but a hash must not get here.
    checkHash(hash)
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

async function hashOf(bytes: Uint8Array): Promise<Hash> {
  // Off the main thread, since a blob may have 64 MiB.
  return toHex(
    new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)),
  ) as Hash
}

function isMissing(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ENOENT'
}

/** A full disk is as good as a full store: what is here stays, and whoever brings more is told to come later. */
function unwritten(path: string, cause: unknown): Error {
  const { code } = cause as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new BlobRefusal('Full', `Cannot write ${path}: ${explainFileError(cause)}`, cause)
  return failed('WriteFailed', 'write', path, cause)
}

function failed(code: StorageError['code'], verb: string, path: string, cause: unknown): StorageError {
  return new StorageError(code, `Cannot ${verb} ${path}: ${explainFileError(cause)}`, cause)
}
