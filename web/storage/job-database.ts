import { type DBSchema, type IDBPDatabase, openDB } from 'idb'
import type { JobState } from '../../shared/client/job-state.ts'
import type { JobInput } from '../../shared/client/map-input.ts'
import type { TaskOptions } from '../../shared/client/task-options.ts'
import type { CheckedResult } from '../node/job.ts'
import { DatabaseGuard, databaseError } from './database-guard.ts'
import { databaseName } from './database-name.ts'

/** All that is needed to go on with a job, or to show it, after the page was loaded anew. */
export interface JobRecord {
  readonly jobId: string
  /** What the page calls it. */
  readonly name: string
  readonly state: JobState
  readonly program: Uint8Array
  readonly inputs: readonly JobInput[]
  readonly options: TaskOptions
  /** Unix milliseconds. */
  readonly startedAt: number
  readonly endedAt: number | null
}

interface JobsSchema extends DBSchema {
  jobs: { key: string; value: JobRecord }
  results: { key: [jobId: string, index: number]; value: CheckedResult }
}

const databaseVersion = 1
/** Jobs kept; beyond it those that ended first are forgotten with their results. */
const jobsMax = 20

/** The jobs of a profile's page in IndexedDB: what was asked, and what came of it. */
export class JobDatabase {
  readonly #database: IDBPDatabase<JobsSchema>
  readonly #guard: DatabaseGuard

  private constructor(name: string, database: IDBPDatabase<JobsSchema>) {
    this.#database = database
    this.#guard = new DatabaseGuard(name, () => database.close())
  }

  /** Rejects with a StorageError `OpenFailed` where the browser keeps nothing for the page. */
  static async open(profile: string): Promise<JobDatabase> {
    const name = databaseName('jobs', profile)
    try {
      const database: IDBPDatabase<JobsSchema> = await openDB<JobsSchema>(name, databaseVersion, {
        upgrade: (fresh) => {
          fresh.createObjectStore('jobs', { keyPath: 'jobId' })
          fresh.createObjectStore('results')
        },
        blocking: () => void jobs.close(),
      })
      const jobs = new JobDatabase(name, database)
      return jobs
    } catch (error) {
      throw databaseError('OpenFailed', name, error)
    }
  }

  /** The latest first. */
  async all(): Promise<JobRecord[]> {
    const records = await this.#guard.run('ReadFailed', () => this.#database.getAll('jobs'))
    return records.sort((a, b) => b.startedAt - a.startedAt)
  }

  async begin(record: JobRecord): Promise<void> {
    await this.#guard.run('WriteFailed', () => this.#database.put('jobs', record))
    const ended = (await this.all()).slice(jobsMax).filter(({ endedAt }) => endedAt !== null)
    for (const { jobId } of ended) await this.#forget(jobId)
  }

  /** When it resolves, the result is on the disk. */
  async keep(jobId: string, result: CheckedResult): Promise<void> {
    await this.#guard.run('WriteFailed', async () => {
      const change = this.#database.transaction('results', 'readwrite', { durability: 'strict' })
      await Promise.all([change.store.put(result, [jobId, result.index]), change.done])
    })
  }

  /** In the order of the items; there may be gaps. */
  async results(jobId: string): Promise<CheckedResult[]> {
    return await this.#guard.run('ReadFailed', () => this.#database.getAll('results', ofJob(jobId)))
  }

  async end(jobId: string, endedAt: number): Promise<void> {
    await this.#guard.run('WriteFailed', async () => {
      const change = this.#database.transaction('jobs', 'readwrite')
      const record = await change.store.get(jobId)
      if (record !== undefined) await change.store.put({ ...record, endedAt })
      await change.done
    })
  }

  close(): Promise<void> {
    return this.#guard.close()
  }

  async #forget(jobId: string): Promise<void> {
    await this.#guard.run('WriteFailed', async () => {
      const change = this.#database.transaction(['jobs', 'results'], 'readwrite')
      await Promise.all([
        change.objectStore('jobs').delete(jobId),
        change.objectStore('results').delete(ofJob(jobId)),
        change.done,
      ])
    })
  }
}

const ofJob = (jobId: string): IDBKeyRange => IDBKeyRange.bound([jobId, 0], [jobId, Number.MAX_SAFE_INTEGER])
