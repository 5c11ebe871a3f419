import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { explainFileError } from '../storage/files.ts'
import { UsageError } from './usage-error.ts'

/** A path as the caller wrote it: relative to the caller's folder, which npm hands on as INIT_CWD. */
export const callersPath = (path: string): string => resolve(process.env['INIT_CWD'] ?? '.', path)

/** A file the caller named. Rejects with a UsageError that says which and why. */
export async function readNamedFile(path: string, what: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(callersPath(path)))
  } catch (error) {
    throw new UsageError(`The ${what} ${path} cannot be read (${explainFileError(error)})`)
  }
}
