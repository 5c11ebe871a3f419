import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { equalBytes } from '../../shared/kernel/bytes.ts'
import type { Disk } from './disk.ts'

type Changes = ReadonlyMap<string, Uint8Array | undefined>

const mark = Buffer.from('TMJ1')
const headBytes = mark.length + 4 + 32

/**
 * The group of changes that is being made to files, in one file: mark, length (u32), SHA-256, JSON of key and base64 or
 * null. It is written before the first of them and over the one before, which is done by then. Making a whole record's
 * changes again changes nothing, and half a record is none, so a crash at any byte leaves a group's changes all or not.
 */
export class FileJournal {
  readonly #path: string
  readonly #disk: Disk

  constructor(directory: string, disk: Disk) {
    this.#path = join(directory, '.journal')
    this.#disk = disk
  }

  /** The last record; `undefined` when there is none that is whole. */
  async read(): Promise<Changes | undefined> {
    const bytes = await readFile(this.#path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    if (bytes === undefined) {
      await this.#disk.overwrite(this.#path, mark)
      await this.#disk.syncDirectory(dirname(this.#path))
      return undefined
    }
    if (bytes.length < headBytes || !bytes.subarray(0, mark.length).equals(mark)) return undefined
    const end = headBytes + bytes.readUInt32BE(mark.length)
    const record = bytes.subarray(headBytes, end)
    if (bytes.length < end || !equalBytes(hashOf(record), bytes.subarray(mark.length + 4, headBytes)))
      return undefined
    const entries = JSON.parse(record.toString()) as [string, string | null][]
    return new Map(
      entries.map(([key, value]) => [key, value === null ? undefined : Buffer.from(value, 'base64')]),
    )
  }

  async write(changes: Changes): Promise<void> {
    const entries = [...changes].map(([key, value]) => [
      key,
      value === undefined ? null : Buffer.from(value).toString('base64'),
    ])
    const record = Buffer.from(JSON.stringify(entries))
    const length = Buffer.alloc(4)
    length.writeUInt32BE(record.length)
    await this.#disk.overwrite(this.#path, Buffer.concat([mark, length, hashOf(record), record]))
  }
}

const hashOf = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()
