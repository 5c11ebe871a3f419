import { BoundedMap } from '../kernel/bounded.ts'
import { chunks } from '../kernel/chunks.ts'
import { after, type Hash, type Instant, type PeerId, type Sha256 } from '../kernel/ids.ts'
import { unreachable } from '../kernel/invariant.ts'
import type { Machine, Row } from '../kernel/machine.ts'
import { commitmentHash, outcomeHash, taskDigest } from './digest.ts'
import type {
  Answer,
  Answers,
  Assign,
  Assignment,
  AttemptKey,
  FromWorker,
  HandBackReason,
  Settle,
  ToWorker,
} from './messages.ts'
import { Pace } from './pace.ts'
import { blobsOf } from './payload.ts'
import { batchBytesMax, batchItemsMax, carriedBytes } from './post.ts'
import { ServedPeers } from './served-peers.ts'
import type {
  Ran,
  WorkerAsk,
  WorkerCommand,
  WorkerConfig,
  WorkerEvent,
  WorkerInput,
  WorkerOut,
} from './worker-ports.ts'

interface Held {
  readonly runId: number
  readonly coordinator: PeerId
  readonly assignment: Assignment
  state: 'queued' | 'running' | 'answered'
  startedAt: Instant | null
  /** Bytes fetched so far, while it waits for them in its slot. */
  fetchedBytes: number | null
  answer: Answer | null
  sentAt: Instant | null
}

const beatTimer = 'worker/beat'
const gatherTimer = 'worker/gather'
const offerTimer = 'worker/offer'
const resendTimer = 'worker/resend'

/**
 * Lends slots to the coordinators it is connected to, runs what they assign and answers.
 *
 * Invariants: (1) at most `slots` runs at one time, and those that the host begins at once or not at all; (2) an attempt is run once and its answer, once made, never
 * changes; (3) an answer is kept until its coordinator acknowledged it or let the attempt go. Nothing is saved: a
 * worker that dies loses its leases, and fencing numbers make a second start harmless.
 */
export class Worker implements Machine<WorkerInput, FromWorker, WorkerEvent, WorkerAsk> {
  readonly #config: WorkerConfig
  readonly #sha256: Sha256
  readonly #held: BoundedMap<string, Held>
  readonly #runs = new Map<number, Held>()
  readonly #served: ServedPeers
  /** Coordinators that are owed an offer. */
  readonly #owed = new Set<PeerId>()
  /** The last offer that each coordinator had; without it the next one goes in this tick. */
  readonly #offered = new Map<PeerId, { readonly at: Instant; readonly capacity: number }>()
  readonly #pace = new Pace()
  #slots = 0
  /** Finishes what runs and takes nothing more. */
  #draining = false
  #nextRun = 1
  #gatherAt: Instant | undefined
  #offerAt: Instant | undefined
  #resending = false
  #beatAt: Instant | undefined

  constructor(config: WorkerConfig, sha256: Sha256) {
    this.#config = config
    this.#sha256 = sha256
    this.#held = new BoundedMap('attempts held', config.heldMax)
    this.#served = new ServedPeers(config)
  }

  get slots(): number {
    return this.#slots
  }

  /** Attempts that run or whose answers were not yet acknowledged. */
  get held(): number {
    return this.#held.size
  }

  get running(): number {
    return this.#runs.size
  }

  /** Programs, inputs and outputs, where they are blobs, of what is held. */
  *blobs(): Iterable<Hash> {
    for (const { assignment, answer } of this.#held.values()) {
      yield* blobsOf(assignment)
      if (answer?.output?.kind === 'blob') yield answer.output.hash
    }
  }

  /** What a blob is to the work that is held. */
  useOf(hash: Hash): 'program' | 'input' | undefined {
    for (const { assignment } of this.#held.values()) {
      if (assignment.task.programHash === hash) return 'program'
      if (assignment.task.inputHash === hash) return 'input'
    }
    return undefined
  }

  handle(input: WorkerInput, now: Instant, out: WorkerOut): void {
    switch (input.kind) {
      case 'message':
        this.#message(input.from, input.message, out)
        break
      case 'command':
        this.#command(input.command, now, out)
        break
      case 'timer':
        this.#timer(input.key, now, out)
        break
      case 'resumed':
        this.#resumed(input.gapMs, out)
        break
      default:
        unreachable(input)
    }
    this.#startRuns(now, out)
    this.#payOffers(now, out)
  }

  restore(_rows: Iterable<Row>): void {}
  restored(_now: Instant): void {}

  #message(from: PeerId, message: ToWorker, out: WorkerOut): void {
    switch (message.type) {
      case 'task/assign':
        return this.#assigned(from, message, out)
      case 'task/settle':
        return this.#settled(from, message, out)
      case 'task/seek':
        if (this.#served.invited(from, (guest) => this.#heldOf(guest) === 0)) this.#offerNow(from)
        return
      case 'task/committed':
        // The commitment is for those who audit their coordinator; the run does not depend on it.
        return
      default:
        return unreachable(message)
    }
  }

  #command(command: WorkerCommand, now: Instant, out: WorkerOut): void {
    switch (command.type) {
      case 'worker/ran':
        return this.#ran(command.runId, command.ran, now, out)
      case 'worker/fetching': {
        const held = this.#runs.get(command.runId)
        if (held !== undefined) held.fetchedBytes = command.bytes
        return
      }
      case 'worker/began': {
        const held = this.#runs.get(command.runId)
        if (held === undefined || held.fetchedBytes === null) return
        held.fetchedBytes = null
        held.startedAt = now
        return void this.#owed.add(held.coordinator)
      }
      case 'worker/drain':
        this.#draining = true
        this.#handBackUnanswered(({ state }) => state === 'queued', 'leaving', out)
        return this.#offerAllNow()
      case 'worker/lend':
        this.#draining = false
        this.#slots = command.slots
        if (command.slots === 0) this.#handBackUnanswered(() => true, 'paused', out)
        this.#offerAllNow()
        return
      case 'worker/coordinatorUp':
        this.#served.relayUp(command.peer)
        for (const guest of this.#served.guests()) this.#offerNow(guest)
        this.#offerNow(command.peer)
        return this.#sendAnswers((held) => held.coordinator === command.peer, now, out)
      case 'worker/peerLost':
        // Work goes on: the coordinator may be back before it is done, and then the answer counts.
        this.#offered.delete(command.peer)
        return this.#served.lost(command.peer, now)
      default:
        return unreachable(command)
    }
  }

  #timer(key: string, now: Instant, out: WorkerOut): void {
    if (key === gatherTimer) {
      this.#gatherAt = undefined
      this.#sendAnswers((held) => held.sentAt === null, now, out)
    } else if (key === resendTimer) {
      this.#resending = false
      const before = after(now, -this.#config.resendMs)
      this.#sendAnswers((held) => held.sentAt === null || held.sentAt <= before, now, out)
    } else if (key === offerTimer) {
      this.#offerAt = undefined
    } else {
      this.#beatAt = undefined
      this.#offerAllNow()
      this.#forgetLongLost(now, out)
      this.#served.forgetIdleGuests((guest) => this.#heldOf(guest) === 0)
      this.#giveBackBlocked(now, out)
    }
  }

  /** A coordinator that stays away has given its work to others long since. */
  #forgetLongLost(now: Instant, out: WorkerOut): void {
    for (const peer of this.#served.takeLongLost(after(now, -this.#config.forgetMs)))
      for (const held of [...this.#held.values()]) if (held.coordinator === peer) this.#letGo(held, out)
  }

  /** Work that was taken for short ones waits behind a long one here, and somebody else may be idle. */
  #giveBackBlocked(now: Instant, out: WorkerOut): void {
    const { blockedMs } = this.#config
    const blocked = [...this.#runs.values()].filter(
      ({ startedAt }) => startedAt !== null && after(startedAt, blockedMs) <= now,
    )
    if (blocked.length < this.#slots || blocked.length === 0) return
    this.#pace.blocked(now - Math.min(...blocked.map(({ startedAt }) => startedAt!)))
    let kept = (this.#heldPerSlot - 1) * this.#slots
    this.#handBackUnanswered(({ state }) => state === 'queued' && kept-- <= 0, 'paused', out)
  }

  /** After a gap the coordinator has given our work to others: hand it back unasked. */
  #resumed(gapMs: number, out: WorkerOut): void {
    if (gapMs >= 3 * this.#config.busyBeatMs) this.#handBackUnanswered(() => true, 'leaving', out)
    this.#offerAllNow()
  }

  #assigned(from: PeerId, message: Assign, out: WorkerOut): void {
    if (!this.#served.has(from)) return
    this.#owed.add(from)
    const foreign = message.items.filter((item) => !this.#served.mayAssign(from, item.task))
    if (foreign.length > 0) this.#sendHandBacks(from, foreign, 'paused', out)
    if (this.#slots === 0 || this.#draining) {
      const fresh = message.items.filter((item) => !this.#held.has(nameOf(from, item)))
      if (fresh.length === 0) return
      return this.#sendHandBacks(from, fresh, this.#draining ? 'leaving' : 'paused', out)
    }
    // Offers and assignments cross: what an earlier offer allowed is taken.
    let room = this.#share - this.#heldOf(from)
    for (const assignment of message.items) {
      const name = nameOf(from, assignment)
      if (this.#held.has(name) || this.#held.full || room <= 0) continue
      if (!this.#served.mayAssign(from, assignment.task)) continue
      room--
      this.#held.mustSet(name, {
        runId: this.#nextRun++,
        coordinator: from,
        assignment,
        state: 'queued',
        startedAt: null,
        fetchedBytes: null,
        answer: null,
        sentAt: null,
      })
    }
  }

  /** What each coordinator can have out here at most; all together fit into `heldMax`. */
  get #share(): number {
    return Math.floor(this.#config.heldMax / Math.max(1, this.#served.size))
  }

  /** What each coordinator is offered. */
  #capacityFor(peer: PeerId): number {
    if (this.#draining || !this.#served.takesFrom(peer)) return 0
    return Math.min(this.#share, this.#slots * this.#heldPerSlot)
  }

  get #heldPerSlot(): number {
    const { heldAheadMs, heldPerSlot, longRunMs } = this.#config
    return this.#pace.attemptsIn(heldAheadMs, heldPerSlot, longRunMs)
  }

  #heldOf(coordinator: PeerId): number {
    let count = 0
    for (const held of this.#held.values()) if (held.coordinator === coordinator) count++
    return count
  }

  #settled(from: PeerId, message: Settle, out: WorkerOut): void {
    for (const key of message.taken) {
      const held = this.#held.get(nameOf(from, key))
      if (held?.state === 'answered') this.#held.delete(nameOf(from, key))
    }
    for (const key of message.dropped) {
      const held = this.#held.get(nameOf(from, key))
      if (held !== undefined) this.#letGo(held, out)
    }
  }

  #ran(runId: number, ran: Ran, now: Instant, out: WorkerOut): void {
    const held = this.#runs.get(runId)
    if (held === undefined) return
    this.#runs.delete(runId)
    const { assignment } = held
    out.event({ type: 'runEnded', runId, taskId: assignment.taskId, answered: ran.kind === 'outcome' })
    if (ran.kind === 'none') {
      // It waited behind one that is not short.
      if (ran.reason === 'paused') this.#pace.blocked(now - held.startedAt!)
      this.#held.delete(nameOf(held.coordinator, assignment))
      return this.#sendHandBacks(held.coordinator, [assignment], ran.reason, out)
    }
    this.#pace.ran(ran.durationMs)
    held.state = 'answered'
    held.answer = this.#answerOf(assignment, ran)
    this.#startRuns(now, out)
    this.#gather(now, out)
  }

  #gather(now: Instant, out: WorkerOut): void {
    const { gatherMs, gatherBusyMs } = this.#config
    const due = after(now, this.#runs.size > 0 ? gatherBusyMs : gatherMs)
    if (this.#gatherAt !== undefined && this.#gatherAt <= due) return
    this.#gatherAt = due
    out.timer(gatherTimer, due)
  }

  #answerOf(assignment: Assignment, ran: Extract<Ran, { kind: 'outcome' }>): Answer {
    const hash = outcomeHash(ran.outcome, this.#sha256)
    return {
      taskId: assignment.taskId,
      epoch: assignment.epoch,
      attempt: assignment.attempt,
      taskDigest: taskDigest(assignment.task, this.#sha256),
      outcome: ran.outcome,
      outcomeHash: hash,
      at: ran.at,
      output: ran.output,
      error: ran.error,
      durationMs: ran.durationMs,
      commitment: { hash: commitmentHash(ran.salt, hash, this.#sha256), salt: ran.salt, signature: unsigned },
    }
  }

  /** Where runs are short, some begin ahead of a free slot, so that the sandboxes go on without us. */
  #startRuns(now: Instant, out: WorkerOut): void {
    const { startAheadMs, longRunMs } = this.#config
    const runsMax = this.#slots * this.#pace.attemptsIn(startAheadMs, 1, longRunMs)
    if (this.#runs.size >= runsMax) return
    for (const held of this.#held.values()) {
      if (this.#runs.size >= runsMax) return
      if (held.state !== 'queued') continue
      const isAhead = this.#runs.size >= this.#slots
      held.state = 'running'
      held.startedAt = now
      this.#runs.set(held.runId, held)
      this.#owed.add(held.coordinator)
      const { task } = held.assignment
      out.event({ type: 'runStarted', runId: held.runId, taskId: task.taskId, submitter: task.submitter })
      out.ask({
        type: 'run',
        runId: held.runId,
        from: held.coordinator,
        assignment: held.assignment,
        isAhead,
      })
    }
  }

  #sendAnswers(which: (held: Held) => boolean, now: Instant, out: WorkerOut): void {
    const ready = new Map<PeerId, Answer[]>()
    let waiting = false
    for (const held of this.#held.values()) {
      if (held.answer === null) continue
      waiting = true
      if (!this.#served.has(held.coordinator) || !which(held)) continue
      held.sentAt = now
      const list = ready.get(held.coordinator) ?? []
      list.push(held.answer)
      ready.set(held.coordinator, list)
    }
    for (const [peer, answers] of ready) {
      for (const items of chunks(answers, answerBytes, batchItemsMax, batchBytesMax)) {
        out.send(peer, { type: 'task/answers', items, signature: unsigned } satisfies Answers)
      }
    }
    if (waiting && !this.#resending) {
      this.#resending = true
      out.timer(resendTimer, after(now, this.#config.resendMs))
    }
  }

  #handBackUnanswered(which: (held: Held) => boolean, reason: HandBackReason, out: WorkerOut): void {
    const back = new Map<PeerId, AttemptKey[]>()
    for (const held of [...this.#held.values()]) {
      if (held.state === 'answered' || !which(held)) continue
      const list = back.get(held.coordinator) ?? []
      list.push(held.assignment)
      back.set(held.coordinator, list)
      this.#letGo(held, out)
    }
    for (const [peer, items] of back) this.#sendHandBacks(peer, items, reason, out)
  }

  #sendHandBacks(peer: PeerId, keys: readonly AttemptKey[], reason: HandBackReason, out: WorkerOut): void {
    const items = keys.map(({ taskId, epoch, attempt }) => ({ taskId, epoch, attempt, reason }))
    out.send(peer, { type: 'task/handBack', items })
    this.#offerNow(peer)
  }

  #letGo(held: Held, out: WorkerOut): void {
    this.#held.delete(nameOf(held.coordinator, held.assignment))
    if (held.state !== 'running') return
    this.#runs.delete(held.runId)
    out.ask({ type: 'stopRun', runId: held.runId })
    out.event({ type: 'runEnded', runId: held.runId, taskId: held.assignment.taskId, answered: false })
  }

  #offerAllNow(): void {
    for (const peer of this.#served.all()) this.#offerNow(peer)
  }

  #offerNow(peer: PeerId): void {
    this.#owed.add(peer)
    this.#offered.delete(peer)
  }

  #payOffers(now: Instant, out: WorkerOut): void {
    for (const peer of this.#owed) {
      const isHere = this.#served.has(peer)
      if (isHere && this.#isTooSoon(peer, now, out)) continue
      this.#owed.delete(peer)
      if (isHere) this.#offer(peer, now, out)
    }
    const beatMs = this.#held.size > 0 ? this.#config.busyBeatMs : this.#config.idleBeatMs
    const due = after(now, beatMs)
    const awake = this.#served.size > 0 || this.#held.size > 0
    if (awake && (this.#beatAt === undefined || this.#beatAt > due)) {
      this.#beatAt = due
      out.timer(beatTimer, due)
    }
  }

  #offer(peer: PeerId, now: Instant, out: WorkerOut): void {
    const capacity = this.#capacityFor(peer)
    this.#offered.set(peer, { at: now, capacity })
    const holding = []
    for (const held of this.#held.values()) {
      if (held.coordinator !== peer) continue
      const { taskId, epoch, attempt } = held.assignment
      const runs = held.state === 'running' && held.startedAt !== null && held.fetchedBytes === null
      const runningMs = runs ? now - held.startedAt! : null
      holding.push({ taskId, epoch, attempt, runningMs, progress: held.fetchedBytes ?? 0 })
    }
    out.send(peer, { type: 'task/offer', slots: this.#slots, capacity, holding })
  }

  /** Every run that begins is news; a hundred of them are one message. Room for twice as much does not wait. */
  #isTooSoon(peer: PeerId, now: Instant, out: WorkerOut): boolean {
    const last = this.#offered.get(peer)
    if (last === undefined || this.#capacityFor(peer) > 2 * last.capacity) return false
    const due = after(last.at, this.#config.offerGapMs)
    if (due <= now) return false
    if (this.#offerAt === undefined || this.#offerAt > due) {
      this.#offerAt = due
      out.timer(offerTimer, due)
    }
    return true
  }
}

/** Stands where the host writes a signature when the message leaves. */
const unsigned = new Uint8Array(0)

const nameOf = (coordinator: PeerId, key: AttemptKey): string =>
  `${coordinator}/${key.taskId}/${key.epoch}/${key.attempt}`

const answerBytes = (answer: Answer): number =>
  700 +
  carriedBytes(answer.output) +
  4 * ((answer.error?.message.length ?? 0) + (answer.error?.stack?.length ?? 0))
