import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** How long another process may hold the directory before this gives up: one that is just ending. */
const waitMs = 2_000

/**
 * Keeps other processes out of a directory until it is released, or the process ends in whatever way. Node has no file
 * locks; SQLite has, on every system, so an empty database stands for the directory.
 */
export class DirectoryLock {
  readonly #database: DatabaseSync

  private constructor(database: DatabaseSync) {
    this.#database = database
  }

  /** `undefined` when another has it. Throws what the file system says. */
  static take(directory: string): DirectoryLock | undefined {
    return DirectoryLock.takeFile(join(directory, '.lock'))
  }

  /** As `take`, of what the file at `path`, made when it is not there, stands for. */
  static takeFile(path: string): DirectoryLock | undefined {
    closeSync(openSync(path, 'a', 0o600))
    const database = new DatabaseSync(path, { timeout: waitMs })
    try {
      database.exec('PRAGMA journal_mode = MEMORY')
      database.exec('BEGIN EXCLUSIVE')
      return new DirectoryLock(database)
    } catch (error) {
      database.close()
      if ((error as { errcode?: number }).errcode === 5) return undefined
      throw error
    }
  }

  release(): void {
    this.#database.close()
  }
}
