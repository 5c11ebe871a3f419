import type { JobId, PeerId, TaskId } from '../../shared/kernel/ids.ts'
import type { FinishedTask } from '../../shared/task/messages.ts'
import { sizeOf } from '../../shared/task/payload.ts'
import { afterAll, atStart, cursorText, type EventCursor, endedAt, isNew } from './event-cursor.ts'
import { endsOfJob } from './receipt-text.ts'
import type { RelayApi } from './relay-api.ts'
import { errorOf } from './result-line.ts'
import type { NewsTime, TaskNews } from './task-news.ts'

/** What is followed: a job, or one task. */
export interface Followed {
  readonly kind: 'job' | 'task'
  readonly id: JobId | TaskId
  readonly submitter: PeerId
}

export interface EventStreamParts {
  readonly api: RelayApi
  readonly news: TaskNews
  readonly signal: AbortSignal
  /** Between two looks at progress, in ms. */
  readonly progressMs: () => number
}

/** News that wait for the reader; beyond it they are read from the store again. */
const queuedMax = 1_024
/** A comment is sent when there was nothing to tell for so long: proxies cut what is silent. */
const silenceMsMax = 15_000

type Queued =
  | { readonly type: 'accepted'; readonly taskId: TaskId }
  | { readonly type: 'finished'; readonly finished: FinishedTask }

/**
 * The events of a job or task as server-sent events, from a cursor on: the ends that are in the store, in item order, the
 * tasks that are open, and then each as it comes. Every end is told at least once to a reader that comes back with
 * the id of the last event it saw; what waits for a slow reader is bounded, the rest is in the store.
 */
export async function* taskEvents(
  parts: EventStreamParts,
  followed: Followed,
  from: EventCursor,
): AsyncGenerator<string> {
  const { api, news, signal } = parts
  const inbox = new Inbox(followed)
  const stop = news.follow(followed.id, inbox)
  signal.addEventListener('abort', () => inbox.wake(), { once: true })
  const teller = new Teller(from, news.time)
  const isOver = () => signal.aborted || (followed.kind === 'task' && teller.toldEnd)
  try {
    yield 'retry: 2000\n\n'
    while (!isOver()) {
      inbox.clear()
      teller.begin(news.time)
      for await (const finished of storedEnds(api, followed)) yield teller.stored(finished)
      if (isOver()) return
      teller.toldStored()
      for (const taskId of await openTasks(api, followed)) yield sentEvent('accepted', { taskId })
      for await (const text of liveTexts(parts, followed, inbox, teller)) {
        yield text
        if (isOver()) return
      }
    }
  } finally {
    stop()
  }
}

/** What comes while the reader listens, until something was missed. */
async function* liveTexts(
  { api, signal, progressMs }: EventStreamParts,
  followed: Followed,
  inbox: Inbox,
  teller: Teller,
): AsyncGenerator<string> {
  let lookAt = 0
  let silentSince = Date.now()
  while (!signal.aborted && !inbox.hasMissed) {
    const text = teller.queued(inbox.take()) ?? (await look()) ?? silence()
    if (text === undefined) await inbox.arrival(lookAt - Date.now())
    else {
      silentSince = Date.now()
      yield text
    }
  }

  async function look(): Promise<string | undefined> {
    if (Date.now() < lookAt) return undefined
    lookAt = Date.now() + progressMs()
    return teller.progress(await progressOf(api, followed))
  }

  function silence(): string | undefined {
    return Date.now() - silentSince >= silenceMsMax ? ': nothing new\n\n' : undefined
  }
}

/** Writes events, and knows how far its reader has come. */
class Teller {
  #cursor: EventCursor
  #time: NewsTime
  #toldProgress = ''
  #toldEnd = false

  constructor(from: EventCursor, time: NewsTime) {
    this.#cursor = from
    this.#time = time
  }

  get toldEnd(): boolean {
    return this.#toldEnd
  }

  /** Before the ends in the store: none that is told of later came before this time. */
  begin(time: NewsTime): void {
    if (time.run !== this.#time.run) this.#cursor = atStart
    this.#time = time
  }

  /** An empty text for what the reader was told of before. */
  stored(finished: FinishedTask): string {
    this.#toldEnd = true
    if (!isNew(this.#cursor, finished)) return ''
    const { index, taskId } = finished.task
    if (index >= this.#cursor.next) this.#cursor = { since: this.#time.since, next: index, taskId }
    return endEvent(finished, this.#id())
  }

  toldStored(): void {
    this.#cursor = afterAll(this.#time.since)
  }

  queued(news: Queued | undefined): string | undefined {
    if (news === undefined) return undefined
    if (news.type === 'accepted') return sentEvent('accepted', { taskId: news.taskId })
    this.#toldEnd = true
    this.#cursor = afterAll(endedAt(news.finished), news.finished.task.taskId)
    return endEvent(news.finished, this.#id())
  }

  /** Nothing where it is as it was. */
  progress(progress: object | undefined): string | undefined {
    const text = JSON.stringify(progress)
    if (progress === undefined || text === this.#toldProgress) return undefined
    this.#toldProgress = text
    return sentEvent('progress', progress, this.#id())
  }

  #id(): string {
    return cursorText(this.#time.run, this.#cursor)
  }
}

/** News for one reader, as far as there is room. */
class Inbox {
  readonly #followed: Followed
  #queued: Queued[] = []
  #missed = false
  #wake: (() => void) | undefined

  constructor(followed: Followed) {
    this.#followed = followed
  }

  get hasMissed(): boolean {
    return this.#missed
  }

  clear(): void {
    this.#queued = []
    this.#missed = false
  }

  take(): Queued | undefined {
    return this.#queued.shift()
  }

  accepted(taskId: TaskId): void {
    this.#put({ type: 'accepted', taskId })
  }

  finished(finished: FinishedTask): void {
    // A job's id is its submitter's to choose: another's task under the same id is not of this job.
    if (finished.task.submitter === this.#followed.submitter) this.#put({ type: 'finished', finished })
  }

  reread(): void {
    this.#missed = true
    this.wake()
  }

  wake(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  /** Resolves when something has come, or after so many ms. */
  async arrival(ms: number): Promise<void> {
    if (this.#queued.length > 0 || this.#missed) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, ms))
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #put(queued: Queued): void {
    if (this.#missed) return
    if (this.#queued.length >= queuedMax) {
      this.#queued = []
      this.#missed = true
    } else this.#queued.push(queued)
    this.wake()
  }
}

async function* storedEnds(api: RelayApi, { kind, id, submitter }: Followed): AsyncGenerator<FinishedTask> {
  if (kind === 'task') {
    const finished = await api.finished(id as TaskId)
    if (finished !== undefined) yield finished
    return
  }
  yield* endsOfJob(api, { id, submitter })
}

async function openTasks(api: RelayApi, { kind, id }: Followed): Promise<readonly TaskId[]> {
  if (kind === 'job') return api.unfinishedOf(id as JobId)
  return (await api.report(id as TaskId)) === undefined ? [] : [id as TaskId]
}

async function progressOf(api: RelayApi, { kind, id }: Followed): Promise<object | undefined> {
  if (kind === 'task') {
    const report = await api.report(id as TaskId)
    if (report === undefined) return undefined
    const { status, attempts, missing } = report
    return { taskId: id, status, attempts, ...(missing === undefined ? {} : { missing }) }
  }
  const job = await api.job(id as JobId)
  if (job === undefined) return undefined
  const { accepted, completed, failed, executions, missingWorkers } = job
  const missing = missingWorkers > 0 ? { missing: { workers: missingWorkers } } : {}
  return { jobId: id, accepted, completed, failed, executions, ...missing }
}

/** Small, whatever the output: results are fetched. */
function endEvent(finished: FinishedTask, id: string): string {
  const { task, status, attempts, durationMs, votes, outcome, output } = finished
  const { taskId, index } = task
  const ok =
    status === 'completed' && outcome?.kind === 'ok' && output !== null
      ? { outputHash: outcome.outputHash, outputSizeBytes: sizeOf(output) }
      : { error: shortened(errorOf(status, finished.error)) }
  const data = {
    ...{ taskId, index, status, completedAt: new Date(endedAt(finished)).toISOString() },
    ...{ attempts, durationMs, verifications: votes.length },
    ...ok,
  }
  return sentEvent(status === 'completed' ? 'completed' : 'failed', data, id)
}

const messageMax = 1_000
const shortened = ({ kind, message }: { kind: string; message: string }) => ({
  kind,
  message: message.slice(0, messageMax),
})

const sentEvent = (event: string, data: object, id?: string): string =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
