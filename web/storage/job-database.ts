import { type DBSchema, type IDBPDatabase, type IDBPTransaction, openDB } from 'idb'
import type { CheckedResult } from '../node/job.ts'
import { DatabaseGuard, databaseError } from './database-guard.ts'
import { databaseName } from './database-name.ts'
import { type JobSummary, type JobWork, summaryOf } from './job-summary.ts'

interface JobsSchema extends DBSchema {
  summaries: { key: string; value: JobSummary }
  /** Up to 64 MB each: read one at a time, and never for a list. */
  jobs: { key: string; value: JobWork }
  results: { key: [jobId: string, index: number]; value: CheckedResult }
}

/** How many items of a job ended in which way. */
export interface JobCounts {
  readonly completed: number
  readonly failed: number
}

/** 1 had no summaries: what they say was in `jobs`. */
const databaseVersion = 2
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
        upgrade: async (old, oldVersion, _, change) => {
          old.createObjectStore('summaries', { keyPath: 'jobId' })
          if (oldVersion === 1) return await summarize(change)
          old.createObjectStore('jobs', { keyPath: 'jobId' })
          old.createObjectStore('results')
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
  async all(): Promise<JobSummary[]> {
    const summaries = await this.#guard.run('ReadFailed', () => this.#database.getAll('summaries'))
    return summaries.sort((a, b) => b.startedAt - a.startedAt)
  }

  /** `undefined` when the job was forgotten. */
  async work(jobId: string): Promise<JobWork | undefined> {
    return await this.#guard.run('ReadFailed', () => this.#database.get('jobs', jobId))
  }

  async begin(summary: JobSummary, work: JobWork): Promise<void> {
    await this.#guard.run('WriteFailed', async () => {
      const change = this.#database.transaction(['summaries', 'jobs'], 'readwrite')
      await Promise.all([
        change.objectStore('summaries').put(summary),
        change.objectStore('jobs').put(work),
        change.done,
      ])
    })
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

  /** One that is shown again later ended when it did first. */
  async end(jobId: string, endedAt: number, counts: JobCounts): Promise<void> {
    await this.#guard.run('WriteFailed', async () => {
      const change = this.#database.transaction('summaries', 'readwrite')
      const summary = await change.store.get(jobId)
      if (summary?.endedAt === null) {
        const { completed, failed } = counts
        await change.store.put({ ...summary, endedAt, completed, failed })
      }
      await change.done
    })
  }

  close(): Promise<void> {
    return this.#guard.close()
  }

  async #forget(jobId: string): Promise<void> {
    await this.#guard.run('WriteFailed', async () => {
      const change = this.#database.transaction(['summaries', 'jobs', 'results'], 'readwrite')
      await Promise.all([
        change.objectStore('summaries').delete(jobId),
        change.objectStore('jobs').delete(jobId),
        change.objectStore('results').delete(ofJob(jobId)),
        change.done,
      ])
    })
  }
}

const ofJob = (jobId: string): IDBKeyRange => IDBKeyRange.bound([jobId, 0], [jobId, Number.MAX_SAFE_INTEGER])

/** As `jobs` held it in version 1. */
type FirstRecord = JobWork & Pick<JobSummary, 'name' | 'startedAt' | 'endedAt'>

type Upgrade = IDBPTransaction<JobsSchema, ('summaries' | 'jobs' | 'results')[], 'versionchange'>

async function summarize(change: Upgrade): Promise<void> {
  const [summaries, jobs] = [change.objectStore('summaries'), change.objectStore('jobs')]
  for (const jobId of await jobs.getAllKeys()) {
    const { name, startedAt, endedAt, ...work } = (await jobs.get(jobId)) as FirstRecord
    const counts = endedAt === null ? {} : await countsOf(change, jobId)
    await summaries.put({ ...summaryOf(work, name, startedAt), endedAt, ...counts })
    await jobs.put(work)
  }
}

/** Results are looked at one by one: all of a job's may be more than fits. */
async function countsOf(change: Upgrade, jobId: string): Promise<JobCounts> {
  const counts = { completed: 0, failed: 0 }
  let cursor = await change.objectStore('results').openCursor(ofJob(jobId))
  while (cursor !== null) {
    counts[cursor.value.status]++
    cursor = await cursor.continue()
  }
  return counts
}
