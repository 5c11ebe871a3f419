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

export type SubmitterOut = Out<FromSubmitter, SubmitterEvent, never>

export interface SubmitterConfig {
  /** Tasks under way at one time. */
  readonly windowMax: number
  readonly resendMs: number
  /** A refusal for lack of room is tried again after this. */
  readonly fullRetryMs: number
}

export const defaultSubmitterConfig: SubmitterConfig = {
  windowMax: 1_024,
  resendMs: 3_000,
  fullRetryMs: 10_000,
}

interface Open {
  readonly submission: Submission
  cancelled: boolean
  accepted: boolean
  sendAt: Instant
}

const resendTimer = 'submitter/resend'

/**
 * Hands this node's own tasks to a coordinator and takes their ends.
 *
 * Invariants: (1) a task is repeated until its coordinator accepted it, and again to whichever coordinator is there
 * after a loss: repeating is harmless; (2) each task ends once here, however often its end arrives.
 */
export class Submitter implements Machine<SubmitterInput, FromSubmitter, SubmitterEvent, never> {
  readonly #config: SubmitterConfig
  readonly #open: BoundedMap<TaskId, Open>
  readonly #coordinators = new Set<PeerId>()
  #timerAt: Instant | undefined

  constructor(config: SubmitterConfig) {
    this.#config = config
    this.#open = new BoundedMap('tasks of a submitter', config.windowMax)
  }

  /** Tasks that may be submitted now. */
  get room(): number {
    return this.#config.windowMax - this.#open.size
  }

  get open(): number {
    return this.#open.size
  }

  /** Programs and inputs, where they are blobs, of tasks under way. */
  *blobs(): Iterable<Hash> {
    for (const { submission } of this.#open.values()) yield* blobsOf(submission)
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
        break
      default:
        unreachable(input)
    }
    this.#sendDue(now, out)
  }

  restore(_rows: Iterable<Row>): void {}
  restored(_now: Instant): void {}

  #message(from: PeerId, message: ToSubmitter, now: Instant, out: SubmitterOut): void {
    // A stranger may know an id, but speaks for no coordinator.
    if (!this.#coordinators.has(from)) return
    switch (message.type) {
      case 'task/submitReply':
        for (const item of message.items) this.#replied(item, now, out)
        return
      case 'task/waiting':
        return out.event({ type: 'workersMissing', missingWorkers: message.missingWorkers })
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
        for (const submission of command.items) {
          const { taskId } = submission.task
          if (this.#open.set(taskId, { submission, cancelled: false, accepted: false, sendAt: now })) continue
          const message = `more than ${this.#config.windowMax} tasks under way`
          out.event({ type: 'submissionRefused', taskId, code: 'WindowFull', message })
        }
        return
      case 'submitter/cancel':
        for (const taskId of command.taskIds) {
          const open = this.#open.get(taskId)
          if (open === undefined) continue
          open.cancelled = true
          open.sendAt = now
        }
        return
      case 'submitter/coordinatorUp':
        this.#coordinators.add(command.peer)
        if (this.#coordinators.size === 1) this.#repeatAll(now)
        return
      case 'submitter/peerLost':
        if (this.#coordinators.delete(command.peer)) this.#repeatAll(now)
        return
      default:
        return unreachable(command)
    }
  }

  #ended(finished: FinishedTask, out: SubmitterOut): void {
    const open = this.#open.get(finished.task.taskId)
    if (open === undefined || !sameTask(open.submission.task, finished.task)) return
    this.#open.delete(finished.task.taskId)
    out.event({ type: 'resultReceived', finished })
  }

  /** The coordinator may have changed: what was accepted there may be unknown here. */
  #repeatAll(now: Instant): void {
    for (const open of this.#open.values()) {
      open.accepted = false
      open.sendAt = now
    }
  }

  #replied(item: Admittance, now: Instant, out: SubmitterOut): void {
    const open = this.#open.get(item.taskId)
    if (open === undefined || open.accepted) return
    if (item.accepted) {
      open.accepted = true
      out.event({ type: 'submissionAccepted', taskId: item.taskId })
    } else if (item.code === 'QueueFull') {
      open.sendAt = after(now, this.#config.fullRetryMs)
    } else {
      this.#open.delete(item.taskId)
      out.event({ type: 'submissionRefused', taskId: item.taskId, code: item.code, message: item.message })
    }
  }

  #coordinator(): PeerId | undefined {
    for (const peer of this.#coordinators) return peer
    return undefined
  }

  #sendDue(now: Instant, out: SubmitterOut): void {
    const coordinator = this.#coordinator()
    if (coordinator === undefined) return
    const due: Submission[] = []
    const cancelled: TaskId[] = []
    let next: Instant | undefined
    for (const open of this.#open.values()) {
      if (open.accepted && !open.cancelled) continue
      if (open.sendAt <= now) {
        if (open.cancelled) cancelled.push(open.submission.task.taskId)
        else due.push(open.submission)
        open.sendAt = after(now, this.#config.resendMs)
      }
      if (next === undefined || open.sendAt < next) next = open.sendAt
    }
    for (const items of chunks(due, submissionBytes, batchItemsMax, batchBytesMax)) {
      out.send(coordinator, { type: 'task/submit', items })
    }
    for (const taskIds of chunks(cancelled, () => 40, batchItemsMax, batchBytesMax)) {
      out.send(coordinator, { type: 'task/cancel', taskIds })
    }
    if (next !== undefined && (this.#timerAt === undefined || next < this.#timerAt)) {
      this.#timerAt = next
      out.timer(resendTimer, next)
    }
  }
}

const sameTask = (a: Task, b: Task): boolean => equalBytes(encodeCanonical(a), encodeCanonical(b))

const submissionBytes = (item: Submission): number => 1_300 + carriedBytes(item.input)
