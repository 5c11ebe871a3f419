import { dirname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { HostLog } from '../../shared/host/host-log.ts'
import {
  type BatchOptions,
  type Fence,
  fencedError,
  type ListOptions,
  StorageError,
  type Store,
  type StoreChange,
  type StoreRow,
} from '../../shared/storage/store.ts'
import { checkStoreKey, checkStorePrefix, endOfPrefix } from '../../shared/storage/store-key.ts'
import { explainFileError, makePrivateDirectory } from './files.ts'
import type { LeftInLog } from './sqlite-log.ts'
import type { SqliteAnswer, SqliteFailure, SqliteRequest } from './sqlite-worker.ts'
import { WriteQueue } from './write-queue.ts'

type RequestBody = SqliteRequest extends infer R ? (R extends { id: number } ? Omit<R, 'id'> : never) : never

interface Pending {
  readonly code: StorageError['code']
  readonly fence: Fence | undefined
  readonly resolve: (rows: readonly StoreRow[]) => void
  readonly reject: (error: StorageError) => void
}

/**
 * The relay's store: one SQLite file, owned by a thread of its own. A batch is on the disk when it resolves (write-ahead
 * log, synchronous = FULL); those that come while one is written share the next transaction. A read sees every batch
 * that was asked for before it. The file belongs to one process at a time.
 */
export class SqliteStore implements Store {
  readonly consistency = 'strong'
  readonly #worker: Worker
  readonly #path: string
  readonly #pending = new Map<number, Pending>()
  readonly #queue: WriteQueue
  #lastId = 0
  #closing: Promise<void> | undefined
  #isEnded = false
  /** Of the first write that failed; later ones are refused with it. */
  #failure: StorageError | undefined

  private constructor(worker: Worker, path: string) {
    this.#worker = worker
    this.#path = path
    this.#queue = new WriteQueue(async ({ changes, fence }) => {
      // What a disk that failed once says of later writes is not to be trusted.
      if (this.#failure !== undefined) throw this.#failure
      const list = [...changes].map(([key, value]) => ({ key, value }))
      await this.#ask({ kind: 'batch', changes: list, fence }, 'WriteFailed')
    })
  }

  /**
   * Opens the file, makes it and its directory (0700) where missing. Rejects with a StorageError `OpenFailed` that
   * names the path when it cannot be had, is in use by another process or is no database of this program.
   */
  static async open(path: string, log: HostLog = () => undefined): Promise<SqliteStore> {
    try {
      await makePrivateDirectory(dirname(path))
    } catch (error) {
      const reason = explainFileError(error)
      throw new StorageError(
        'OpenFailed',
        `Cannot create the data directory ${dirname(path)}: ${reason}`,
        error,
      )
    }
    const worker = new Worker(new URL('./sqlite-worker.ts', import.meta.url), { workerData: { path } })
    const store = new SqliteStore(worker, path)
    const opened = store.#answerOf(0, 'OpenFailed')
    worker.on('message', (answer: SqliteAnswer) => {
      if ('left' in answer) tellOf(answer.left!, log)
      store.#settle(answer)
    })
    worker.on('error', (error) => store.#end(error))
    worker.on('exit', () => store.#end(undefined))
    try {
      await opened
    } catch (error) {
      await worker.terminate()
      throw error
    }
    return store
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    checkStoreKey(key)
    this.#checkOpen()
    await this.#queue.settled()
    const rows = await this.#ask({ kind: 'get', key }, 'ReadFailed')
    return rows[0]?.value
  }

  async list(prefix: string, options: ListOptions = {}): Promise<StoreRow[]> {
    checkStorePrefix(prefix)
    const { from, limit = -1 } = options
    if (from !== undefined) checkStorePrefix(from)
    const isAfter = from !== undefined && from >= prefix
    const start = isAfter ? from : prefix
    this.#checkOpen()
    await this.#queue.settled()
    const rows = await this.#ask(
      { kind: 'list', start, isAfter, end: endOfPrefix(prefix), limit },
      'ReadFailed',
    )
    return [...rows]
  }

  async batch(changes: readonly StoreChange[], { fence }: BatchOptions = {}): Promise<void> {
    for (const { key } of changes) checkStoreKey(key)
    if (fence !== undefined) checkStoreKey(fence.key)
    this.#checkOpen()
    await this.#queue.add(changes, fence)
  }

  /** Ends what was asked before, then closes the file. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#queue.settled()
    // Reads that were asked for before wait for the same writes, and go first.
    await this.#ask({ kind: 'close' }, 'Closed')
    await this.#worker.terminate()
  }

  async #ask(body: RequestBody, code: StorageError['code']): Promise<readonly StoreRow[]> {
    if (this.#isEnded) throw this.#closed('its thread ended')
    this.#lastId += 1
    const id = this.#lastId
    const answer = this.#answerOf(id, code, body.kind === 'batch' ? body.fence : undefined)
    this.#worker.postMessage({ ...body, id })
    return answer
  }

  #answerOf(id: number, code: StorageError['code'], fence?: Fence): Promise<readonly StoreRow[]> {
    return new Promise((resolve, reject) => this.#pending.set(id, { code, fence, resolve, reject }))
  }

  #settle(answer: SqliteAnswer): void {
    const pending = this.#pending.get(answer.id)
    this.#pending.delete(answer.id)
    if (pending === undefined) return
    if ('rows' in answer) pending.resolve(answer.rows)
    else if ('isFenced' in answer) pending.reject(fencedError(this.#path, pending.fence!))
    else {
      const error = storageError(pending.code, this.#path, answer.failure)
      if (pending.code === 'WriteFailed') this.#failure = error
      pending.reject(error)
    }
  }

  #end(cause: unknown): void {
    this.#isEnded = true
    this.#closing ??= Promise.resolve()
    const error = this.#closed('its thread ended', cause)
    for (const { reject } of this.#pending.values()) reject(error)
    this.#pending.clear()
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw this.#closed('it was closed')
  }

  #closed(reason: string, cause?: unknown): StorageError {
    return new StorageError('Closed', `The store at ${this.#path} takes no more requests: ${reason}`, cause)
  }
}

function tellOf({ whole, dropped }: LeftInLog, log: HostLog): void {
  if (whole > 0)
    log('info', 'Completed the last writes of a run that ended without closing its store', { pages: whole })
  if (dropped > 0)
    log('warn', 'Dropped a write of a run that ended in the middle of it; it was not acknowledged', {
      pages: dropped,
    })
}

function storageError(code: StorageError['code'], path: string, failure: SqliteFailure): StorageError {
  const verb = code === 'OpenFailed' ? 'open' : code === 'WriteFailed' ? 'write to' : 'read'
  return new StorageError(code, `Cannot ${verb} the store at ${path}: ${explain(failure)}`, failure)
}

/** By SQLite's primary result codes (sqlite.org/rescode.html). */
function explain({ sqliteCode, systemCode, message }: SqliteFailure): string {
  if (systemCode !== undefined) return explainFileError({ code: systemCode, message })
  switch (sqliteCode === undefined ? undefined : sqliteCode & 0xff) {
    case 5: // SQLITE_BUSY
    case 6: // SQLITE_LOCKED
      return 'another process uses it; stop that one or give this one a directory of its own with --data'
    case 8: // SQLITE_READONLY
      return 'it is read-only for this user; give it the rights or choose another directory with --data'
    case 10: // SQLITE_IOERR
      return `the disk reports a fault (${message}); look into the log of the system, and start again`
    case 11: // SQLITE_CORRUPT
      return 'the file is damaged; restore it from a backup'
    case 13: // SQLITE_FULL
      return 'the disk is full; make room and start again'
    case 14: // SQLITE_CANTOPEN
      return 'the file cannot be opened; check that it is a file this user may read and write'
    case 26: // SQLITE_NOTADB
      return 'the file is no database; move it away or restore it from a backup'
    default:
      return message
  }
}
