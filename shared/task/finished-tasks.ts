import { BoundedMap } from '../kernel/bounded.ts'
import { after, type Hash, type Instant, type PeerId, type TaskId } from '../kernel/ids.ts'
import type { CoordinatorOut, Reachability } from './coordinator-ports.ts'
import { finishedKeyOf, rowKeys, taskIdIn } from './coordinator-rows.ts'
import type { FinishedTask } from './messages.ts'
import type { Post } from './post.ts'
import type { Origin } from './task-record.ts'

export interface FinishedEntry {
  readonly digest: Hash
  readonly status: FinishedTask['status']
  readonly key: string
  readonly endedAt: Instant
}

interface Delivery {
  readonly finished: FinishedTask
  sentAt: Instant
}

export interface FinishedLimits {
  /** Ends remembered; beyond it the oldest are archived before their time. */
  readonly knownMax: number
  readonly undeliveredMax: number
  /** TSK-11: kept for so long after the end, then archived. */
  readonly retentionMs: number
}

/** Most finished tasks sent again to one submitter per look. */
const resendBatch = 32
/** Ends kept at hand for a submitter that asks again after it said that it had them. */
const recentMax = 4_096
const retireTimer = 'coordinator/retire'
const retireBatch = 256
/** A host that could not archive is asked again after this. */
const retireAgainMs = 10 * 60_000

/**
 * Tasks that have ended: known by id so that a repeated submission changes nothing, pushed to submitters that are peers
 * until they say that they have them, and after their time handed to the archive.
 *
 * Invariant: a row is deleted only after the host has said that it is in the archive.
 */
export class FinishedTasks {
  readonly #limits: FinishedLimits
  /** In the order of their ends. */
  readonly #known: BoundedMap<TaskId, FinishedEntry>
  readonly #undelivered = new BoundedMap<PeerId, Map<TaskId, Delivery>>(
    'submitters with undelivered tasks',
    20_000,
  )
  readonly #recent = new BoundedMap<TaskId, FinishedTask>('recent ends', recentMax)
  #undeliveredCount = 0
  #awaited = new Set<TaskId>()
  #restored: (readonly [TaskId, FinishedEntry])[] = []
  /** The last of those restored, for `recent`. */
  #restoredRecent: FinishedTask[] = []
  #retireAt: Instant | undefined
  #isArchiving = false

  constructor(limits: FinishedLimits) {
    this.#limits = limits
    // Room for what ends while the archive is out of order.
    this.#known = new BoundedMap('finished tasks', 2 * limits.knownMax)
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
    const key = finishedKeyOf(finished)
    this.#known.setDroppingOldest(task.taskId, { digest, status: finished.status, key, endedAt: now })
    ports.out.save(key, finished)
    if (origin !== 'peer') return
    this.#recent.setDroppingOldest(task.taskId, finished)
    if (this.#undeliveredCount >= this.#limits.undeliveredMax) this.#dropAbsent(ports.reachability, ports.out)
    if (this.#hold(finished, now)) ports.out.save(rowKeys.awaited(task.taskId), true)
    ports.post.to(task.submitter).finished.push(finished)
  }

  /** Sends the end of a task again to the submitter that asks for it; false when it is no task of that peer at hand. */
  again(taskId: TaskId, from: PeerId, post: Post): boolean {
    const finished = this.#recent.get(taskId)
    if (finished?.task.submitter !== from) return false
    post.to(from).finished.push(finished)
    return true
  }

  // ——— restoring: `awaited`, then `restore` for each end, then `restored` ———

  awaited(taskId: TaskId): void {
    this.#awaited.add(taskId)
  }

  restore(finished: FinishedTask, digest: Hash): void {
    const { taskId } = finished.task
    const endedAt = endOf(finished) as Instant
    this.#restored.push([taskId, { digest, status: finished.status, key: finishedKeyOf(finished), endedAt }])
    if (this.#awaited.has(taskId)) this.#hold(finished, 0 as Instant)
    this.#restoredRecent.push(finished)
    if (this.#restoredRecent.length >= 2 * recentMax) this.#restoredRecent = lastOf(this.#restoredRecent)
  }

  restored(): void {
    this.#restored.sort(([, a], [, b]) => a.endedAt - b.endedAt)
    for (const [taskId, entry] of this.#restored) this.#known.setDroppingOldest(taskId, entry)
    // Whoever lost an end that it had asks again, also of a coordinator that was restarted.
    for (const finished of lastOf(this.#restoredRecent))
      this.#recent.setDroppingOldest(finished.task.taskId, finished)
    this.#restored = []
    this.#restoredRecent = []
    this.#awaited = new Set()
  }

  // ——— delivery ———

  received(from: PeerId, taskIds: readonly TaskId[], out: CoordinatorOut): void {
    const waiting = this.#undelivered.get(from)
    if (waiting === undefined) return
    for (const taskId of taskIds) {
      if (!waiting.delete(taskId)) continue
      this.#undeliveredCount--
      out.save(rowKeys.awaited(taskId), undefined)
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
      for (const taskId of waiting.keys()) out.save(rowKeys.awaited(taskId), undefined)
      return
    }
  }

  /** Beyond the cap the task is not pushed again: it stays on record and can be asked for. */
  #hold(finished: FinishedTask, now: Instant): boolean {
    if (this.#undeliveredCount >= this.#limits.undeliveredMax) return false
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

  // ——— retention ———

  /** Sets the timer for the next end whose time is over. */
  schedule(now: Instant, out: CoordinatorOut): void {
    if (this.#isArchiving) return
    const due = this.#nextDue(now)
    if (due === undefined || (this.#retireAt !== undefined && this.#retireAt <= due)) return
    this.#retireAt = due
    out.timer(retireTimer, due)
  }

  isRetireTimer(key: string): boolean {
    return key === retireTimer
  }

  /** Asks the host to archive what is due; the answer is `archived`. */
  retire(now: Instant, out: CoordinatorOut): void {
    this.#retireAt = undefined
    this.#isArchiving = false
    const keys: string[] = []
    for (const { key, endedAt } of this.#known.values()) {
      const isDue =
        after(endedAt, this.#limits.retentionMs) <= now ||
        this.#known.size - keys.length > this.#limits.knownMax
      if (!isDue || keys.length >= retireBatch) break
      keys.push(key)
    }
    if (keys.length === 0) return
    out.ask({ type: 'archive', keys })
    this.#isArchiving = true
    this.#retireAt = after(now, retireAgainMs)
    out.timer(retireTimer, this.#retireAt)
  }

  /** The rows are in the archive: they need not be here. Gives the keys that were still known. */
  archived(keys: readonly string[], now: Instant, out: CoordinatorOut): string[] {
    const gone = keys.filter((key) => this.#known.get(taskIdIn(key))?.key === key)
    for (const key of gone) {
      const taskId = taskIdIn(key)
      this.#known.delete(taskId)
      this.#recent.delete(taskId)
      out.save(key, undefined)
      this.#forgetDelivery(taskId, out)
    }
    this.#isArchiving = false
    this.#retireAt = this.#nextDue(now)
    out.timer(retireTimer, this.#retireAt)
    return gone
  }

  #forgetDelivery(taskId: TaskId, out: CoordinatorOut): void {
    for (const [peer, waiting] of this.#undelivered.entries()) {
      if (!waiting.delete(taskId)) continue
      this.#undeliveredCount--
      out.save(rowKeys.awaited(taskId), undefined)
      if (waiting.size === 0) this.#undelivered.delete(peer)
      return
    }
  }

  #nextDue(now: Instant): Instant | undefined {
    for (const { endedAt } of this.#known.values()) {
      const due = after(endedAt, this.#limits.retentionMs)
      return this.#known.size > this.#limits.knownMax || due < now ? now : due
    }
    return undefined
  }
}

const endOf = ({ transitions }: FinishedTask): number => transitions.at(-1)?.[1] ?? 0

const lastOf = (ends: readonly FinishedTask[]): FinishedTask[] =>
  ends.toSorted((a, b) => endOf(a) - endOf(b)).slice(-recentMax)
