import type { TaskStatus } from '../task/task.ts'
import { ClientError } from './client-error.ts'
import type { Clock } from './clock.ts'
import { RefusedRequest } from './relay-answer.ts'
import type { RelayHttp } from './relay-http.ts'

/** FORMATS, "status --json". Fields may be added. */
export interface NetworkStatus {
  readonly networkId: string
  readonly relay: {
    readonly peerId: string
    readonly version: string
    readonly uptimeSeconds: number
    readonly multiaddrs: readonly string[]
  }
  readonly peers: Readonly<Record<'total' | 'tabs' | 'agents' | 'relays', number>>
  readonly workers: Readonly<Record<'count' | 'slots' | 'busy' | 'operators', number>>
  readonly tasks: Readonly<Record<TaskStatus, number>>
  readonly queue: Readonly<Record<'critical' | 'normal' | 'low', number>>
  readonly ledger: { readonly replicas: number; readonly height: number }
  readonly store: string
}

/** One task as it is now. Fields may be added. */
export interface TaskReport {
  readonly taskId: string
  /** `null` for a task of its own. */
  readonly jobId: string | null
  readonly status: TaskStatus
  readonly submittedAt: string
  /** When it has ended. */
  readonly completedAt?: string
  /** Executions handed out, lost ones included. */
  readonly attempts: number
  /** What it waits for. */
  readonly missing?: { readonly workers: number }
}

/** One job as it is now, of what was handed in so far. Fields may be added. */
export interface JobReport {
  readonly jobId: string
  readonly accepted: number
  readonly completed: number
  readonly failed: number
  readonly executions: number
  /** Of its first task. */
  readonly submittedAt?: string
  /** Of the task that ended last. */
  readonly lastEndAt?: string
  readonly missing?: { readonly workers: number }
}

export type Report = TaskReport | JobReport

const watchEveryMs = 1_000
/** A job whose items have all ended may be given more in a moment. */
const endedTimes = 2

/** Asks what has become of tasks and jobs of one's own. */
export class Reports {
  readonly #http: RelayHttp
  readonly #clock: Clock

  constructor(http: RelayHttp, clock: Clock) {
    this.#http = http
    this.#clock = clock
  }

  /** Rejects with a ClientError `Refused` when it is neither a task nor a job of this key's. */
  async of(id: string, signal: AbortSignal): Promise<Report> {
    return (await this.#task(id, signal)) ?? (await this.#job(id, signal))
  }

  /** As it is, and then whenever that changes, until it has ended: of a job, all that was handed in. */
  async *watch(id: string, signal: AbortSignal): AsyncGenerator<Report> {
    let before = ''
    for (let ended = 0; ended < endedTimes; ) {
      const report = await this.of(id, signal)
      const text = JSON.stringify(report)
      if (text !== before) yield report
      before = text
      ended = hasEnded(report) ? ended + 1 : 0
      if (ended > 0 && 'taskId' in report) return
      if (ended < endedTimes) await this.#clock.sleep(watchEveryMs, signal)
    }
  }

  /** The jobs of this key, newest first, page by page. */
  async *jobs(signal: AbortSignal): AsyncGenerator<JobReport> {
    for (let after: string | undefined; ; ) {
      const query = after === undefined ? '' : `?after=${encodeURIComponent(after)}`
      const request = { method: 'GET', path: `/api/v1/jobs${query}` }
      const answer = await this.#http.persist(() => this.#http.json(request, signal), signal)
      const { jobs, next } = (answer ?? {}) as { readonly jobs?: unknown; readonly next?: unknown }
      if (!Array.isArray(jobs) || !jobs.every(isJobReport)) throw badReport()
      yield* jobs
      // A page that names itself as the next one would go on for ever.
      if (typeof next !== 'string' || next === after) return
      after = next
    }
  }

  /** `undefined` when it is no task. */
  async #task(id: string, signal: AbortSignal): Promise<TaskReport | undefined> {
    const report = await this.#ask('tasks', id, signal).catch((error: unknown) => {
      if (error instanceof RefusedRequest && error.problem === 'TaskNotFound') return undefined
      throw error
    })
    if (report === undefined || isTaskReport(report)) return report
    throw badReport()
  }

  async #job(id: string, signal: AbortSignal): Promise<JobReport> {
    const report = await this.#ask('jobs', id, signal).catch((error: unknown) => {
      const isUnknown = error instanceof RefusedRequest && error.problem === 'JobNotFound'
      if (!isUnknown) throw error
      const { status, problem, headers } = error
      throw new RefusedRequest(status, problem, `Neither a task nor a job ${id} is known here`, headers)
    })
    if (isJobReport(report)) return report
    throw badReport()
  }

  #ask(kind: 'tasks' | 'jobs', id: string, signal: AbortSignal): Promise<unknown> {
    const request = { method: 'GET', path: `/api/v1/${kind}/${encodeURIComponent(id)}` }
    return this.#http.persist(() => this.#http.json(request, signal), signal)
  }
}

const ended: readonly string[] = ['completed', 'failed', 'timeout', 'cancelled']

export const hasEnded = (report: Report): boolean =>
  'taskId' in report ? ended.includes(report.status) : report.completed + report.failed >= report.accepted

function isTaskReport(value: unknown): value is TaskReport {
  const { taskId, status } = (value ?? {}) as Partial<Record<keyof TaskReport, unknown>>
  return typeof taskId === 'string' && typeof status === 'string'
}

function isJobReport(value: unknown): value is JobReport {
  const { jobId, accepted, completed, failed } = (value ?? {}) as Partial<Record<keyof JobReport, unknown>>
  const counts = [accepted, completed, failed]
  return typeof jobId === 'string' && counts.every((count) => typeof count === 'number')
}

const badReport = (): ClientError => new ClientError('BadAnswer', 'The relay tells of something else')
