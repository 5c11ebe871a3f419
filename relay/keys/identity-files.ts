import { chmod, lstat, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { explainFileError, makePrivateDirectory, syncDirectory, writeAndSync } from '../storage/files.ts'
import { IdentityError } from './identity-error.ts'

export const keyFileName = 'key.json'
export const wrappingKeyFileName = 'wrapping-key.json'

export type Log = (level: 'info' | 'warn', message: string) => void

/**
 * The files of an identity directory by name, `undefined` when there is none yet (no directory, or an empty one).
 * Rejects with IdentityError `NotReadable` when they cannot be read.
 */
export async function readIdentityFiles(directory: string): Promise<Map<string, string> | undefined> {
  try {
    const names = await readdir(directory)
    if (names.length === 0) return undefined
    const files = new Map<string, string>()
    for (const name of [keyFileName, wrappingKeyFileName]) {
      if (names.includes(name)) files.set(name, await readFile(join(directory, name), 'utf8'))
    }
    return files
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return undefined
    const reason = explainFileError(error)
    throw new IdentityError('NotReadable', `Cannot read the identity in ${directory}: ${reason}`, error)
  }
}

/**
 * Makes the directory with all its files in one step (written beside it, then renamed), so that a crash leaves a whole
 * identity or none. Resolves to false when another process made one first.
 */
export async function writeIdentityFiles(
  directory: string,
  files: ReadonlyMap<string, string>,
): Promise<boolean> {
  const parent = dirname(directory)
  try {
    await makePrivateDirectory(parent)
    const draft = await mkdtemp(join(parent, '.identity-'))
    try {
      for (const [name, text] of files) await writeAndSync(join(draft, name), Buffer.from(text), 0o600)
      await syncDirectory(draft)
      if (!(await renameToFree(draft, directory))) return false
    } finally {
      await rm(draft, { recursive: true, force: true })
    }
    await syncDirectory(parent)
    return true
  } catch (error) {
    const reason = explainFileError(error)
    throw new IdentityError('NotWritable', `Cannot write an identity to ${directory}: ${reason}`, error)
  }
}

/** Sets modes others could read back to 0700 and 0600, and says so: whoever could read the files may have done it. */
export async function closeToOthers(directory: string, log: Log): Promise<void> {
  // Windows has no such modes; the user's profile directory is closed to others there.
  if (process.platform === 'win32') return
  const paths = [directory, join(directory, keyFileName), join(directory, wrappingKeyFileName)]
  for (const path of paths) {
    const found = await lstat(path).catch(() => undefined)
    if (found === undefined || (found.mode & 0o077) === 0) continue
    const mode = found.isDirectory() ? 0o700 : 0o600
    const had = (found.mode & 0o777).toString(8)
    const isClosed = await chmod(path, mode).then(
      () => true,
      () => false,
    )
    const done = isClosed ? `It is now ${mode.toString(8)}.` : 'It could not be changed: change it by hand.'
    log(
      'warn',
      `${path} was open to other users of this machine (mode ${had}). ${done} If they are not trusted, make a new key.`,
    )
  }
}

/** Renames onto a directory that is missing or empty; false when something is in it. */
async function renameToFree(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to)
    return true
  } catch (error) {
    const { code } = error as { code?: unknown }
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false
    // Windows refuses to rename onto a directory, empty or not.
    if (code === 'EPERM' && (await readdir(to).catch(() => [])).length > 0) return false
    throw error
  }
}
