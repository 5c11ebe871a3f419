import { access, constants } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { explainFileError, makePrivateDirectory } from './storage/files.ts'

/** A start that cannot succeed; `exitCode` is what the process ends with (1, or 2 as NET-02). */
export class StartError extends Error {
  readonly exitCode: 1 | 2

  constructor(message: string, exitCode: 1 | 2, cause?: unknown) {
    super(message, { cause })
    this.name = 'StartError'
    this.exitCode = exitCode
  }
}

/** FORMATS: `--data DIR`, else TABMESH_HOME, else ~/.tabmesh; relative to where the user called us from. */
export function dataHome(data: string | undefined, env: NodeJS.ProcessEnv = process.env): string {
  return resolve(env['INIT_CWD'] ?? '.', data ?? env['TABMESH_HOME'] ?? join(homedir(), '.tabmesh'))
}

/** Makes the folder (0700) and makes sure that it can be written. */
export async function openDataFolder(path: string): Promise<string> {
  try {
    await makePrivateDirectory(path)
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK)
    return path
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      const why = 'no folder can be made there; choose another directory with --data'
      throw new StartError(`The data folder ${path} cannot be made: ${why}`, 1, error)
    }
    throw new StartError(`The data folder ${path} cannot be written: ${explainFileError(error)}`, 1, error)
  }
}
