import { BoundedMap } from '../kernel/bounded.ts'
import {
  after,
  type Hash,
  type Instant,
  type JobId,
  type PeerId,
  type Sha256,
  type TaskId,
} from '../kernel/ids.ts'
import { unreachable } from '../kernel/invariant.ts'
import type { Machine, Row } from '../kernel/machine.ts'
import type { Random } from '../kernel/random.ts'
import { AnswerCounter, type Judged } from './answer-counter.ts'
import { Canaries } from './canaries.ts'
import type {
  CoordinatorAsk,
  CoordinatorCommand,
  CoordinatorConfig,
  CoordinatorEvent,
  CoordinatorInput,
  CoordinatorOut,
  PeerStanding,
  Reachability,
  TaskReport,
  Verifier,
} from './coordinator-ports.ts'
import { jobIdIn, rowKeys } from './coordinator-rows.ts'
import {
  type CoordinatorCounts,
  type CoordinatorTables,
  CoordinatorView,
  type JobReport,
} from './coordinator-view.ts'
import { taskDigest } from './digest.ts'
import { Dispatcher } from './dispatcher.ts'
import { FinishedTasks } from './finished-tasks.ts'
import { Histories } from './histories.ts'
import { checkSubmission } from './intake.ts'
import { JobTallies } from './job-tallies.ts'
import { Leases } from './leases.ts'
import type {
  Admittance,
  AttemptKey,
  FinishedTask,
  FromSubmitter,
  FromWorker,
  Submission,
  ToSubmitter,
  ToWorker,
  Withdraw,
} from './messages.ts'
import { Post } from './post.ts'
import { ReadyQueue } from './ready-queue.ts'
import { Recovery } from './recovery.ts'
import { Roster } from './roster.ts'
import { Seeker } from './seeker.ts'
import { Stragglers } from './stragglers.ts'
import { type Priority, type Task, type TaskStatus, taskStatuses } from './task.ts'
import { type End, finishedTask } from './task-end.ts'
import { type Origin, TaskRecord } from './task-record.ts'
import { Turnarounds } from './turnarounds.ts'
import { WaitingNotices } from './waiting-notices.ts'

const sweepTimer = 'coordinator/sweep'
const sweepMs = 1_000

export interface CoordinatorParts {
  readonly config: CoordinatorConfig
  readonly random: Random
  readonly sha256: Sha256
  readonly standing: PeerStanding
  readonly reachability: Reachability
  readonly verifier: Verifier
}

/**
 * Holds the state of submitted tasks, hands replicas to workers and counts their answers.
 *
 * Invariants: (1) a task once accepted is in `tasks` or in `finished`, in memory and on disk, until it is final;
 * (2) it finishes once: a second submission or answer for the same digest changes nothing; (3) what is out with a
 * worker never exceeds the capacity of its last offer; (4) an attempt number counts once, and only for its worker;
 * (5) every live attempt belongs to a worker that was heard of within the lease.
 */
export class Coordinator
  implements Machine<CoordinatorInput, ToWorker | ToSubmitter, CoordinatorEvent, CoordinatorAsk>
{
  readonly #parts: CoordinatorParts
  readonly #config: CoordinatorConfig
  readonly #tasks: BoundedMap<TaskId, TaskRecord>
  readonly #finished: FinishedTasks
  readonly #queue = new ReadyQueue()
  readonly #roster: Roster
  readonly #dispatcher: Dispatcher
  readonly #histories: Histories
  readonly #canaries: Canaries
  readonly #answers: AnswerCounter
  readonly #leases: Leases
  readonly #turnarounds = new Turnarounds()
  readonly #stragglers: Stragglers
  readonly #seeker: Seeker
  readonly #jobs = new JobTallies()
  readonly #notices: WaitingNotices
  readonly #post = new Post()
  readonly #dirty = new Set<TaskRecord>()
  readonly #disagreements: BoundedMap<PeerId, number> = new BoundedMap('workers that disagreed', 1_000)
  readonly #totals = Object.fromEntries(taskStatuses.map((status) => [status, 0])) as Record<
    TaskStatus,
    number
  >
  readonly #recovery: Recovery
  readonly #tables: CoordinatorTables
  readonly #view: CoordinatorView
  #sweeping = false
  #nextOrder = 1

  constructor(parts: CoordinatorParts) {
    this.#parts = parts
    this.#config = parts.config
    // As many again may come from a coordinator that is no more.
    this.#tasks = new BoundedMap('unfinished tasks', 2 * parts.config.tasksMax)
    const { finishedMax: knownMax, undeliveredMax, retentionMs } = parts.config
    this.#finished = new FinishedTasks({ knownMax, undeliveredMax, retentionMs })
    this.#roster = new Roster(parts.config.workersMax, parts.random)
    this.#histories = new Histories(parts.verifier)
    this.#canaries = new Canaries(parts.verifier.canaryShare, parts.random)
    this.#dispatcher = new Dispatcher(
      this.#queue,
      this.#roster,
      this.#post,
      (record) => this.#dirty.add(record),
      {
        histories: this.#histories,
        verifier: parts.verifier,
        canaries: this.#canaries,
        reopen: (record) => this.#tasks.set(record.submission.task.taskId, record),
      },
    )
    this.#notices = new WaitingNotices(this.#dispatcher)
    this.#tables = {
      tasks: this.#tasks,
      finished: this.#finished,
      queue: this.#queue,
      roster: this.#roster,
      dispatcher: this.#dispatcher,
      jobs: this.#jobs,
      totals: this.#totals,
      disagreements: this.#disagreements,
    }
    this.#view = new CoordinatorView(this.#tables)
    this.#answers = new AnswerCounter(
      {
        verifier: parts.verifier,
        sha256: parts.sha256,
        roster: this.#roster,
        turnarounds: this.#turnarounds,
        histories: this.#histories,
        decided: (record) => this.#canaries.add(record),
        roundsMax: parts.config.roundsMax,
        changed: (record) => this.#dirty.add(record),
        finish: (record, end, now, out) => this.#finish(record, end, now, out),
        lose: (record, attempt, now, out) => this.#leases.lose(record, attempt, 'badAnswer', now, out),
        wanted: (record) => this.#dispatcher.enqueue(record),
        again: (record, now, out) => this.#newRound(record, now, out),
        settled: (record) => this.#settled(record),
        judged: (worker, judged) => this.#judged(worker, judged),
      },
      this.#post,
    )
    this.#leases = new Leases({
      ...parts,
      tasks: this.#tasks,
      roster: this.#roster,
      dispatcher: this.#dispatcher,
      post: this.#post,
      changed: (record) => this.#dirty.add(record),
      finish: (record, end, now, out) => this.#finish(record, end, now, out),
      settled: (record) => this.#settled(record),
    })
    this.#seeker = new Seeker(this.#roster, parts.reachability)
    this.#stragglers = new Stragglers({
      config: parts.config,
      open: () => this.#tasks.values(),
      queue: this.#queue,
      roster: this.#roster,
      dispatcher: this.#dispatcher,
      turnarounds: this.#turnarounds,
    })
    this.#recovery = new Recovery({
      sha256: parts.sha256,
      ...this.#tables,
      histories: this.#histories,
      leases: this.#leases,
      totals: this.#totals,
      nextOrder: () => this.#nextOrder++,
      endAs: (record, finished, now, out) => this.#endAs(record, finished, now, out),
    })
  }

  handle(input: CoordinatorInput, now: Instant, out: CoordinatorOut): void {
    switch (input.kind) {
      case 'message':
        this.#message(input.from, input.message, now, out)
        break
      case 'command':
        this.#command(input.command, now, out)
        break
      case 'timer':
        if (this.#finished.isRetireTimer(input.key)) this.#finished.retire(now, out)
        else this.#sweep(now, out)
        break
      case 'resumed':
        this.#leases.resumed(input.gapMs, now)
        break
      default:
        unreachable(input)
    }
    this.#endTick(now, out)
  }

  restore(rows: Iterable<Row>): void {
    this.#recovery.restore(rows)
  }

  restored(now: Instant): void {
    this.#nextOrder = this.#recovery.restored(now)
  }

  // ——— questions ———

  // Those of `CoordinatorView`.
  report = (taskId: TaskId): TaskReport | undefined => this.#view.report(taskId)
  finishedKeyOf = (taskId: TaskId): string | undefined => this.#view.finishedKeyOf(taskId)
  job = (id: JobId): JobReport | undefined => this.#view.job(id)
  jobsOf = (submitter: PeerId): readonly (readonly [JobId, JobReport])[] => this.#view.jobsOf(submitter)
  wantsCommitment = (taskId: TaskId): boolean => this.#view.wantsCommitment(taskId)
  awaits = (worker: PeerId, key: AttemptKey, outputBytes: number): boolean =>
    this.#view.awaits(worker, key, outputBytes)
  blobs = (): Iterable<Hash> => this.#view.blobs()
  unfinishedOf = (jobId: JobId): TaskId[] => this.#view.unfinishedOf(jobId)
  counts = (): CoordinatorCounts => this.#view.counts()

  // ——— inputs ———

  #message(from: PeerId, message: FromWorker | FromSubmitter, now: Instant, out: CoordinatorOut): void {
    switch (message.type) {
      case 'task/offer':
        // Who coordinates nothing now takes no strangers on.
        if (this.#config.isHome && this.#tasks.size === 0 && this.#roster.get(from) === undefined) return
        return this.#leases.offer(from, message, now, out)
      case 'task/answers': {
        const worker = this.#roster.meet(from, now)
        if (worker === undefined) return
        this.#roster.heard(worker, now)
        return this.#answers.count(worker, message, (taskId) => this.#tasks.get(taskId), now, out)
      }
      case 'task/handBack':
        return this.#leases.handBack(from, message, now, out)
      case 'task/submit':
        for (const item of message.items)
          this.#post.to(from).admitted.push(this.#admit(item, from, 'peer', now, out))
        return
      case 'task/finishedReceived':
        return this.#finished.received(from, message.taskIds, out)
      case 'task/cancel':
        return this.#cancel(from, message.taskIds, now, out)
      case 'task/withdraw':
        return this.#withdraw(from, message.items, now, out)
      default:
        return unreachable(message)
    }
  }

  #command(command: CoordinatorCommand, now: Instant, out: CoordinatorOut): void {
    switch (command.type) {
      case 'coordinator/submit': {
        const items = command.items.map((item) => this.#admit(item, command.from, 'http', now, out))
        return out.ask({ type: 'admittances', requestId: command.requestId, items })
      }
      case 'coordinator/takeHome':
        for (const item of command.items) this.#admit(item, item.task.submitter, 'home', now, out)
        return this.#seeker.seek(now, out)
      case 'coordinator/release':
        for (const taskId of command.taskIds) {
          const record = this.#tasks.get(taskId)
          if (record?.origin === 'home' && !record.finished) this.#letGo(record, now, out)
        }
        return
      case 'coordinator/cancel':
        return this.#cancel(command.from, command.taskIds, now, out)
      case 'coordinator/peerLost': {
        this.#notices.forget(command.peer)
        const worker = this.#roster.get(command.peer)
        if (worker !== undefined) this.#leases.loseWorker(worker, now, out)
        return
      }
      case 'coordinator/peerUp':
        return this.#finished.resendTo(command.peer, now, 0, this.#post)
      case 'coordinator/archived':
        return this.#archived(command.keys, now, out)
      case 'coordinator/adopt': {
        const adopted = this.#recovery.adopt(command.rows, now, out)
        return out.event({ type: 'adopted', requestId: command.requestId, ...adopted })
      }
      default:
        return unreachable(command)
    }
  }

  #admit(item: Submission, from: PeerId, origin: Origin, now: Instant, out: CoordinatorOut): Admittance {
    const { task } = item
    const digest = taskDigest(task, this.#parts.sha256)
    const known = this.#tasks.get(task.taskId)?.digest ?? this.#finished.get(task.taskId)?.digest
    if (known === digest && task.submitter === from) {
      const record = this.#tasks.get(task.taskId)
      if (record !== undefined && (item.epoch ?? 1) > record.epoch) {
        record.epoch = item.epoch!
        this.#dirty.add(record)
      }
      if (origin === 'peer') this.#finished.again(task.taskId, from, this.#post)
      return { taskId: task.taskId, accepted: true }
    }
    const refusal =
      known !== undefined && known !== digest
        ? { code: 'TaskIdTaken', message: `task id ${task.taskId} already names another task` }
        : (this.#foreignJob(task, from) ??
          checkSubmission(item, from, this.#parts.standing, this.#parts.sha256) ??
          this.#noRoom(item.priority))
    if (refusal !== undefined) {
      out.event({ type: 'taskRefused', from, taskId: task.taskId, code: refusal.code })
      return { taskId: task.taskId, accepted: false, code: refusal.code, message: refusal.message }
    }
    const record = new TaskRecord(item, digest, origin, now, this.#nextOrder++)
    const isAdaptive = task.verification.errorTarget !== undefined
    record.isSpotCheck = isAdaptive && this.#parts.random.unit() < this.#parts.verifier.spotCheckShare
    this.#tasks.mustSet(task.taskId, record)
    out.save(rowKeys.submission(task.taskId), record.submissionRow())
    if (this.#jobs.accepted(task)) out.save(rowKeys.job(task.jobId!), task.submitter)
    this.#dispatcher.enqueue(record)
    out.event({ type: 'taskAccepted', taskId: task.taskId, jobId: task.jobId, submitter: task.submitter })
    return { taskId: task.taskId, accepted: true }
  }

  /** Workers see job ids: under another's id a stranger's results would stand among that submitter's. */
  #foreignJob({ jobId }: Task, from: PeerId): { code: string; message: string } | undefined {
    const owner = jobId === null ? undefined : this.#jobs.get(jobId)?.submitter
    if (owner === undefined || owner === from) return undefined
    return { code: 'JobIdTaken', message: `job id ${jobId} already names a job of another submitter` }
  }

  #noRoom(priority: Priority): { code: string; message: string } | undefined {
    const full =
      this.#tasks.size >= this.#config.tasksMax ||
      (priority !== 'critical' && this.#queue.total >= this.#config.queueMax)
    return full ? { code: 'QueueFull', message: 'Task queue full, try again later' } : undefined
  }

  #cancel(from: PeerId, taskIds: readonly TaskId[], now: Instant, out: CoordinatorOut): void {
    for (const taskId of taskIds) {
      const record = this.#tasks.get(taskId)
      if (record?.submission.task.submitter !== from) {
        this.#cancelUnknown(from, taskId)
        continue
      }
      if (record.finished) continue
      this.#finish(record, { status: 'cancelled' }, now, out)
      this.#dropLive(record, now, out)
    }
  }

  /** Whoever asks knows the task: it ended, or was never accepted here. */
  #cancelUnknown(from: PeerId, taskId: TaskId): void {
    if (this.#finished.again(taskId, from, this.#post)) return
    const message = `task ${taskId} is not known here`
    this.#post.to(from).admitted.push({ taskId, accepted: false, code: 'UnknownTask', message })
  }

  #sweep(now: Instant, out: CoordinatorOut): void {
    this.#sweeping = false
    this.#leases.sweep(now, out)
    this.#dispatcher.dispatch(now, out)
    this.#stragglers.sweep(now, out)
    if (this.#config.isHome && this.#tasks.size > 0) this.#seeker.seek(now, out)
    this.#histories.save(out)
    this.#finished.resend(now, this.#config.resendMs, this.#parts.reachability, this.#post)
  }

  // ——— ends ———

  #finish(record: TaskRecord, end: End, now: Instant, out: CoordinatorOut): void {
    record.enter(end.status, now)
    this.#close(record, finishedTask(record, end, now), now, out)
    // With copies out, more than were asked for would go on to the end.
    if (record.given() > record.target) this.#dropLive(record, now, out)
  }

  #close(record: TaskRecord, finished: FinishedTask, now: Instant, out: CoordinatorOut): void {
    const { task } = record.submission
    this.#dispatcher.withdraw(record)
    this.#finished.add(finished, record.digest, record.origin, now, {
      post: this.#post,
      reachability: this.#parts.reachability,
      out,
    })
    out.save(rowKeys.submission(task.taskId), undefined)
    out.save(rowKeys.state(task.taskId), undefined)
    this.#dirty.delete(record)
    this.#settled(record)
    this.#totals[finished.status]++
    this.#jobs.finished(finished)
    out.event({ type: 'taskFinished', finished })
  }

  /** It was taken over, and has ended there; a task of the same epoch or a higher one is this coordinator's. */
  #withdraw(from: PeerId, items: Withdraw['items'], now: Instant, out: CoordinatorOut): void {
    for (const { taskId, epoch } of items) {
      const record = this.#tasks.get(taskId)
      const isTheirs = record?.submission.task.submitter === from
      if (record !== undefined && !isTheirs) continue
      if (isTheirs && !record.finished && record.epoch < epoch) this.#letGo(record, now, out)
      this.#post.to(from).withdrawn.push(taskId)
    }
  }

  /** The task is another coordinator's now: it leaves no end here. */
  #letGo(record: TaskRecord, now: Instant, out: CoordinatorOut): void {
    const { task } = record.submission
    record.enter('cancelled', now)
    this.#dispatcher.withdraw(record)
    out.save(rowKeys.submission(task.taskId), undefined)
    out.save(rowKeys.state(task.taskId), undefined)
    this.#dirty.delete(record)
    this.#jobs.withdrawn(task)
    this.#dropLive(record, now, out)
    this.#settled(record)
  }

  /** Another coordinator has ended it; what its workers still have is not wanted any more. */
  #endAs(record: TaskRecord, finished: FinishedTask, now: Instant, out: CoordinatorOut): void {
    record.endAs(finished)
    this.#close(record, finished, now, out)
    this.#dropLive(record, now, out)
  }

  /** Slow ones of the round before decide nothing any more; their workers may as well have the task anew. */
  #newRound(record: TaskRecord, now: Instant, out: CoordinatorOut): void {
    this.#dropLive(record, now, out)
    this.#dispatcher.enqueue(record)
  }

  #dropLive(record: TaskRecord, now: Instant, out: CoordinatorOut): void {
    const { taskId } = record.submission.task
    for (const attempt of record.live()) {
      this.#post.to(attempt.worker).dropped.push({ taskId, epoch: attempt.epoch, attempt: attempt.attempt })
      this.#leases.lose(record, attempt, 'cancelled', now, out)
    }
  }

  #archived(keys: readonly string[], now: Instant, out: CoordinatorOut): void {
    for (const key of this.#finished.archived(keys, now, out)) {
      const jobId = jobIdIn(key) as JobId
      if (this.#jobs.archived(jobId)) out.save(rowKeys.job(jobId), undefined)
    }
  }

  /** A finished task stays in memory while answers may still count for or against their workers. */
  #settled(record: TaskRecord): void {
    if (record.finished && record.live().length === 0) this.#tasks.delete(record.submission.task.taskId)
  }

  #judged(worker: PeerId, judged: Judged): void {
    if (judged === 'agreed') return this.#roster.earn(worker)
    this.#disagreements.setDroppingOldest(worker, (this.#disagreements.get(worker) ?? 0) + 1)
  }

  #endTick(now: Instant, out: CoordinatorOut): void {
    this.#dispatcher.dispatch(now, out)
    for (const record of this.#dirty) {
      if (!record.finished) out.save(rowKeys.state(record.submission.task.taskId), record.stateRow())
    }
    this.#dirty.clear()
    this.#post.flush(out)
    this.#finished.schedule(now, out)
    const looksAgain = this.#tasks.size > 0 || this.#finished.undelivered > 0 || !this.#histories.isSaved
    if (!this.#sweeping && looksAgain) {
      this.#sweeping = true
      this.#notices.tell(this.#queue.all(), out)
      out.timer(sweepTimer, after(now, sweepMs))
    }
  }
}
