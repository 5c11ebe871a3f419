import type { FinishedTask } from '../../shared/task/messages.ts'
import type { NewsTime } from './task-news.ts'

/**
 * How far a reader of events has come, as it stands in `id` and comes back in `Last-Event-ID`: it was told of `taskId`,
 * and of every end before `since` of an item before `next`.
 */
export interface EventCursor {
  readonly since: number
  readonly next: number
  readonly taskId: string
}

export const atStart: EventCursor = { since: 0, next: 0, taskId: '' }
const allItems = 1e9

export const afterAll = (since: number, taskId = ''): EventCursor => ({ since, next: allItems, taskId })

export const endedAt = ({ transitions }: Pick<FinishedTask, 'transitions'>): number =>
  transitions.at(-1)?.[1] ?? 0

/** Whether the reader was not told of this end yet, as far as the cursor can say. */
export function isNew(cursor: EventCursor, finished: Pick<FinishedTask, 'transitions' | 'task'>): boolean {
  const { taskId, index } = finished.task
  return taskId !== cursor.taskId && (index >= cursor.next || endedAt(finished) >= cursor.since)
}

export const cursorText = (run: string, { since, next, taskId }: EventCursor): string =>
  `${run}.${since}.${next}.${taskId}`

/** The start for what is no cursor, or of another run of the relay. */
export function readCursor(text: string | undefined, { run }: NewsTime): EventCursor {
  const match = /^([0-9a-f]{12})\.(\d{1,15})\.(\d{1,10})\.([0-9a-f-]{0,36})$/.exec(text ?? '')
  if (match === null || match[1] !== run) return atStart
  return { since: Number(match[2]), next: Number(match[3]), taskId: match[4]! }
}
