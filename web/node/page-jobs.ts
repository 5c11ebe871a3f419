import type { JsonValue } from '../../shared/client/item-splitter.ts'
import { type JobState, newJobState } from '../../shared/client/job-state.ts'
import type { TaskOptions } from '../../shared/client/task-options.ts'
import type { CryptoPort } from '../../shared/host/crypto-port.ts'
import { toHex } from '../../shared/kernel/bytes.ts'
import type { Hash } from '../../shared/kernel/ids.ts'
import type { FinishedTask, Submission } from '../../shared/task/messages.ts'
import { JobDatabase, type JobRecord } from '../storage/job-database.ts'
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
  async all(): Promise<readonly JobRecord[]> {
    const records = await this.#database.all()
    return records.filter(({ state }) => state.networkId === this.#parts.networkId)
  }

  async run(
    name: string,
    program: Uint8Array,
    inputs: readonly JsonValue[],
    options: TaskOptions,
  ): Promise<Job> {
    const { crypto, networkId } = this.#parts
    const state = newJobState(crypto, networkId, toHex(crypto.sha256(program)) as Hash, options)
    const { jobId } = state
    const record = {
      jobId,
      name,
      state,
      program,
      inputs,
      options,
      startedAt: Date.now(),
      endedAt: null,
    }
    // Makes sure that it can be handed in at all, before it is kept.
    const job = this.#start(record, [])
    await this.#database.begin(record)
    return job
  }

  async goOn(record: JobRecord): Promise<Job> {
    const before = await this.#database.results(record.jobId)
    const job = this.#start(record, before)
    // It was cancelled, and stays so.
    if (record.endedAt !== null && before.length < record.inputs.length) job.cancel()
    return job
  }

  async ended(jobId: string): Promise<void> {
    await this.#database.end(jobId, Date.now())
  }

  close(): Promise<void> {
    return this.#database.close()
  }

  #start({ jobId, state, program, inputs, options }: JobRecord, before: readonly CheckedResult[]): Job {
    return this.#parts.jobs.map(program, inputs, {
      ...options,
      state: state satisfies JobState,
      before,
      keepEnd: (result) => this.#database.keep(jobId, result),
    })
  }
}
