import type { JsonValue } from '../../shared/client/item-splitter.ts'
import { type JobState, newJobState } from '../../shared/client/job-state.ts'
import type { TaskOptions } from '../../shared/client/task-options.ts'
import type { CryptoPort } from '../../shared/host/crypto-port.ts'
import { toHex } from '../../shared/kernel/bytes.ts'
import type { Hash } from '../../shared/kernel/ids.ts'
import type { FinishedTask, Submission } from '../../shared/task/messages.ts'
import { type JobCounts, JobDatabase } from '../storage/job-database.ts'
import { type JobSummary, type JobWork, summaryOf } from '../storage/job-summary.ts'
import type { CheckedResult, Job } from './job.ts'
import type { Jobs } from './jobs.ts'

export interface PageJobsParts {
  readonly jobs: Jobs
  readonly crypto: CryptoPort
  readonly networkId: Hash
  readonly profile: string
  /** What the submitter has on its disk. */
  readonly onDisk: () => { readonly open: readonly Submission[]; readonly ended: readonly FinishedTask[] }
}

/** Jobs that outlive their page: kept with their results, and gone on with when it is there again. */
export class PageJobs {
  readonly #parts: PageJobsParts
  readonly #database: JobDatabase

  private constructor(parts: PageJobsParts, database: JobDatabase) {
    this.#parts = parts
    this.#database = database
  }

  /** Rejects with a StorageError. */
  static async open(parts: PageJobsParts): Promise<PageJobs> {
    const jobs = new PageJobs(parts, await JobDatabase.open(parts.profile))
    const open = (await jobs.all()).filter(({ endedAt }) => endedAt === null)
    parts.jobs.dropOthers(new Set(open.map(({ jobId }) => jobId)), parts.onDisk())
    return jobs
  }

  /** The latest first; those of another network are as good as ended. */
  async all(): Promise<readonly JobSummary[]> {
    const summaries = await this.#database.all()
    return summaries.filter(({ networkId }) => networkId === this.#parts.networkId)
  }

  async run(
    name: string,
    program: Uint8Array,
    inputs: readonly JsonValue[],
    options: TaskOptions,
  ): Promise<Job> {
    const { crypto, networkId } = this.#parts
    const state = newJobState(crypto, networkId, toHex(crypto.sha256(program)) as Hash, options)
    const work = { jobId: state.jobId, state, program, inputs, options }
    // Makes sure that it can be handed in at all, before it is kept.
    const job = this.#start(work, [])
    await this.#database.begin(summaryOf(work, name, Date.now()), work)
    return job
  }

  async goOn({ jobId, name, endedAt, items }: JobSummary): Promise<Job> {
    const work = await this.#database.work(jobId)
    if (work === undefined) throw new Error(`The job “${name}” is not kept any more`)
    const before = await this.#database.results(jobId)
    const job = this.#start(work, before)
    // It was cancelled, and stays so.
    if (endedAt !== null && before.length < items) job.cancel()
    return job
  }

  async ended(jobId: string, counts: JobCounts): Promise<void> {
    await this.#database.end(jobId, Date.now(), counts)
  }

  close(): Promise<void> {
    return this.#database.close()
  }

  #start({ jobId, state, program, inputs, options }: JobWork, before: readonly CheckedResult[]): Job {
    return this.#parts.jobs.map(program, inputs, {
      ...options,
      state: state satisfies JobState,
      before,
      keepEnd: (result) => this.#database.keep(jobId, result),
    })
  }
}
