import { BoundedMap } from '../kernel/bounded.ts'
import { after, type Hash, type Instant, type PeerId, type TaskId } from '../kernel/ids.ts'
import type { CoordinatorOut, Reachability } from './coordinator-ports.ts'
import type { FinishedTask } from './messages.ts'
import type { Post } from './post.ts'
import type { Origin } from './task-record.ts'

/** Key of the row of a finished task; rows of one job stand in item order. */
export const finishedKey = (jobId: string | null, index: number, taskId: string): string =>
  `${finishedPrefix(jobId ?? taskId)}${String(index).padStart(9, '0')}/${taskId}`
export const finishedPrefix = (jobOrTaskId: string): string => `coordinator/done/${jobOrTaskId}/`
const undeliveredKey = (taskId: TaskId): string => `coordinator/undelivered/${taskId}`

export interface FinishedEntry {
  readonly digest: Hash
  readonly status: FinishedTask['status']
  readonly key: string
}

interface Delivery {
  readonly finished: FinishedTask
  sentAt: Instant
}

/** Most finished tasks sent again to one submitter per look. */
const resendBatch = 32
/** Ends kept at hand for a submitter that asks again after it said that it had them. */
const recentMax = 4_096

/**
 * Tasks that have ended: known by id so that a repeated submission changes nothing, and pushed to submitters that
 * are peers until they say that they have them.
 */
export class FinishedTasks {
  readonly #known: BoundedMap<TaskId, FinishedEntry>
  readonly #undelivered = new BoundedMap<PeerId, Map<TaskId, Delivery>>(
    'submitters with undelivered tasks',
    20_000,
  )
  readonly #recent = new BoundedMap<TaskId, FinishedTask>('recent ends', recentMax)
  readonly #undeliveredMax: number
  #undeliveredCount = 0

  constructor(knownMax: number, undeliveredMax: number) {
    this.#known = new BoundedMap('finished tasks', knownMax)
    this.#undeliveredMax = undeliveredMax
  }

  get(taskId: TaskId): FinishedEntry | undefined {
    return this.#known.get(taskId)
  }

  get undelivered(): number {
    return this.#undeliveredCount
  }

  add(
    finished: FinishedTask,
    digest: Hash,
    origin: Origin,
    now: Instant,
    ports: { readonly post: Post; readonly reachability: Reachability; readonly out: CoordinatorOut },
  ): void {
    const { task } = finished
    const key = finishedKey(task.jobId, task.index, task.taskId)
    this.#known.setDroppingOldest(task.taskId, { digest, status: finished.status, key })
    ports.out.save(key, finished)
    if (origin === 'http') return
    this.#recent.setDroppingOldest(task.taskId, finished)
    if (this.#undeliveredCount >= this.#undeliveredMax) this.#dropAbsent(ports.reachability, ports.out)
    if (this.#hold(finished, now)) ports.out.save(undeliveredKey(task.taskId), true)
    ports.post.to(task.submitter).finished.push(finished)
  }

  /** Sends the end of a task again to the submitter that asks for it; false when it is no task of that peer at hand. */
  again(taskId: TaskId, from: PeerId, post: Post): boolean {
    const finished = this.#recent.get(taskId)
    if (finished?.task.submitter !== from) return false
    post.to(from).finished.push(finished)
    return true
  }

  /** A row from before; `undelivered` when its submitter has not yet said that it has it. */
  restore(finished: FinishedTask, digest: Hash, undelivered: boolean): void {
    const { task } = finished
    const key = finishedKey(task.jobId, task.index, task.taskId)
    this.#known.setDroppingOldest(task.taskId, { digest, status: finished.status, key })
    if (undelivered) this.#hold(finished, 0 as Instant)
  }

  received(from: PeerId, taskIds: readonly TaskId[], out: CoordinatorOut): void {
    const waiting = this.#undelivered.get(from)
    if (waiting === undefined) return
    for (const taskId of taskIds) {
      if (!waiting.delete(taskId)) continue
      this.#undeliveredCount--
      out.save(undeliveredKey(taskId), undefined)
    }
    if (waiting.size === 0) this.#undelivered.delete(from)
  }

  /** What every submitter that is here has not acknowledged for `resendMs`. */
  resend(now: Instant, resendMs: number, reachability: Reachability, post: Post): void {
    for (const peer of this.#undelivered.keys()) {
      if (reachability.isUp(peer)) this.resendTo(peer, now, resendMs, post)
    }
  }

  resendTo(peer: PeerId, now: Instant, resendMs: number, post: Post): void {
    let sent = 0
    for (const delivery of this.#undelivered.get(peer)?.values() ?? []) {
      if (after(delivery.sentAt, resendMs) > now) continue
      if (++sent > resendBatch) return
      delivery.sentAt = now
      post.to(peer).finished.push(delivery.finished)
    }
  }

  /** Makes room: whoever is away longest fetches its results when it asks. */
  #dropAbsent(reachability: Reachability, out: CoordinatorOut): void {
    for (const [peer, waiting] of this.#undelivered.entries()) {
      if (reachability.isUp(peer)) continue
      this.#undelivered.delete(peer)
      this.#undeliveredCount -= waiting.size
      for (const taskId of waiting.keys()) out.save(undeliveredKey(taskId), undefined)
      return
    }
  }

  /** Beyond the cap the task is not pushed again: it stays on record and can be asked for. */
  #hold(finished: FinishedTask, now: Instant): boolean {
    if (this.#undeliveredCount >= this.#undeliveredMax) return false
    const peer = finished.task.submitter
    let waiting = this.#undelivered.get(peer)
    if (waiting === undefined) {
      waiting = new Map()
      if (!this.#undelivered.set(peer, waiting)) return false
    }
    waiting.set(finished.task.taskId, { finished, sentAt: now })
    this.#undeliveredCount++
    return true
  }
}
