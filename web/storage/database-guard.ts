import { StorageError } from '../../shared/storage/store.ts'

/**
 * What every store over an IndexedDB database does the same way: requests end before it closes, later ones are
 * refused, and what the browser says becomes a StorageError.
 */
export class DatabaseGuard {
  readonly #name: string
  readonly #closeDatabase: () => void
  readonly #running = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  constructor(name: string, closeDatabase: () => void) {
    this.#name = name
    this.#closeDatabase = closeDatabase
  }

  /** Starts the work at once, so that transactions are made in the order of the calls. */
  async run<T>(code: StorageError['code'], work: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) {
      throw new StorageError(
        'Closed',
        `The browser database ${this.#name} takes no more requests: it was closed`,
      )
    }
    const running = work()
    this.#running.add(running)
    try {
      return await running
    } catch (error) {
      throw error instanceof StorageError ? error : databaseError(code, this.#name, error)
    } finally {
      this.#running.delete(running)
    }
  }

  close(): Promise<void> {
    this.#closing ??= Promise.allSettled([...this.#running]).then(() => this.#closeDatabase())
    return this.#closing
  }
}

export function databaseError(code: StorageError['code'], name: string, cause: unknown): StorageError {
  const verb = code === 'OpenFailed' ? 'open' : code === 'WriteFailed' ? 'write to' : 'read'
  return new StorageError(code, `Cannot ${verb} the browser database ${name}: ${explain(cause)}`, cause)
}

function explain(cause: unknown): string {
  const { name, message } = (cause ?? {}) as { name?: unknown; message?: unknown }
  switch (name) {
    case 'QuotaExceededError':
      return 'the space the browser gives this site is used up; make room on the disk or clear data of this site'
    case 'SecurityError':
      return 'the browser keeps no data for this page; allow site data for it, or leave private browsing'
    case 'VersionError':
      return 'it was written by a later version of this page; reload the page'
    case 'InvalidStateError':
      return 'the browser closed it, as when site data is cleared; reload the page'
    default:
      return typeof message === 'string' ? message : String(cause)
  }
}
