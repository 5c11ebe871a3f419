import { randomBytes } from 'node:crypto'
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/**
 * Writes a file so that a crash at any byte leaves the old one or the new one: temporary file beside it, fsync, rename,
 * fsync of the directory. When it resolves, the new content is on the disk.
 */
export async function writeFileDurably(path: string, bytes: Uint8Array, mode = 0o600): Promise<void> {
  const directory = dirname(path)
  const temporary = join(directory, `.tmp-${randomBytes(8).toString('hex')}`)
  try {
    await writeAndSync(temporary, bytes, mode)
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncDirectory(directory)
}

export async function writeAndSync(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  const file = await open(path, 'wx', mode)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Makes renames and new entries of the directory survive a power cut. Windows cannot, and needs not, do this. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/**
 * Makes the directory and those above it, open to their owner only. Step by step: Node's own recursion never ends where
 * a parent exists and yet nothing can be made in it, as under /proc.
 */
export async function makePrivateDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return
    const parent = dirname(path)
    if (code !== 'ENOENT' || parent === path || (await isDirectory(parent))) throw error
    await makePrivateDirectory(parent)
    await makePrivateDirectory(path)
  }
}

const isDirectory = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )

/** What went wrong with a path and what to do about it, in words. */
export function explainFileError(error: unknown): string {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return 'this user may not write there; give it the rights or choose another directory with --data'
    case 'EROFS':
      return 'the file system is read-only; choose another directory with --data'
    case 'ENOSPC':
    case 'EDQUOT':
      return 'the disk is full; make room or choose another directory with --data'
    case 'ENOTDIR':
    case 'EEXIST':
      return 'a file stands where a directory is needed; move it away or choose another directory with --data'
    case 'EISDIR':
      return 'a directory stands where a file is needed; move it away or choose another directory with --data'
    case 'ENOENT':
      return 'the file or its folder is gone; put it back, or restore it from a backup'
    case 'EIO':
      return 'the disk reports a fault; look into the log of the system, and choose another directory with --data'
    case 'EMFILE':
    case 'ENFILE':
      return 'too many files are open; raise the limit (ulimit -n)'
    default:
      return typeof message === 'string' ? message : String(error)
  }
}
