import { decodeCanonical } from '../../shared/kernel/codec.ts'
import type { PeerId } from '../../shared/kernel/ids.ts'
import type { Row } from '../../shared/kernel/machine.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'
import type { Store, StoreRow } from '../../shared/storage/store.ts'
import { readRow, rowKeys, taskIdIn } from '../../shared/task/coordinator-rows.ts'
import { relayPrefix } from './fleet-rows.ts'

/** Some rows of a relay that is no more, with what they lean on. */
export interface DeadRows {
  /** Whole tasks, under the keys of a coordinator. */
  readonly rows: readonly Row[]
  /** What may go when these are kept elsewhere: keys as the store has them. */
  readonly keys: readonly string[]
  /** Jobs, and tasks without one, of which nothing more is to come. */
  readonly homes: readonly string[]
  /** Rows that cannot be read. */
  readonly damaged: readonly StoreRow[]
}

/**
 * Reads what a relay left, some tasks at a time: first what is open, then ends, then jobs, then what is left over. The
 * caller deletes `keys` before it asks for more.
 */
export class DeadRelay {
  readonly #store: Store
  readonly #prefix: string
  readonly #tasksAtATime: number

  constructor(store: Store, peer: PeerId, tasksAtATime: number) {
    this.#store = store
    this.#prefix = relayPrefix(peer)
    this.#tasksAtATime = tasksAtATime
  }

  /** `undefined` when nothing is left. Rows of other kinds than a coordinator's stay where they are. */
  async next(): Promise<DeadRows | undefined> {
    return (
      (await this.#some('coordinator/task/', ({ key }) => [rowKeys.state(taskIdIn(key))])) ??
      (await this.#some('coordinator/done/', ({ key }) => [rowKeys.awaited(taskIdIn(key))])) ??
      (await this.#some('coordinator/', () => []))
    )
  }

  /** The first rows under the prefix, and those that go with each. */
  async #some(
    prefix: string,
    companions: (row: StoreRow) => readonly string[],
  ): Promise<DeadRows | undefined> {
    const found = await this.#list(prefix)
    if (found.length === 0) return undefined
    const beside = await this.#present(found.flatMap(companions))
    const taken = [...found, ...beside]
    const read = taken.map((row) => ({ row, value: decodeCanonical(row.value) }))
    const rows = read
      .filter(({ value }) => !(value instanceof Refusal))
      .map(({ row, value }): Row => ({ key: row.key, value }))
    const isTaken = new Set(taken.map(({ key }) => key))
    // A job's row goes last, and the tasks that come before it lean on it.
    const jobs = new Set(rows.flatMap(jobOf))
    const leant = (await this.#present([...jobs])).filter(({ key }) => !isTaken.has(key))
    return {
      rows: [...rows, ...leant.map(({ key, value }): Row => ({ key, value: decodeCanonical(value) }))],
      keys: taken.map(({ key }) => this.#prefix + key),
      homes: [...new Set(rows.flatMap(homeOf))],
      damaged: read
        .filter(({ value }) => value instanceof Refusal)
        .map(({ row }) => ({ key: this.#prefix + row.key, value: row.value })),
    }
  }

  async #list(prefix: string): Promise<StoreRow[]> {
    const rows = await this.#store.list(this.#prefix + prefix, { limit: this.#tasksAtATime })
    return rows.map(({ key, value }) => ({ key: key.slice(this.#prefix.length), value }))
  }

  async #present(keys: readonly string[]): Promise<StoreRow[]> {
    const values = await Promise.all(keys.map((key) => this.#store.get(this.#prefix + key)))
    return keys.flatMap((key, at) => (values[at] === undefined ? [] : { key, value: values[at] }))
  }
}

function jobOf(row: Row): string[] {
  const read = readRow(row)
  const jobId = read?.kind === 'task' ? read.row.submission.task.jobId : undefined
  if (jobId) return [rowKeys.job(jobId)]
  return read?.kind === 'done' && read.finished.task.jobId !== null
    ? [rowKeys.job(read.finished.task.jobId)]
    : []
}

/** All that there is of a task without a job goes at once; of a job, its own row last. */
function homeOf(row: Row): string[] {
  const read = readRow(row)
  switch (read?.kind) {
    case 'task':
      return read.row.submission.task.jobId === null ? [read.taskId] : []
    case 'done':
      return read.finished.task.jobId === null ? [read.finished.task.taskId] : []
    case 'job':
      return [read.jobId]
    default:
      return []
  }
}
