import { constants, open, rename, rm } from 'node:fs/promises'
import { makePrivateDirectory, syncDirectory, writeAndSync } from './files.ts'

/** What a store of files does to the disk, step by step; tests put one in its place that fails at any of them. */
export interface Disk {
  /** A new file, on the disk when it resolves. */
  create(path: string, bytes: Uint8Array): Promise<void>
  /** The file's first bytes, on the disk when it resolves; what it has behind them stays. */
  overwrite(path: string, bytes: Uint8Array): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** Nothing happens where there is no file. */
  remove(path: string): Promise<void>
  /** With those above it, open to their owner only. */
  makeDirectory(path: string): Promise<void>
  /** Makes what was renamed, removed or made in it survive a power cut. */
  syncDirectory(path: string): Promise<void>
}

export const realDisk: Disk = {
  create: (path, bytes) => writeAndSync(path, bytes, 0o600),
  async overwrite(path, bytes) {
    const file = await open(path, constants.O_WRONLY | constants.O_CREAT, 0o600)
    try {
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await file.write(bytes, at, bytes.length - at, at)
        at += bytesWritten
      }
      await file.datasync()
    } finally {
      await file.close()
    }
  },
  rename: (from, to) => rename(from, to),
  remove: (path) => rm(path, { force: true }),
  makeDirectory: makePrivateDirectory,
  syncDirectory,
}
