import { open, readFile, rm } from 'node:fs/promises'
import { type JobState, parseJobState } from '../../shared/client/job-state.ts'
import type { ListKind } from '../../shared/client/map-input.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'
import { boolean, integer, nullable, object, oneOf, parse, type Shape } from '../../shared/kernel/shape.ts'
import { inWords } from '../file-words.ts'
import { DirectoryLock } from '../storage/directory-lock.ts'
import { writeFileDurably } from '../storage/files.ts'
import { callersPath } from './files.ts'
import { UsageError } from './usage-error.ts'

/** What `map --job` keeps. Small: whatever its size, of a job only this is needed to go on with it. */
export interface KeptJob {
  readonly job: JobState
  /** How the input becomes items. */
  readonly map: ListKind
  /** Whether results are printed as NDJSON. */
  readonly json: boolean
  /** Bytes of the output file that hold the results of the items before the cursor; `null` where they went to stdout. */
  readonly outputBytes: number | null
  readonly isDone: boolean
}

const keptShape: Shape<Omit<KeptJob, 'job'> & { job: unknown }> = object({
  job: { check: () => undefined },
  map: oneOf(['lines', 'csv', 'json']),
  json: boolean,
  outputBytes: nullable(integer(0, Number.MAX_SAFE_INTEGER)),
  isDone: boolean,
})

/** No job file is larger, in bytes. */
const fileBytesMax = 64 * 1024

/** The file that a job is gone on with from. Held by one process at a time, whatever becomes of that process. */
export class JobFile {
  readonly path: string
  /** As it was when it was opened; `undefined` when there is no such job yet. */
  readonly kept: KeptJob | undefined
  readonly #lock: DirectoryLock

  private constructor(path: string, kept: KeptJob | undefined, lock: DirectoryLock) {
    this.path = path
    this.kept = kept
    this.#lock = lock
  }

  /** Rejects with a UsageError when it is no job file, cannot be read or written, or another process goes on with it. */
  static async open(name: string): Promise<JobFile> {
    const path = callersPath(name)
    const lock = take(name, `${path}.lock`)
    try {
      return new JobFile(path, await readKept(name, path), lock)
    } catch (error) {
      lock.release()
      throw error
    }
  }

  /** When it resolves, whatever happens later the job can be gone on with from here. */
  async save(kept: KeptJob): Promise<void> {
    await writeFileDurably(this.path, Buffer.from(`${JSON.stringify(kept, undefined, 1)}\n`))
  }

  async close(isDone: boolean): Promise<void> {
    // While it is still held: who waits for it finds that nothing is left to do.
    if (isDone) await rm(`${this.path}.lock`, { force: true }).catch(() => {})
    this.#lock.release()
  }
}

function take(name: string, path: string): DirectoryLock {
  let lock: DirectoryLock | undefined
  try {
    lock = DirectoryLock.takeFile(path)
  } catch (error) {
    throw new UsageError(`The job file ${name} could not be written (${inWords(error)})`)
  }
  if (lock !== undefined) return lock
  throw new UsageError(`Another process goes on with the job of ${name}: wait for it, or stop it first`)
}

async function readKept(name: string, path: string): Promise<KeptJob | undefined> {
  let text: string
  try {
    const file = await open(path)
    try {
      if ((await file.stat()).size > fileBytesMax) throw noJobFile(name, 'it is too large')
      text = await readFile(file, 'utf8')
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof UsageError) throw error
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new UsageError(`The job file ${name} cannot be read (${inWords(error)})`)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw noJobFile(name, 'not JSON')
  }
  const kept = parse(keptShape, value, 'file')
  if (kept instanceof Refusal) throw noJobFile(name, kept.message)
  const job = parseJobState(kept.job)
  if (job instanceof Refusal) throw noJobFile(name, job.message)
  return { ...kept, job }
}

const noJobFile = (name: string, why: string): UsageError =>
  new UsageError(`${name} is no job file, as --job writes it (${why}); it was left as it is`)
