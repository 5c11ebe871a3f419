import { readdir, readFile, rmdir } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { crc32 } from 'node:zlib'
import type { HostLog } from '../../shared/host/host-log.ts'
import {
  type BatchOptions,
  equalValues,
  fencedError,
  type ListOptions,
  StorageError,
  type Store,
  type StoreChange,
  type StoreRow,
} from '../../shared/storage/store.ts'
import { checkStoreKey, checkStorePrefix, endOfPrefix } from '../../shared/storage/store-key.ts'
import { DirectoryLock } from './directory-lock.ts'
import { type Disk, realDisk } from './disk.ts'
import { FileJournal } from './file-journal.ts'
import { fileOfKey, keyOfFile } from './file-names.ts'
import { explainFileError } from './files.ts'
import { type WriteGroup, WriteQueue } from './write-queue.ts'

/** Files written or read at a time. */
const filesAtATime = 16

/**
 * A store of files, one to a row: `{directory}/{key}.json` (file-names.ts) has `{"key", "crc32", "value"}`, the value in
 * base64. The keys are in memory, the values are not. One process owns the directory.
 *
 * A batch: 1. the journal has it, and from here on it counts; 2. every file is written beside, synced and renamed, and
 * the directories are synced; 3. it resolves. The next start makes the journal's changes again. After a failure in
 * between the store refuses everything, because half of a batch would show.
 */
export class FilesStore implements Store {
  readonly consistency = 'strong'
  readonly #directory: string
  readonly #disk: Disk
  readonly #lock: DirectoryLock
  readonly #journal: FileJournal
  readonly #queue: WriteQueue
  readonly #keys = new Set<string>()
  readonly #directories = new Set<string>()
  #sortedKeys: readonly string[] | undefined
  #filesWritten = 0
  /** Groups are written and lists read one at a time. */
  #turn: Promise<unknown> = Promise.resolve()
  #failure: unknown
  #closing: Promise<void> | undefined

  private constructor(directory: string, lock: DirectoryLock, disk: Disk) {
    this.#directory = directory
    this.#disk = disk
    this.#lock = lock
    this.#journal = new FileJournal(directory, disk)
    this.#queue = new WriteQueue((group) => this.#inTurn(() => this.#write(group)))
  }

  /** Makes the directory (0700) and ends what a crash left half done. Rejects with StorageError `OpenFailed`. */
  static async open(directory: string, log: HostLog, disk: Disk = realDisk): Promise<FilesStore> {
    let lock: DirectoryLock | undefined
    try {
      await disk.makeDirectory(directory)
      lock = DirectoryLock.take(directory)
      if (lock === undefined) {
        throw new Error(
          'another process uses it; stop that one or give this one a directory of its own with --data',
        )
      }
      const store = new FilesStore(directory, lock, disk)
      await store.#scan(directory)
      await store.#recover(log)
      return store
    } catch (error) {
      lock?.release()
      throw new StorageError(
        'OpenFailed',
        `Cannot open the store at ${directory}: ${explainFileError(error)}`,
        error,
      )
    }
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    checkStoreKey(key)
    this.#checkOpen('ReadFailed')
    await this.#queue.settled()
    return await this.#inTurn(() => this.#read(key))
  }

  async list(prefix: string, { from, limit }: ListOptions = {}): Promise<StoreRow[]> {
    checkStorePrefix(prefix)
    if (from !== undefined) checkStorePrefix(from)
    this.#checkOpen('ReadFailed')
    await this.#queue.settled()
    return await this.#inTurn(async () => {
      const keys = this.#keysIn(prefix, from, limit)
      const values = await eachAtATime(keys, (key) => this.#read(key))
      return keys.flatMap((key, i) => (values[i] === undefined ? [] : [{ key, value: values[i] }]))
    })
  }

  async batch(changes: readonly StoreChange[], { fence }: BatchOptions = {}): Promise<void> {
    for (const { key } of changes) checkStoreKey(key)
    if (fence !== undefined) checkStoreKey(fence.key)
    this.#checkOpen('WriteFailed')
    await this.#queue.add(changes, fence)
  }

  /** Ends what was asked before, then lets others have the directory. */
  close(): Promise<void> {
    this.#closing ??= this.#queue
      .settled()
      .then(() => this.#turn)
      .then(() => this.#lock.release())
    return this.#closing
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => undefined)
    return done
  }

  async #write({ changes, fence }: WriteGroup): Promise<void> {
    if (this.#failure !== undefined) throw this.#broken('WriteFailed')
    if (fence !== undefined && !equalValues(await this.#read(fence.key), fence.value))
      throw fencedError(this.#directory, fence)
    if (changes.size === 0) return
    try {
      await this.#journal.write(changes)
      await this.#apply(changes)
    } catch (error) {
      this.#failure = error
      throw new StorageError(
        'WriteFailed',
        `Cannot write to the store at ${this.#directory}: ${explainFileError(error)}`,
        error,
      )
    }
  }

  async #apply(changes: WriteGroup['changes']): Promise<void> {
    const touched = new Set<string>()
    await eachAtATime([...changes], async ([key, value]) => {
      const path = fileOfKey(this.#directory, key)
      if (value === undefined && !this.#keys.has(key)) return
      touched.add(dirname(path))
      if (value === undefined) await this.#disk.remove(path)
      else await this.#replace(path, contentOf(key, value))
    })
    await eachAtATime([...touched], (path) => this.#disk.syncDirectory(path))
    for (const [key, value] of changes) {
      if (value === undefined ? this.#keys.delete(key) : !this.#keys.has(key)) this.#sortedKeys = undefined
      if (value !== undefined) this.#keys.add(key)
    }
  }

  async #replace(path: string, content: string): Promise<void> {
    const directory = dirname(path)
    await this.#makeDirectory(directory)
    this.#filesWritten += 1
    const written = join(directory, `.tmp-${this.#filesWritten}`)
    await this.#disk.create(written, Buffer.from(content))
    await this.#disk.rename(written, path)
  }

  async #makeDirectory(directory: string): Promise<void> {
    if (directory === this.#directory || this.#directories.has(directory)) return
    await this.#makeDirectory(dirname(directory))
    await this.#disk.makeDirectory(directory)
    await this.#disk.syncDirectory(dirname(directory))
    this.#directories.add(directory)
  }

  async #read(key: string): Promise<Uint8Array | undefined> {
    if (this.#failure !== undefined) throw this.#broken('ReadFailed')
    if (!this.#keys.has(key)) return undefined
    const path = fileOfKey(this.#directory, key)
    try {
      return valueIn(await readFile(path, 'utf8'), key)
    } catch (error) {
      throw new StorageError('ReadFailed', `Cannot read ${path}: ${explainFileError(error)}`, error)
    }
  }

  #keysIn(prefix: string, from: string | undefined, limit = Number.POSITIVE_INFINITY): string[] {
    this.#sortedKeys ??= [...this.#keys].sort((a, b) => (a < b ? -1 : 1))
    const keys = this.#sortedKeys
    const isAfter = from !== undefined && from >= prefix
    let at = firstNotBefore(keys, isAfter ? from : prefix)
    if (isAfter && keys[at] === from) at += 1
    const end = firstNotBefore(keys, endOfPrefix(prefix))
    return keys.slice(at, Math.min(end, at + limit))
  }

  /** Finds the keys; removes what a crash left of files half written, and folders that nothing is in. */
  async #scan(directory: string): Promise<boolean> {
    let isEmpty = true
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name)
      if (entry.isDirectory()) {
        const isGone = await this.#scan(path)
        isEmpty &&= isGone
        continue
      }
      if (entry.name.startsWith('.tmp-')) {
        await this.#disk.remove(path)
        continue
      }
      isEmpty = false
      const key = keyOfFile(relative(this.#directory, path).split(sep).join('/'))
      if (key !== undefined) this.#keys.add(key)
    }
    if (directory === this.#directory) return false
    if (isEmpty) await rmdir(directory)
    return isEmpty
  }

  async #recover(log: HostLog): Promise<void> {
    const changes = await this.#journal.read()
    if (changes === undefined) return
    let undone = 0
    for (const [key, value] of changes) {
      const found = await this.#read(key).catch(() => null)
      if (found === null || !equalValues(found, value)) undone += 1
    }
    if (undone === 0) return
    await this.#apply(changes)
    log('info', `Completed the last write of a run that ended in the middle of it: ${undone} rows`)
  }

  #broken(code: StorageError['code']): StorageError {
    const reason = explainFileError(this.#failure)
    return new StorageError(
      code,
      `The store at ${this.#directory} takes no more requests, because a write failed: ${reason}. Start again to complete or undo it`,
      this.#failure,
    )
  }

  #checkOpen(code: StorageError['code']): void {
    if (this.#closing !== undefined) {
      throw new StorageError(
        'Closed',
        `The store at ${this.#directory} takes no more requests: it was closed`,
      )
    }
    if (this.#failure !== undefined) throw this.#broken(code)
  }
}

function contentOf(key: string, value: Uint8Array): string {
  return `${JSON.stringify({ key, crc32: crc32(value), value: Buffer.from(value).toString('base64') })}\n`
}

/** Throws when the text is not what this store wrote. */
function valueIn(text: string, key: string): Uint8Array {
  const damaged = 'the file is damaged; restore it from a backup or remove it'
  let row: { key?: unknown; crc32?: unknown; value?: unknown }
  try {
    row = JSON.parse(text) as typeof row
  } catch (error) {
    throw new Error(damaged, { cause: error })
  }
  const value = typeof row.value === 'string' ? new Uint8Array(Buffer.from(row.value, 'base64')) : undefined
  if (row.key !== key || value === undefined || crc32(value) !== row.crc32) throw new Error(damaged)
  return value
}

function firstNotBefore(keys: readonly string[], wanted: string): number {
  let [low, high] = [0, keys.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (keys[middle]! < wanted) low = middle + 1
    else high = middle
  }
  return low
}

/** Rejects when none of those that were begun is still at work. */
async function eachAtATime<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let at = 0; at < items.length; at += filesAtATime) {
    const outcomes = await Promise.allSettled(items.slice(at, at + filesAtATime).map(work))
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') throw outcome.reason
      results.push(outcome.value)
    }
  }
  return results
}
