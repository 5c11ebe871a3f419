import { join } from 'node:path'
import type { HostLog } from '../../shared/host/host-log.ts'
import { decodeCanonical } from '../../shared/kernel/codec.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'
import { StorageError, type Store } from '../../shared/storage/store.ts'
import type { FinishedTask } from '../../shared/task/messages.ts'
import { explainFileError } from './files.ts'
import { appendGzip, endOfGzipLog, openGzipLog } from './gzip-log.ts'

/** What of a finished task is kept after its time: no input, no output, no signatures. */
export interface ArchivedTask {
  readonly taskId: string
  readonly jobId: string | null
  readonly index: number
  readonly submitter: string
  readonly status: FinishedTask['status']
  readonly outcome: FinishedTask['outcome']
  readonly programHash: string
  readonly inputHash: string
  /** ISO 8601 UTC. */
  readonly submittedAt: string
  readonly endedAt: string
  readonly durationMs: number
  /** Executions handed out. */
  readonly attempts: number
  /** Whose answers agreed. */
  readonly voters: readonly string[]
}

export interface TaskArchiveInit {
  /** Where the rows of finished tasks are. */
  readonly store: Pick<Store, 'get'>
  readonly folder: string
  readonly log: HostLog
}

/**
 * TSK-11: finished tasks after their time, one line of JSON each, in `{folder}/YYYY-MM.ndjson.gz` by the month they ended
 * in (`zcat` reads it). A task is in the archive before its row is deleted: none is lost, and a crash in between writes
 * it there twice.
 */
export class TaskArchive {
  readonly #store: TaskArchiveInit['store']
  readonly #folder: string
  readonly #log: HostLog
  /** Of the files that this run wrote to. */
  readonly #ends = new Map<string, number>()
  #turn: Promise<unknown> = Promise.resolve()

  constructor({ store, folder, log }: TaskArchiveInit) {
    this.#store = store
    this.#folder = folder
    this.#log = log
  }

  /** Resolves when all of these rows are in the archive and on the disk; rejects with StorageError, and may be asked again. */
  keep(keys: readonly string[]): Promise<void> {
    const done = this.#turn.then(() => this.#keep(keys))
    this.#turn = done.catch(() => undefined)
    return done
  }

  /** Resolves when what was asked for is done or has failed. */
  async close(): Promise<void> {
    await this.#turn
  }

  async #keep(keys: readonly string[]): Promise<void> {
    const rows = await Promise.all(keys.map(async (key) => ({ key, value: await this.#store.get(key) })))
    const months = Map.groupBy(
      rows.flatMap(({ key, value }) => (value === undefined ? [] : [archived(key, value)])),
      ({ endedAt }) => endedAt.slice(0, 7),
    )
    for (const [month, tasks] of months) await this.#append(join(this.#folder, `${month}.ndjson.gz`), tasks)
  }

  async #append(path: string, tasks: readonly ArchivedTask[]): Promise<void> {
    try {
      const file = await openGzipLog(path)
      try {
        const end = await this.#endOf(path, file)
        this.#ends.delete(path)
        const text = tasks.map((task) => `${JSON.stringify(task)}\n`).join('')
        this.#ends.set(path, await appendGzip(file, end, text))
      } finally {
        await file.close()
      }
    } catch (error) {
      throw new StorageError('WriteFailed', `Cannot write to ${path}: ${explainFileError(error)}`, error)
    }
  }

  async #endOf(path: string, file: Awaited<ReturnType<typeof openGzipLog>>): Promise<number> {
    const known = this.#ends.get(path)
    if (known !== undefined && (await file.stat()).size === known) return known
    const { bytes, brokenBytes } = await endOfGzipLog(file)
    if (brokenBytes > 0)
      this.#log('warn', `Dropped what was half written to ${path}; those tasks are written again`, {
        bytes: brokenBytes,
      })
    return bytes
  }
}

function archived(key: string, value: Uint8Array): ArchivedTask {
  const row = decodeCanonical(value)
  if (row instanceof Refusal)
    throw new StorageError('ReadFailed', `The row ${key} is damaged; restore the store from a backup`)
  const { task, status, outcome, votes, attempts, durationMs, transitions } = row as FinishedTask
  return {
    taskId: task.taskId,
    jobId: task.jobId,
    index: task.index,
    submitter: task.submitter,
    status,
    outcome,
    programHash: task.programHash,
    inputHash: task.inputHash,
    submittedAt: task.submittedAt,
    endedAt: new Date(transitions.at(-1)![1]).toISOString(),
    durationMs,
    attempts,
    voters: votes.map(({ peerId }) => peerId),
  }
}
