import { closeSync, openSync, statSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { Fence, StoreChange, StoreRow } from '../../shared/storage/store.ts'
import { equalValues } from '../../shared/storage/store.ts'
import { checkLog, type LeftInLog } from './sqlite-log.ts'

/*
 * The thread that owns the database: node:sqlite blocks, and an fsync takes milliseconds.
 */

export type SqliteRequest =
  | { readonly kind: 'get'; readonly id: number; readonly key: string }
  | {
      readonly kind: 'list'
      readonly id: number
      /** Keys `>= start`, or `> start` when `isAfter`. */
      readonly start: string
      readonly isAfter: boolean
      readonly end: string
      readonly limit: number
    }
  | {
      readonly kind: 'batch'
      readonly id: number
      readonly changes: readonly StoreChange[]
      readonly fence: Fence | undefined
    }
  | { readonly kind: 'close'; readonly id: number }

/** `id` 0 answers the opening: with what a run that did not close the file left in its write-ahead log. */
export type SqliteAnswer =
  | { readonly id: number; readonly rows: readonly StoreRow[]; readonly left?: LeftInLog }
  | { readonly id: number; readonly failure: SqliteFailure }
  | { readonly id: number; readonly isFenced: true }

export interface SqliteFailure {
  readonly message: string
  /** SQLite's extended result code. */
  readonly sqliteCode: number | undefined
  /** `EACCES` and the like, where the file system said no before SQLite could. */
  readonly systemCode: string | undefined
}

/** Goes up when the tables change; a database of a later version is refused. */
const schemaVersion = 1
/** How long another process may hold the file before opening gives up: a relay that is just ending. */
const lockWaitMs = 2000

/** Stands for the rows of a batch that was not written. */
const fenced = 'fenced'

class Database {
  readonly #path: string
  readonly #inode: number
  readonly #database: DatabaseSync
  readonly #get: StatementSync
  readonly #listFrom: StatementSync
  readonly #listAfter: StatementSync
  readonly #put: StatementSync
  readonly #delete: StatementSync
  readonly left: LeftInLog

  constructor(path: string) {
    // SQLite would make it readable to all; its journal files take the mode of this one.
    closeSync(openSync(path, 'a', 0o600))
    this.#path = path
    this.#inode = statSync(path).ino
    this.left = checkLog(path)
    this.#database = new DatabaseSync(path, { timeout: lockWaitMs })
    try {
      // One process only: two relays on one directory would each act on half of the truth.
      this.#database.exec('PRAGMA locking_mode = EXCLUSIVE')
      this.#database.exec('PRAGMA journal_mode = WAL')
      this.#database.exec('PRAGMA synchronous = FULL')
      // `checkLog` knows what is behind the last commit: nothing, or one that was being written.
      this.#database.exec('PRAGMA cache_spill = OFF')
      this.#beginLog()
      this.#prepareSchema(path)
      this.#get = this.#database.prepare('SELECT key, value FROM rows WHERE key = ?')
      this.#listFrom = this.#database.prepare(listRows('>='))
      this.#listAfter = this.#database.prepare(listRows('>'))
      this.#put = this.#database.prepare(
        'INSERT INTO rows (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
      )
      this.#delete = this.#database.prepare('DELETE FROM rows WHERE key = ?')
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  answer(request: SqliteRequest): readonly StoreRow[] | typeof fenced {
    switch (request.kind) {
      case 'get':
        return this.#get.all(request.key) as unknown as StoreRow[]
      case 'list': {
        const statement = request.isAfter ? this.#listAfter : this.#listFrom
        return statement.all(request.start, request.end, request.limit) as unknown as StoreRow[]
      }
      case 'batch':
        return this.#commit(request.changes, request.fence) ? [] : fenced
      case 'close':
        this.#database.close()
        return []
    }
  }

  /** Moves what was left in the log into the database. */
  #beginLog(): void {
    try {
      this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    } catch {
      // The disk may be full: the log stays, and the first write says so.
    }
  }

  #commit(changes: readonly StoreChange[], fence: Fence | undefined): boolean {
    this.#checkIsThere()
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      if (fence !== undefined && !this.#holds(fence)) {
        this.#database.exec('ROLLBACK')
        return false
      }
      for (const { key, value } of changes) {
        if (value === undefined) this.#delete.run(key)
        else this.#put.run(key, value)
      }
      this.#database.exec('COMMIT')
      return true
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  /** SQLite would go on writing to a file that was removed, and the next start would find nothing of it. */
  #checkIsThere(): void {
    if (statSync(this.#path, { throwIfNoEntry: false })?.ino === this.#inode) return
    throw Object.assign(new Error('the file is gone'), { code: 'ENOENT' })
  }

  #holds({ key, value }: Fence): boolean {
    const row = this.#get.get(key) as StoreRow | undefined
    return equalValues(row?.value, value)
  }

  #prepareSchema(path: string): void {
    const { user_version: found } = this.#database.prepare('PRAGMA user_version').get() as {
      user_version: number
    }
    if (found > schemaVersion) {
      throw new Error(
        `${path} was written by a later version of this program (${found}, this one reads ${schemaVersion})`,
      )
    }
    if (found === schemaVersion) return
    this.#database.exec(
      `BEGIN IMMEDIATE;
       CREATE TABLE rows (key TEXT PRIMARY KEY, value BLOB NOT NULL);
       PRAGMA user_version = ${schemaVersion};
       COMMIT`,
    )
  }
}

function listRows(comparison: '>' | '>='): string {
  return `SELECT key, value FROM rows WHERE key ${comparison} ? AND key < ? ORDER BY key LIMIT ?`
}

function serve(port: MessagePort, path: string): void {
  const reply = (answer: SqliteAnswer, transfer: ArrayBuffer[] = []): void =>
    port.postMessage(answer, transfer)
  let database: Database
  try {
    database = new Database(path)
  } catch (error) {
    reply({ id: 0, failure: failureOf(error) })
    return
  }
  port.on('message', (request: SqliteRequest) => {
    try {
      const rows = database.answer(request)
      if (rows === fenced) {
        reply({ id: request.id, isFenced: true })
      } else {
        reply(
          { id: request.id, rows },
          rows.map(({ value }) => value.buffer as ArrayBuffer),
        )
      }
    } catch (error) {
      reply({ id: request.id, failure: failureOf(error) })
    }
    if (request.kind === 'close') port.close()
  })
  reply({ id: 0, rows: [], left: database.left })
}

function failureOf(error: unknown): SqliteFailure {
  const { message, errcode, code } = error as { message?: string; errcode?: number; code?: string }
  return {
    message: message ?? String(error),
    sqliteCode: errcode,
    systemCode: errcode === undefined ? code : undefined,
  }
}

if (parentPort !== null) serve(parentPort, (workerData as { path: string }).path)
