import { randomBytes } from 'node:crypto'
import type { JobId, TaskId } from '../../shared/kernel/ids.ts'
import type { FinishedTask } from '../../shared/task/messages.ts'
import type { RelayNews } from './relay-api.ts'

/** Told of one job, or of one task. */
export interface NewsReader {
  finished(finished: FinishedTask): void
  accepted?(taskId: TaskId, jobId: JobId | null): void
  /** Ends have come to be here of which nobody was told: look into the store again. */
  reread(): void
}

/** When the newest end that was told of came, in Unix ms: none that is told of later came before it. */
export interface NewsTime {
  readonly since: number
  /** Times of different runs of a relay do not compare. */
  readonly run: string
}

/** Brings what happens to those who hold an answer open for it. */
export class TaskNews {
  readonly #readers = new Map<string, Set<NewsReader>>()
  #since = Date.now()
  #run = newRun()

  get time(): NewsTime {
    return { since: this.#since, run: this.#run }
  }

  /** By the id of a job or of a task. Returns the unsubscription. */
  follow(id: JobId | TaskId, reader: NewsReader): () => void {
    const readers = this.#readers.get(id) ?? new Set()
    this.#readers.set(id, readers.add(reader))
    return () => {
      if (readers.delete(reader) && readers.size === 0) this.#readers.delete(id)
    }
  }

  tell(news: RelayNews): void {
    switch (news.type) {
      case 'taskAccepted':
        return this.#each(news.taskId, news.jobId, (reader) =>
          reader.accepted?.(news.taskId, news.jobId as JobId | null),
        )
      case 'taskFinished': {
        const { task, transitions } = news.finished
        this.#since = Math.max(this.#since, transitions.at(-1)?.[1] ?? 0)
        return this.#each(task.taskId, task.jobId, (reader) => reader.finished(news.finished))
      }
      case 'adopted': {
        this.#run = newRun()
        for (const readers of this.#readers.values()) for (const reader of readers) reader.reread()
        return
      }
    }
  }

  #each(taskId: TaskId, jobId: string | null, tell: (reader: NewsReader) => void): void {
    for (const reader of this.#readers.get(taskId) ?? []) tell(reader)
    if (jobId !== null) for (const reader of this.#readers.get(jobId) ?? []) tell(reader)
  }
}

const newRun = (): string => randomBytes(6).toString('hex')
