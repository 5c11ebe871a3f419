import { BoundedMap } from '../kernel/bounded.ts'
import { equalBytes } from '../kernel/bytes.ts'
import { chunks } from '../kernel/chunks.ts'
import { encodeCanonical } from '../kernel/codec.ts'
import { after, type Hash, type Instant, type PeerId, type TaskId } from '../kernel/ids.ts'
import { unreachable } from '../kernel/invariant.ts'
import type { Machine, Out, Row } from '../kernel/machine.ts'
import type { Admittance, FinishedTask, FromSubmitter, Submission, ToSubmitter } from './messages.ts'
import { blobsOf } from './payload.ts'
import { batchBytesMax, batchItemsMax, carriedBytes } from './post.ts'
import type { Task } from './task.ts'

export type SubmitterCommand =
  /** Tasks the host has made and signed; beyond the window they are refused, so ask `room` first. */
  | { readonly type: 'submitter/submit'; readonly items: readonly Submission[] }
  | { readonly type: 'submitter/cancel'; readonly taskIds: readonly TaskId[] }
  /** The host has kept the ends of these: they need not be told again. */
  | { readonly type: 'submitter/kept'; readonly taskIds: readonly TaskId[] }
  /** A task that this node coordinated itself has ended. */
  | { readonly type: 'submitter/ended'; readonly finished: FinishedTask }
  | { readonly type: 'submitter/coordinatorUp'; readonly peer: PeerId }
  | { readonly type: 'submitter/peerLost'; readonly peer: PeerId }

export type SubmitterInput =
  | { readonly kind: 'message'; readonly from: PeerId; readonly message: ToSubmitter }
  | { readonly kind: 'command'; readonly command: SubmitterCommand }
  | { readonly kind: 'timer'; readonly key: string }
  | { readonly kind: 'resumed'; readonly gapMs: number }

export type SubmitterEvent =
  | { readonly type: 'submissionAccepted'; readonly taskId: TaskId }
  | {
      readonly type: 'submissionRefused'
      readonly taskId: TaskId
      readonly code: string
      readonly message: string
    }
  | { readonly type: 'resultReceived'; readonly finished: FinishedTask }
  | { readonly type: 'workersMissing'; readonly missingWorkers: number }
  /** No coordinator for too long: this node coordinates these itself. */
  | { readonly type: 'tasksTakenHome'; readonly items: readonly Submission[] }
  /** A coordinator is here again, and they are handed to it. */
  | { readonly type: 'tasksHandedOver'; readonly taskIds: readonly TaskId[] }
  | {
      readonly type: 'homeTasksCancelled'
      readonly submitter: PeerId
      readonly taskIds: readonly TaskId[]
    }

export type SubmitterOut = Out<FromSubmitter, SubmitterEvent, never>

export interface SubmitterConfig {
  /** Tasks under way at one time. */
  readonly windowMax: number
  readonly resendMs: number
  /** A refusal for lack of room is tried again after this. */
  readonly fullRetryMs: number
  /** TSK-14: without a coordinator for so long, this node coordinates its own tasks. */
  readonly takeHomeMs: number
  /** Tasks that ended here, of which a coordinator that was away has still to be told. */
  readonly withdrawnMax: number
  /** Ends stay on the own disk until the host has said that it has kept them. */
  readonly keepsEnds: boolean
  /** Ends that the host has not kept; of more, the oldest are forgotten. */
  readonly endedMax: number
}

export const defaultSubmitterConfig: SubmitterConfig = {
  windowMax: 1_024,
  resendMs: 3_000,
  fullRetryMs: 10_000,
  takeHomeMs: 30_000,
  withdrawnMax: 4_096,
  keepsEnds: false,
  endedMax: 4_096,
}

/** A task under way, as it stands in its row. */
interface Open {
  readonly submission: Submission
  epoch: number
  cancelled: boolean
  /** This node coordinates it. */
  atHome: boolean
}

interface Pending extends Open {
  accepted: boolean
  sendAt: Instant
}

const timerKey = 'submitter/resend'
const openKey = (taskId: TaskId): string => `submitter/open/${taskId}`
const endedKey = (taskId: TaskId): string => `submitter/ended/${taskId}`
const withdrawnKey = (taskId: TaskId): string => `submitter/withdrawn/${taskId}`

/**
 * Hands this node's own tasks to a coordinator and takes their ends. They are on the own disk, so that what was submitted
 * while nobody was there, or before the page was closed, is handed in later.
 *
 * Invariants: (1) a task is repeated until its coordinator accepted it, and again to whichever coordinator is there
 * after a loss: repeating is harmless; (2) each task ends once here, however often its end arrives; (3) a task that is
 * taken home, or handed over again, has a higher epoch than it had; (4) a coordinator that was away hears of every task
 * that it may still hold and that has ended without it; (5) where ends are kept, one is on the disk from the moment its task
 * is not open any more until the host has kept it.
 */
export class Submitter implements Machine<SubmitterInput, FromSubmitter, SubmitterEvent, never> {
  readonly #config: SubmitterConfig
  readonly #open: BoundedMap<TaskId, Pending>
  /** Ended at home, by their epoch there. */
  readonly #withdrawn: BoundedMap<TaskId, number>
  /** Not yet kept by the host, in the order they came. */
  readonly #kept: BoundedMap<TaskId, FinishedTask>
  readonly #coordinators = new Set<PeerId>()
  /** Since when there is no coordinator and something to do; `undefined` before that is known. */
  #aloneSince: Instant | undefined
  #withdrawAt: Instant = 0 as Instant
  #timerAt: Instant | undefined

  constructor(config: SubmitterConfig) {
    this.#config = config
    this.#open = new BoundedMap('tasks of a submitter', config.windowMax)
    this.#withdrawn = new BoundedMap('tasks that ended here', config.withdrawnMax)
    this.#kept = new BoundedMap('ends that the host has not kept', config.endedMax)
  }

  /** Tasks that may be submitted now. */
  get room(): number {
    return this.#config.windowMax - this.#open.size
  }

  get open(): number {
    return this.#open.size
  }

  /** Those that this node coordinates itself. */
  get atHome(): number {
    let count = 0
    for (const open of this.#open.values()) if (open.atHome) count++
    return count
  }

  /** What is under way, in the order it was submitted. */
  submissions(): Submission[] {
    return [...this.#open.values()].map(({ submission }) => submission)
  }

  /** Ends that the host has not said to have kept: after a restart it may never have seen them. */
  ended(): FinishedTask[] {
    return [...this.#kept.values()]
  }

  /** Programs and inputs, where they are blobs, of tasks under way, and outputs that are not yet kept. */
  *blobs(): Iterable<Hash> {
    for (const { submission } of this.#open.values()) yield* blobsOf(submission)
    for (const { output } of this.#kept.values()) if (output?.kind === 'blob') yield output.hash
  }

  handle(input: SubmitterInput, now: Instant, out: SubmitterOut): void {
    switch (input.kind) {
      case 'message':
        this.#message(input.from, input.message, now, out)
        break
      case 'command':
        this.#command(input.command, now, out)
        break
      case 'timer':
        this.#timerAt = undefined
        break
      case 'resumed':
        // We were away: the coordinator may be there.
        if (this.#aloneSince !== undefined) this.#aloneSince = now
        break
      default:
        unreachable(input)
    }
    this.#takeHome(now, out)
    this.#sendDue(now, out)
  }

  restore(rows: Iterable<Row>): void {
    for (const { key, value } of rows) {
      const [, kind, id] = key.split('/')
      if (kind === 'open') {
        this.#open.mustSet(id as TaskId, { ...(value as Open), accepted: false, sendAt: 0 as Instant })
      } else if (kind === 'ended') this.#kept.setDroppingOldest(id as TaskId, value as FinishedTask)
      else if (kind === 'withdrawn') this.#withdrawn.setDroppingOldest(id as TaskId, value as number)
    }
  }

  restored(now: Instant): void {
    if (this.#open.size > 0) this.#aloneSince = now
  }

  #message(from: PeerId, message: ToSubmitter, now: Instant, out: SubmitterOut): void {
    // A stranger may know an id, but speaks for no coordinator.
    if (!this.#coordinators.has(from)) return
    switch (message.type) {
      case 'task/submitReply':
        for (const item of message.items) this.#replied(item, from, now, out)
        return
      case 'task/waiting':
        return out.event({ type: 'workersMissing', missingWorkers: message.missingWorkers })
      case 'task/withdrawn':
        for (const taskId of message.taskIds)
          if (this.#withdrawn.delete(taskId)) out.save(withdrawnKey(taskId), undefined)
        return
      case 'task/finished':
        for (const finished of message.items) {
          this.#ended(finished, out)
        }
        return out.send(from, {
          type: 'task/finishedReceived',
          taskIds: message.items.map((finished) => finished.task.taskId),
        })
      default:
        return unreachable(message)
    }
  }

  #command(command: SubmitterCommand, now: Instant, out: SubmitterOut): void {
    switch (command.type) {
      case 'submitter/submit':
        for (const submission of command.items) this.#submit(submission, now, out)
        return
      case 'submitter/cancel':
        for (const taskId of command.taskIds) this.#cancel(taskId, now, out)
        return
      case 'submitter/kept':
        return this.#forgetEnds(command.taskIds, out)
      case 'submitter/ended':
        return this.#endedAtHome(command.finished, out)
      case 'submitter/coordinatorUp':
        this.#coordinators.add(command.peer)
        this.#aloneSince = undefined
        if (this.#coordinators.size === 1) this.#repeatAll(now, out)
        return
      case 'submitter/peerLost':
        if (!this.#coordinators.delete(command.peer)) return
        if (this.#coordinators.size === 0) this.#aloneSince = now
        return this.#repeatAll(now, out)
      default:
        return unreachable(command)
    }
  }

  #cancel(taskId: TaskId, now: Instant, out: SubmitterOut): void {
    const open = this.#open.get(taskId)
    if (open === undefined) return
    open.cancelled = true
    open.sendAt = now
    this.#save(open, out)
    if (!open.atHome) return
    const { submitter } = open.submission.task
    out.event({ type: 'homeTasksCancelled', submitter, taskIds: [taskId] })
  }

  #forgetEnds(taskIds: readonly TaskId[], out: SubmitterOut): void {
    for (const taskId of taskIds) if (this.#kept.delete(taskId)) out.save(endedKey(taskId), undefined)
  }

  #submit(submission: Submission, now: Instant, out: SubmitterOut): void {
    const { taskId } = submission.task
    // Whoever lost sight of what was submitted submits it again.
    if (this.#open.has(taskId)) return
    const finished = this.#kept.get(taskId)
    if (finished !== undefined) return out.event({ type: 'resultReceived', finished })
    const open = { submission, epoch: 1, cancelled: false, atHome: false, accepted: false, sendAt: now }
    if (!this.#open.set(taskId, open)) {
      const message = `more than ${this.#config.windowMax} tasks under way`
      return out.event({ type: 'submissionRefused', taskId, code: 'WindowFull', message })
    }
    if (this.#coordinators.size === 0) this.#aloneSince ??= now
    this.#save(open, out)
  }

  #ended(finished: FinishedTask, out: SubmitterOut): Open | undefined {
    const { taskId } = finished.task
    const open = this.#open.get(taskId)
    if (open === undefined || !sameTask(open.submission.task, finished.task)) return undefined
    this.#open.delete(taskId)
    out.save(openKey(taskId), undefined)
    if (this.#config.keepsEnds) this.#keepEnd(finished, out)
    out.event({ type: 'resultReceived', finished })
    return open
  }

  #keepEnd(finished: FinishedTask, out: SubmitterOut): void {
    const { taskId } = finished.task
    if (this.#kept.size >= this.#config.endedMax) {
      const [oldest] = this.#kept.keys()
      this.#kept.delete(oldest!)
      out.save(endedKey(oldest!), undefined)
    }
    this.#kept.mustSet(taskId, finished)
    out.save(endedKey(taskId), finished)
  }

  /** Whoever coordinated it before may come back and still have it. */
  #endedAtHome(finished: FinishedTask, out: SubmitterOut): void {
    const { taskId } = finished.task
    if (this.#open.get(taskId)?.atHome !== true) return
    const open = this.#ended(finished, out)
    if (open === undefined) return
    this.#withdrawn.setDroppingOldest(taskId, open.epoch)
    out.save(withdrawnKey(taskId), open.epoch)
  }

  /** TSK-14: nobody has been there for too long. */
  #takeHome(now: Instant, out: SubmitterOut): void {
    if (this.#coordinators.size > 0 || this.#aloneSince === undefined || this.#open.size === 0) return
    if (after(this.#aloneSince, this.#config.takeHomeMs) > now) return
    const items: Submission[] = []
    for (const open of this.#open.values()) {
      if (open.atHome || open.cancelled) continue
      open.atHome = true
      open.epoch++
      this.#save(open, out)
      items.push(withEpoch(open))
    }
    if (items.length > 0) out.event({ type: 'tasksTakenHome', items })
  }

  /** The coordinator may have changed: what was accepted there may be unknown here. What was at home goes back. */
  #repeatAll(now: Instant, out: SubmitterOut): void {
    const handedOver: TaskId[] = []
    for (const [taskId, open] of this.#open.entries()) {
      open.accepted = false
      open.sendAt = now
      if (!open.atHome || this.#coordinators.size === 0) continue
      open.atHome = false
      open.epoch++
      this.#save(open, out)
      handedOver.push(taskId)
    }
    if (handedOver.length > 0) out.event({ type: 'tasksHandedOver', taskIds: handedOver })
    this.#withdrawAt = now
  }

  #replied(item: Admittance, from: PeerId, now: Instant, out: SubmitterOut): void {
    const open = this.#open.get(item.taskId)
    if (open === undefined || open.accepted) return
    if (item.accepted) {
      open.accepted = true
      out.event({ type: 'submissionAccepted', taskId: item.taskId })
    } else if (item.code === 'QueueFull') {
      open.sendAt = after(now, this.#config.fullRetryMs)
    } else if (item.code === 'HeldElsewhere') {
      this.#turnFrom(from)
      open.sendAt = after(now, this.#config.resendMs)
    } else {
      this.#open.delete(item.taskId)
      out.save(openKey(item.taskId), undefined)
      out.event({ type: 'submissionRefused', taskId: item.taskId, code: item.code, message: item.message })
    }
  }

  #save({ submission, epoch, cancelled, atHome }: Open, out: SubmitterOut): void {
    out.save(openKey(submission.task.taskId), { submission, epoch, cancelled, atHome } satisfies Open)
  }

  /** Another coordinator has the job: the next one is asked first from now on. */
  #turnFrom(peer: PeerId): void {
    if (this.#coordinator() !== peer) return
    this.#coordinators.delete(peer)
    this.#coordinators.add(peer)
  }

  #coordinator(): PeerId | undefined {
    for (const peer of this.#coordinators) return peer
    return undefined
  }

  #sendDue(now: Instant, out: SubmitterOut): void {
    const coordinator = this.#coordinator()
    if (coordinator === undefined) return this.#wakeToTakeHome(out)
    const due: Submission[] = []
    const cancelled: TaskId[] = []
    let next = this.#withdraw(now, out)
    for (const open of this.#open.values()) {
      if (open.accepted && !open.cancelled) continue
      if (open.sendAt <= now) {
        if (open.cancelled) cancelled.push(open.submission.task.taskId)
        else due.push(withEpoch(open))
        open.sendAt = after(now, this.#config.resendMs)
      }
      next = earlier(next, open.sendAt)
    }
    for (const items of chunks(due, submissionBytes, batchItemsMax, batchBytesMax)) {
      out.send(coordinator, { type: 'task/submit', items })
    }
    for (const taskIds of chunks(cancelled, () => 40, batchItemsMax, batchBytesMax)) {
      // Which of them has the task is not known here.
      for (const each of this.#coordinators) out.send(each, { type: 'task/cancel', taskIds })
    }
    this.#wakeAt(next, out)
  }

  /** Says what has ended without them to all coordinators until one has answered; when to say it again. */
  #withdraw(now: Instant, out: SubmitterOut): Instant | undefined {
    if (this.#withdrawn.size === 0) return undefined
    if (this.#withdrawAt > now) return this.#withdrawAt
    const items = [...this.#withdrawn.entries()].map(([taskId, epoch]) => ({ taskId, epoch }))
    for (const some of chunks(items, () => 60, batchItemsMax, batchBytesMax)) {
      for (const peer of this.#coordinators) out.send(peer, { type: 'task/withdraw', items: some })
    }
    this.#withdrawAt = after(now, this.#config.resendMs)
    return this.#withdrawAt
  }

  #wakeToTakeHome(out: SubmitterOut): void {
    const waits = [...this.#open.values()].some(({ atHome, cancelled }) => !atHome && !cancelled)
    if (waits && this.#aloneSince !== undefined)
      this.#wakeAt(after(this.#aloneSince, this.#config.takeHomeMs), out)
  }

  #wakeAt(at: Instant | undefined, out: SubmitterOut): void {
    if (at === undefined || (this.#timerAt !== undefined && this.#timerAt <= at)) return
    this.#timerAt = at
    out.timer(timerKey, at)
  }
}

const withEpoch = ({ submission, epoch }: Open): Submission =>
  epoch === 1 ? submission : { ...submission, epoch }

const earlier = (a: Instant | undefined, b: Instant): Instant => (a === undefined || b < a ? b : a)

const sameTask = (a: Task, b: Task): boolean => equalBytes(encodeCanonical(a), encodeCanonical(b))

const submissionBytes = (item: Submission): number => 1_300 + carriedBytes(item.input)
