import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { equalBytes } from '../../shared/kernel/bytes.ts'
import type { Disk, LogFile } from './disk.ts'

export type RowChanges = ReadonlyMap<string, Uint8Array | undefined>

/** What the journals of a run that ended hold. */
export interface JournalFound {
  readonly changes: RowChanges
  readonly writes: number
  /** Of a write that was never acknowledged, since it is not whole. */
  readonly droppedBytes: number
}

const mark = Buffer.from('TMJ1')
const headBytes = mark.length + 4 + 32

/**
 * The groups of changes that may not be in their files yet, one behind the other: mark, length (u32), SHA-256, JSON of
 * key and base64 or null. A group counts from when its record is whole. `.journal` takes the next one; `.journal-old` is
 * full, ends with an empty group, and is there until its changes are in their files.
 *
 * Making the changes of all records again, in order, changes nothing. So a crash may come anywhere: the last record of
 * `.journal` alone can be less than whole, and then no file was touched for it. Anything else is damage, and half of what
 * was acknowledged would show if the rest were taken.
 */
export class FileJournal {
  readonly #directory: string
  readonly #path: string
  readonly #oldPath: string
  readonly #disk: Disk
  #log: LogFile | undefined
  #bytes = 0

  constructor(directory: string, disk: Disk) {
    this.#directory = directory
    this.#path = join(directory, '.journal')
    this.#oldPath = join(directory, '.journal-old')
    this.#disk = disk
  }

  /** Of the records that were appended since the last turn. */
  get bytes(): number {
    return this.#bytes
  }

  /** Throws where a journal is damaged. */
  async read(): Promise<JournalFound> {
    const old = recordsOf(await contentOf(this.#oldPath))
    if (old !== undefined && (old.restBytes > 0 || old.groups.at(-1)?.length !== 0))
      throw damaged(this.#oldPath)
    const last = recordsOf(await contentOf(this.#path))
    if (last?.isDamaged) throw damaged(this.#path)
    const groups = [...(old?.groups ?? []), ...(last?.groups ?? [])].filter((group) => group.length > 0)
    return { changes: new Map(groups.flat()), writes: groups.length, droppedBytes: last?.restBytes ?? 0 }
  }

  /** Starts with an empty one. What was found is in its files by now. */
  async begin(): Promise<void> {
    await this.release()
    await this.#disk.remove(this.#path)
    await this.#disk.syncDirectory(this.#directory)
    await this.#create()
  }

  async append(changes: RowChanges): Promise<void> {
    const record = recordOf(changes)
    await this.#log!.append(record)
    this.#bytes += record.length
  }

  /** What was appended so far is the old journal, and the next record begins a new one. */
  async turn(): Promise<void> {
    await this.append(new Map())
    await this.close()
    await this.#disk.rename(this.#path, this.#oldPath)
    // By itself: a power cut must not leave the new one under the name and the old one under none.
    await this.#disk.syncDirectory(this.#directory)
    await this.#create()
  }

  /** The changes of the old journal are in their files. */
  async release(): Promise<void> {
    await this.#disk.remove(this.#oldPath)
    await this.#disk.syncDirectory(this.#directory)
  }

  async close(): Promise<void> {
    const log = this.#log
    this.#log = undefined
    await log?.close()
  }

  async #create(): Promise<void> {
    this.#log = await this.#disk.createLog(this.#path)
    this.#bytes = 0
    await this.#disk.syncDirectory(this.#directory)
  }
}

function recordOf(changes: RowChanges): Buffer {
  const entries = [...changes].map(([key, value]) => [
    key,
    value === undefined
      ? null
      : Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64'),
  ])
  const record = Buffer.from(JSON.stringify(entries))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(record.length)
  return Buffer.concat([mark, length, hashOf(record), record])
}

type Group = readonly (readonly [string, Uint8Array | undefined])[]

function changesIn(record: Buffer): Group {
  const entries = JSON.parse(record.toString()) as [string, string | null][]
  return entries.map(([key, value]) => [
    key,
    value === null ? undefined : new Uint8Array(Buffer.from(value, 'base64')),
  ])
}

interface Records {
  readonly groups: readonly Group[]
  /** Behind the last of them. */
  readonly restBytes: number
  /** There is a whole record behind what is none. */
  readonly isDamaged: boolean
}

function recordsOf(bytes: Buffer | undefined): Records | undefined {
  if (bytes === undefined) return undefined
  const groups: Group[] = []
  let at = 0
  for (;;) {
    const record = recordAt(bytes, at)
    if (record === undefined) break
    groups.push(changesIn(record))
    at += headBytes + record.length
  }
  let next = bytes.indexOf(mark, at + 1)
  while (next >= 0 && recordAt(bytes, next) === undefined) next = bytes.indexOf(mark, next + 1)
  // Zeros were written ahead.
  const end = bytes.findLastIndex((byte) => byte !== 0) + 1
  return { groups, restBytes: Math.max(0, end - at), isDamaged: next >= 0 }
}

function recordAt(bytes: Buffer, at: number): Buffer | undefined {
  const start = at + headBytes
  if (bytes.length < start || !bytes.subarray(at, at + mark.length).equals(mark)) return undefined
  const end = start + bytes.readUInt32BE(at + mark.length)
  if (bytes.length < end) return undefined
  const record = bytes.subarray(start, end)
  return equalBytes(hashOf(record), bytes.subarray(at + mark.length + 4, start)) ? record : undefined
}

async function contentOf(path: string): Promise<Buffer | undefined> {
  return await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
}

const damaged = (path: string): Error =>
  new Error(`the journal ${path} is damaged; restore the folder from a backup`)

const hashOf = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()
