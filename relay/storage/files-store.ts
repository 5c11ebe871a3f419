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
import { FileJournal, type RowChanges } from './file-journal.ts'
import { explainFileError } from './files.ts'
import { eachAtATime, RowFiles } from './row-files.ts'
import { type WriteGroup, WriteQueue } from './write-queue.ts'

export interface FilesStoreOptions {
  readonly disk?: Disk
  /** A journal of so many bytes is full: its rows go into their files. Twice as much is in memory at most. */
  readonly journalBytesMax?: number
  /** Rows go into their files when nothing was written for so long, in ms. */
  readonly idleMs?: number
}

const journalBytesMax = 16 * 2 ** 20
const idleMs = 100
/** Under writes that never pause rows wait no longer than this. */
const waitMs = 10_000

/**
 * A store of files, one to a row (row-files.ts), and a journal. One process owns the directory. The keys are in memory, of
 * the values those that the journal has.
 *
 * A batch is one record of the journal with all others of its moment, and counts from when that is on the disk. Its rows
 * go into their files soon after, many at a time: a row that is written ten times meanwhile is one file. Then the journal
 * is of no use any more. After any failure the store refuses everything; the next start puts the rows of the journal
 * into their files.
 */
export class FilesStore implements Store {
  readonly consistency = 'strong'
  readonly #directory: string
  readonly #log: HostLog
  readonly #lock: DirectoryLock
  readonly #journal: FileJournal
  readonly #files: RowFiles
  readonly #queue: WriteQueue
  readonly #journalBytesMax: number
  readonly #idle: NodeJS.Timeout
  readonly #keys: Set<string>
  #sortedKeys: readonly string[] | undefined
  /** What the journal has, and what the old journal has. */
  #fresh = new Map<string, Uint8Array | undefined>()
  #old: RowChanges = new Map()
  /** When the first row of the journal came, by the monotonic clock. */
  #freshSince = 0
  /** Rows are going into their files. */
  #settling: Promise<void> | undefined
  /** Groups are written and lists read one at a time. */
  #turn: Promise<unknown> = Promise.resolve()
  #failure: unknown
  #closing: Promise<void> | undefined

  private constructor(
    directory: string,
    log: HostLog,
    lock: DirectoryLock,
    journal: FileJournal,
    files: RowFiles,
    options: FilesStoreOptions,
  ) {
    this.#directory = directory
    this.#log = log
    this.#lock = lock
    this.#journal = journal
    this.#files = files
    this.#keys = new Set(files.keys())
    this.#journalBytesMax = options.journalBytesMax ?? journalBytesMax
    this.#queue = new WriteQueue((group) => this.#inTurn(() => this.#write(group)))
    // What waits is in the journal: it keeps no process from ending.
    this.#idle = setTimeout(() => this.#beginSettling(), options.idleMs ?? idleMs).unref()
  }

  /** Makes the directory (0700) and ends what a crash left half done. Rejects with StorageError `OpenFailed`. */
  static async open(directory: string, log: HostLog, options: FilesStoreOptions = {}): Promise<FilesStore> {
    const { disk = realDisk } = options
    const journal = new FileJournal(directory, disk)
    let lock: DirectoryLock | undefined
    try {
      await disk.makeDirectory(directory)
      lock = DirectoryLock.take(directory)
      if (lock === undefined) {
        throw new Error(
          'another process uses it; stop that one or give this one a directory of its own with --data',
        )
      }
      const files = await RowFiles.scan(directory, disk)
      await recover(journal, files, log)
      return new FilesStore(directory, log, lock, journal, files, options)
    } catch (error) {
      await journal.close().catch(() => undefined)
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

  /** Resolves when every row that was written is in its file; rejects with StorageError `WriteFailed`. */
  async settle(): Promise<void> {
    await this.#queue.settled()
    await this.#settling
    this.#beginSettling()
    await this.#settling
    if (this.#failure !== undefined) throw this.#broken('WriteFailed')
  }

  /** Ends what was asked before, puts every row into its file, then lets others have the directory. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    try {
      await this.settle()
    } catch {
      const reason = explainFileError(this.#failure)
      this.#log('warn', 'Rows stay in the journal until the next start', { place: this.#directory, reason })
    }
    await this.#turn
    clearTimeout(this.#idle)
    await this.#journal.close()
    this.#lock.release()
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work)
    this.#turn = done.catch(() => undefined)
    return done
  }

  async #write({ changes, fence }: WriteGroup): Promise<void> {
    // Written faster than files can be: wait for them, and so bound what is in memory.
    if (this.#journal.bytes > this.#journalBytesMax) await this.#settling
    if (this.#failure !== undefined) throw this.#broken('WriteFailed')
    if (fence !== undefined && !equalValues(await this.#read(fence.key), fence.value))
      throw fencedError(this.#directory, fence)
    if (changes.size === 0) return
    try {
      await this.#journal.append(changes)
    } catch (error) {
      this.#failure = error
      throw new StorageError(
        'WriteFailed',
        `Cannot write to the store at ${this.#directory}: ${explainFileError(error)}`,
        error,
      )
    }
    if (this.#fresh.size === 0) this.#freshSince = performance.now()
    for (const [key, value] of changes) {
      this.#fresh.set(key, value)
      if (value === undefined ? this.#keys.delete(key) : !this.#keys.has(key)) this.#sortedKeys = undefined
      if (value !== undefined) this.#keys.add(key)
    }
    const isLate = performance.now() - this.#freshSince > waitMs
    if (isLate || this.#journal.bytes > this.#journalBytesMax) this.#beginSettling()
    else this.#idle.refresh()
  }

  /** Begins to put what the journal has into files, unless that is under way. */
  #beginSettling(): void {
    if (this.#fresh.size === 0 || this.#settling !== undefined || this.#failure !== undefined) return
    this.#settling = this.#settleRows()
      .catch((error: unknown) => {
        this.#failure ??= error
      })
      .finally(() => {
        this.#settling = undefined
      })
  }

  async #settleRows(): Promise<void> {
    await this.#inTurn(async () => {
      // A journal whose last record is not whole must stay the last.
      if (this.#failure !== undefined) throw this.#failure
      await this.#journal.turn()
      this.#old = this.#fresh
      this.#fresh = new Map()
    })
    await this.#files.apply(this.#old)
    await this.#journal.release()
    this.#old = new Map()
    // What was written meanwhile may have been the last for now.
    this.#idle.refresh()
  }

  async #read(key: string): Promise<Uint8Array | undefined> {
    if (this.#failure !== undefined) throw this.#broken('ReadFailed')
    const layer = [this.#fresh, this.#old].find((changes) => changes.has(key))
    if (layer !== undefined) {
      const value = layer.get(key)
      return value && new Uint8Array(value)
    }
    return this.#keys.has(key) ? await this.#files.read(key) : undefined
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

/** Puts what a run left in its journal into the files, and says so. */
async function recover(journal: FileJournal, files: RowFiles, log: HostLog): Promise<void> {
  const { changes, writes, droppedBytes } = await journal.read()
  if (changes.size > 0) {
    const rows = await files.differing(changes)
    await files.apply(changes)
    if (rows > 0)
      log('info', 'Completed the last writes of a run that ended without closing its store', { writes, rows })
  }
  if (droppedBytes > 0)
    log('warn', 'Dropped a write of a run that ended in the middle of it; it was not acknowledged', {
      bytes: droppedBytes,
    })
  await journal.begin()
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
