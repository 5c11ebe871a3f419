import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { makePrivateDirectory, syncDirectory, writeAndSync } from './files.ts'

/** What a store of files does to the disk, step by step; tests put one in its place that fails at any of them. */
export interface Disk {
  /** A new file, on the disk when it resolves. */
  create(path: string, bytes: Uint8Array): Promise<void>
  /** A new file that grows; behind what was appended it may have zeros. */
  createLog(path: string): Promise<LogFile>
  rename(from: string, to: string): Promise<void>
  /** Nothing happens where there is no file. */
  remove(path: string): Promise<void>
  /** With those above it, open to their owner only. */
  makeDirectory(path: string): Promise<void>
  /** Makes what was renamed, removed or made in it survive a power cut. */
  syncDirectory(path: string): Promise<void>
}

export interface LogFile {
  /** Behind what is there; on the disk when it resolves. */
  append(bytes: Uint8Array): Promise<void>
  close(): Promise<void>
}

export const realDisk: Disk = {
  create: (path, bytes) => writeAndSync(path, bytes, 0o600),
  createLog: async (path) => await GrowingFile.create(path),
  rename: (from, to) => rename(from, to),
  remove: (path) => rm(path, { force: true }),
  makeDirectory: makePrivateDirectory,
  syncDirectory,
}

const growthBytesMin = 64 * 1024
const growthBytesMax = 1024 * 1024

/**
 * Has zeros written ahead of what is appended: where a file's size stays as it is, the disk has to be waited for once and
 * not twice.
 */
class GrowingFile implements LogFile {
  readonly #path: string
  readonly #file: FileHandle
  readonly #inode: number
  #end = 0
  #sizeBytes = 0
  #growthBytes = growthBytesMin

  private constructor(path: string, file: FileHandle, inode: number) {
    this.#path = path
    this.#file = file
    this.#inode = inode
  }

  static async create(path: string): Promise<GrowingFile> {
    const file = await open(path, 'wx', 0o600)
    return new GrowingFile(path, file, (await file.stat()).ino)
  }

  async append(bytes: Uint8Array): Promise<void> {
    const end = this.#end + bytes.length
    await Promise.all([this.#checkIsThere(), this.#appendAndSync(bytes, end)])
    this.#end = end
  }

  /** The system would go on writing to a file that was removed, and the next start would find nothing of it. */
  async #checkIsThere(): Promise<void> {
    if ((await stat(this.#path)).ino !== this.#inode)
      throw Object.assign(new Error('the file was replaced'), { code: 'ENOENT' })
  }

  async #appendAndSync(bytes: Uint8Array, end: number): Promise<void> {
    if (end > this.#sizeBytes) await this.#write(Buffer.concat([bytes, this.#grow(end)]))
    else await this.#write(bytes)
    await this.#file.datasync()
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, at, bytes.length - at, this.#end + at)
      at += bytesWritten
    }
  }

  #grow(end: number): Buffer {
    const zeros = Buffer.alloc(this.#growthBytes)
    this.#sizeBytes = end + zeros.length
    this.#growthBytes = Math.min(2 * this.#growthBytes, growthBytesMax)
    return zeros
  }
}
