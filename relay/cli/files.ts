import { createReadStream } from 'node:fs'
import { access, constants, realpath, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { joinBytes } from '../../shared/kernel/bytes.ts'
import { inWords } from '../file-words.ts'
import { UsageError } from './usage-error.ts'

/** A path as the caller wrote it: relative to the caller's folder, which npm hands on as INIT_CWD. */
export const callersPath = (path: string): string => resolve(process.env['INIT_CWD'] ?? '.', path)

/** No file is taken whole that is larger: a text of it would not fit. */
const wholeMiBMax = 500

/** A file the caller named. Rejects with a UsageError that says which and why; so one that never ends is given up. */
export async function readNamedFile(path: string, what: string, mibMax = wholeMiBMax): Promise<Uint8Array> {
  const tooLarge = new Error(`it is over ${mibMax} MiB`)
  const bytesMax = mibMax * 1024 * 1024
  try {
    const full = callersPath(path)
    if ((await stat(full)).size > bytesMax) throw tooLarge
    const parts: Uint8Array[] = []
    let sizeBytes = 0
    for await (const part of createReadStream(full)) {
      sizeBytes += (part as Uint8Array).length
      if (sizeBytes > bytesMax) throw tooLarge
      parts.push(part as Uint8Array)
    }
    return joinBytes(parts)
  } catch (error) {
    throw new UsageError(`The ${what} ${path} cannot be read (${inWords(error)})`)
  }
}

/** Said before hours of work, not after. Rejects with a UsageError when the file could not be written. */
export async function checkWritable(path: string, what: string): Promise<void> {
  const full = callersPath(path)
  try {
    await access(dirname(full), constants.W_OK | constants.X_OK)
    const found = await stat(full).catch(() => undefined)
    if (found?.isDirectory() === true) throw new Error('it is a directory')
    if (found?.isFile() === false) throw new Error('it is no regular file; use the redirection of your shell')
    if (found !== undefined) await access(full, constants.W_OK)
  } catch (error) {
    throw new UsageError(`The ${what} ${path} could not be written (${inWords(error)})`)
  }
}

/** Rejects with a UsageError that says which and why. */
export async function checkReadable(path: string, what: string): Promise<void> {
  try {
    const full = callersPath(path)
    await access(full, constants.R_OK)
    if ((await stat(full)).isDirectory()) throw new Error('it is a directory')
  } catch (error) {
    throw new UsageError(`The ${what} ${path} cannot be read (${inWords(error)})`)
  }
}

/** The bytes of a file the caller named, as they come. Rejects with a UsageError that says which and why. */
export async function* readNamedStream(path: string, what: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(callersPath(path))) yield chunk as Uint8Array
  } catch (error) {
    throw new UsageError(`The ${what} ${path} cannot be read (${inWords(error)})`)
  }
}

/** Rejects with a UsageError when two of the files that a command reads or writes are the same. */
export async function checkDistinct(named: Readonly<Record<string, string | undefined>>): Promise<void> {
  const seen = new Map<string, string>()
  for (const [what, path] of Object.entries(named)) {
    if (path === undefined) continue
    const full = callersPath(path)
    const real = await realpath(full).catch(() => full)
    const other = seen.get(real)
    if (other !== undefined)
      throw new UsageError(`The ${what} ${path} is the ${other}: they have to be different files`)
    seen.set(real, what)
  }
}
