import { readdir, readFile, rmdir } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { crc32 } from 'node:zlib'
import { StorageError } from '../../shared/storage/store.ts'
import type { Disk } from './disk.ts'
import type { RowChanges } from './file-journal.ts'
import { fileOfKey, keyOfFile } from './file-names.ts'
import { explainFileError } from './files.ts'

/** Files written or read at a time. */
const filesAtATime = 16

/**
 * Rows as files, one each: `{directory}/{key}.json` (file-names.ts) has `{"key", "crc32", "value"}`, the value in base64.
 * Each is written beside, synced and renamed.
 */
export class RowFiles {
  readonly #directory: string
  readonly #disk: Disk
  readonly #keys = new Set<string>()
  readonly #directories: Set<string>
  #filesWritten = 0

  private constructor(directory: string, disk: Disk) {
    this.#directory = directory
    this.#disk = disk
    this.#directories = new Set([directory])
  }

  /** Finds the files; removes what a crash left of some half written, and folders that nothing is in. */
  static async scan(directory: string, disk: Disk): Promise<RowFiles> {
    const files = new RowFiles(directory, disk)
    await files.#scan(directory)
    return files
  }

  keys(): Iterable<string> {
    return this.#keys
  }

  /** Rejects with StorageError `ReadFailed` where the file is gone or is not what was written. */
  async read(key: string): Promise<Uint8Array> {
    const path = fileOfKey(this.#directory, key)
    try {
      return valueIn(await readFile(path, 'utf8'), key)
    } catch (error) {
      throw new StorageError('ReadFailed', `Cannot read ${path}: ${explainFileError(error)}`, error)
    }
  }

  /** How many of these are not what the files say. */
  async differing(changes: RowChanges): Promise<number> {
    const differ = await eachAtATime([...changes], async ([key, value]) => {
      if (value === undefined || !this.#keys.has(key)) return (value !== undefined) !== this.#keys.has(key)
      const found = await this.read(key).catch(() => undefined)
      return found === undefined || Buffer.compare(found, value) !== 0
    })
    return differ.filter((differs) => differs).length
  }

  /** Survives a power cut when it resolves. After a failure some are made and some are not. */
  async apply(changes: RowChanges): Promise<void> {
    const touched = new Set<string>()
    await eachAtATime([...changes], async ([key, value]) => {
      const path = fileOfKey(this.#directory, key)
      const directory = dirname(path)
      if (value !== undefined) await this.#replace(path, contentOf(key, value))
      else if (this.#keys.has(key)) await this.#disk.remove(path)
      // Also where a run that ended had removed it, and could not make that last.
      touched.add(this.#nearest(directory))
    })
    await eachAtATime([...touched], (path) => this.#disk.syncDirectory(path))
    for (const [key, value] of changes) {
      if (value === undefined) this.#keys.delete(key)
      else this.#keys.add(key)
    }
  }

  /** The directory, or what is left of its way. */
  #nearest(directory: string): string {
    return this.#directories.has(directory) ? directory : this.#nearest(dirname(directory))
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
    if (this.#directories.has(directory)) return
    await this.#makeDirectory(dirname(directory))
    await this.#disk.makeDirectory(directory)
    await this.#disk.syncDirectory(dirname(directory))
    this.#directories.add(directory)
  }

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
    else this.#directories.add(directory)
    return isEmpty
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

/** Rejects when none of those that were begun is still at work. */
export async function eachAtATime<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
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
