import type { Instant, JobId, PeerId, TaskId } from '../kernel/ids.ts'
import type { Row } from '../kernel/machine.ts'
import type { Credibility } from '../verification/credibility.ts'
import type { FinishedTask } from './messages.ts'
import type { StateRow, SubmissionRow } from './task-record.ts'

/** Keys of a coordinator's rows. `awaited` sorts before `done`, so that a reader in key order knows what is awaited. */
export const rowKeys = {
  prefix: 'coordinator/',
  submission: (taskId: TaskId): string => `coordinator/task/${taskId}`,
  state: (taskId: TaskId): string => `coordinator/state/${taskId}`,
  /** A finished task whose submitter, a peer, has not yet said that it has it. */
  awaited: (taskId: TaskId): string => `coordinator/awaited/${taskId}`,
  job: (jobId: JobId): string => `coordinator/job/${jobId}`,
  history: (peer: PeerId): string => `coordinator/history/${peer}`,
} as const

/** Key of the row of a finished task; rows of one job stand in item order. */
export const finishedKey = (jobId: string | null, index: number, taskId: string): string =>
  `${finishedPrefix(jobId ?? taskId)}${String(index).padStart(9, '0')}/${taskId}`
export const finishedPrefix = (jobOrTaskId: string): string => `coordinator/done/${jobOrTaskId}/`
export const finishedKeyOf = ({ task }: FinishedTask): string =>
  finishedKey(task.jobId, task.index, task.taskId)
export const taskIdIn = (key: string): TaskId => key.slice(key.lastIndexOf('/') + 1) as TaskId
/** The job, or the task without one, that the row of a finished task is of. */
export const jobIdIn = (key: string): string => key.split('/')[2]!

/** What a coordinator keeps of a worker beyond its tasks. */
export interface History {
  readonly credibility: Credibility
  /** When it disagreed with a quorum in the last 24 hours. */
  readonly disagreedAt: readonly Instant[]
}

/** One row of a coordinator, read. */
export type CoordinatorRow =
  | { readonly kind: 'task'; readonly taskId: TaskId; readonly row: SubmissionRow }
  | { readonly kind: 'state'; readonly taskId: TaskId; readonly row: StateRow }
  | { readonly kind: 'done'; readonly finished: FinishedTask }
  | { readonly kind: 'awaited'; readonly taskId: TaskId }
  | { readonly kind: 'job'; readonly jobId: JobId; readonly submitter: PeerId }
  | { readonly kind: 'history'; readonly peer: PeerId; readonly history: History }

/** `undefined` for a row that no coordinator of today writes. */
export function readRow({ key, value }: Row): CoordinatorRow | undefined {
  const [, kind, id] = key.split('/')
  switch (kind) {
    case 'task':
      return { kind, taskId: id as TaskId, row: value as SubmissionRow }
    case 'state':
      return { kind, taskId: id as TaskId, row: value as StateRow }
    case 'done':
      return { kind, finished: value as FinishedTask }
    case 'awaited':
      return { kind, taskId: id as TaskId }
    case 'job':
      return { kind, jobId: id as JobId, submitter: value as PeerId }
    case 'history':
      return { kind, peer: id as PeerId, history: value as History }
    default:
      return undefined
  }
}
