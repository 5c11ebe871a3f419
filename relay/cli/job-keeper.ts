import type { JobState } from '../../shared/client/job-state.ts'
import { inWords } from '../file-words.ts'
import type { JobFile, KeptJob } from './job-file.ts'
import { OutputError, type ResultsSink } from './results-sink.ts'

/** Results noted before they are kept, and how long they may wait for that: what may come twice after a crash. */
const notedMax = 256
const waitMs = 1_000

/**
 * Keeps how far a job is, a moment after it is.
 *
 * Invariant: what is kept was written before: results are synced, then the file says so.
 */
export class JobKeeper {
  readonly #file: JobFile
  readonly #sink: ResultsSink
  #kept: KeptJob
  #noted = 0
  #timer: NodeJS.Timeout | undefined
  #saving: Promise<void> = Promise.resolve()
  #failure: unknown

  constructor(file: JobFile, sink: ResultsSink, kept: KeptJob) {
    this.#file = file
    this.#sink = sink
    this.#kept = kept
  }

  /** The results of the items before the job's cursor have been handed to the sink. Rejects when keeping fails. */
  async note(job: JobState): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    this.#kept = { ...this.#kept, job, outputBytes: this.#sink.bytes }
    if (++this.#noted >= notedMax) return await this.save()
    this.#timer ??= setTimeout(() => {
      this.save().catch((error: unknown) => {
        this.#failure = error
      })
    }, waitMs)
  }

  /** Resolves when all that was noted is kept. */
  save(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#saving = this.#saving.then(async () => {
      const kept = this.#kept
      this.#noted = 0
      await this.#sink.sync()
      await this.#write(kept)
    })
    return this.#saving
  }

  async done(): Promise<void> {
    this.#kept = { ...this.#kept, isDone: true }
    await this.save()
  }

  async #write(kept: KeptJob): Promise<void> {
    try {
      await this.#file.save(kept)
    } catch (error) {
      throw new OutputError(`The job file ${this.#file.path} could not be written (${inWords(error)})`)
    }
  }
}
