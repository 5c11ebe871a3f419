import { OpenPolicy } from '../../shared/access/open-policy.ts'
import { encodeCanonical } from '../../shared/kernel/codec.ts'
import type { PeerId, TaskId } from '../../shared/kernel/ids.ts'
import type { Effect } from '../../shared/kernel/machine.ts'
import { Random } from '../../shared/kernel/random.ts'
import { Coordinator } from '../../shared/task/coordinator.ts'
import {
  type CoordinatorAsk,
  type CoordinatorConfig,
  type CoordinatorEvent,
  type CoordinatorInput,
  defaultCoordinatorConfig,
} from '../../shared/task/coordinator-ports.ts'
import type {
  Admission,
  Admittance,
  Answer,
  Assignment,
  AttemptKey,
  FinishedTask,
  HandBackReason,
  Submission,
  ToSubmitter,
  ToWorker,
} from '../../shared/task/messages.ts'
import { VoteVerifier } from '../../shared/verification/vote-verifier.ts'
import { sha256 } from '../sim/model-programs.ts'
import { MachineDriver } from './machine-driver.ts'
import { rowsOf } from './stored-rows.ts'
import { answerTo, type GivenAnswer, peerId, type Said } from './task-fixtures.ts'

type Effects = Effect<ToWorker | ToSubmitter, CoordinatorEvent, CoordinatorAsk>[]

/** The one peer that may submit critical tasks. */
export const admin = peerId(9_999)

const sameAttempt = (a: AttemptKey, b: AttemptKey) =>
  a.taskId === b.taskId && a.epoch === b.epoch && a.attempt === b.attempt

/**
 * A coordinator driven by hand. Workers are puppets that know what they were given; rows go through the codec to a
 * disk from which `restart` starts another coordinator.
 */
export class CoordinatorDriver extends MachineDriver<
  CoordinatorInput,
  ToWorker | ToSubmitter,
  CoordinatorEvent,
  CoordinatorAsk
> {
  coordinator: Coordinator
  readonly up = new Set<PeerId>()
  readonly admissions = new Map<PeerId, Admission>()
  readonly disk = new Map<string, Uint8Array>()
  readonly #held = new Map<PeerId, Assignment[]>()
  readonly #make: () => Coordinator

  constructor(config: Partial<CoordinatorConfig> = {}, seed = 1) {
    const parts = {
      config: { ...defaultCoordinatorConfig, ...config },
      sha256,
      standing: new OpenPolicy([admin]),
      verifier: new VoteVerifier(sha256),
    }
    const make = (): Coordinator =>
      new Coordinator({
        ...parts,
        random: new Random(seed),
        reachability: {
          lenders: () => this.up,
          isUp: (peer) => this.up.has(peer),
          admissionOf: (peer) => this.admissions.get(peer) ?? null,
        },
      })
    const first = make()
    super(first)
    this.coordinator = first
    this.#make = make
  }

  override give(input: CoordinatorInput): Effects {
    const effects = super.give(input)
    for (const effect of effects) {
      if (effect.kind === 'save') this.#save(effect.key, effect.value)
      if (effect.kind !== 'send') continue
      const { to, message } = effect
      if (message.type === 'task/assign') this.heldBy(to).push(...message.items)
      if (message.type === 'task/settle')
        for (const key of [...message.taken, ...message.dropped]) this.#letGo(to, key)
    }
    return effects
  }

  /** What the worker was given and has not been told to let go of. */
  heldBy(worker: PeerId): Assignment[] {
    const held = this.#held.get(worker) ?? []
    this.#held.set(worker, held)
    return held
  }

  /** The worker's one assignment of the task. */
  holding(worker: PeerId, taskId: TaskId): Assignment | undefined {
    return this.heldBy(worker).findLast((assignment) => assignment.taskId === taskId)
  }

  /** Workers that hold the task, in the order of their ids. */
  holders(taskId: TaskId): PeerId[] {
    return [...this.#held.keys()].filter((worker) => this.holding(worker, taskId) !== undefined).sort()
  }

  submit(submission: Submission, from: PeerId = submission.task.submitter): Admittance {
    this.up.add(from)
    const message = { type: 'task/submit', items: [submission] } as const
    const effects = this.give({ kind: 'message', from, message })
    for (const effect of effects) {
      if (effect.kind === 'send' && effect.to === from && effect.message.type === 'task/submitReply')
        return effect.message.items[0]!
    }
    throw new Error('a submission was not answered')
  }

  /** A worker comes, or says again what it lends and holds. `holding` by default is the truth, all running. */
  offer(
    worker: PeerId,
    capacity = 1,
    holding: readonly AttemptKey[] = this.heldBy(worker),
    runningMs = 0,
  ): Effects {
    this.up.add(worker)
    const held = holding.map(({ taskId, epoch, attempt }) => ({
      taskId,
      epoch,
      attempt,
      runningMs,
      progress: 0,
    }))
    return this.give({
      kind: 'message',
      from: worker,
      message: { type: 'task/offer', slots: 1, capacity, holding: held },
    })
  }

  /** The worker answers its assignment of the task. */
  answer(worker: PeerId, taskId: TaskId, said: Said, over: Partial<GivenAnswer> = {}): Effects {
    const assignment = this.holding(worker, taskId)
    if (assignment === undefined) throw new Error(`the worker does not hold task ${taskId}`)
    return this.answers(worker, [answerTo(assignment, said, over)])
  }

  answers(worker: PeerId, items: readonly Answer[]): Effects {
    const signature = new Uint8Array(64).fill(2)
    return this.give({ kind: 'message', from: worker, message: { type: 'task/answers', items, signature } })
  }

  handBack(worker: PeerId, keys: readonly AttemptKey[], reason: HandBackReason): Effects {
    const items = keys.map(({ taskId, epoch, attempt }) => ({ taskId, epoch, attempt, reason }))
    return this.give({ kind: 'message', from: worker, message: { type: 'task/handBack', items } })
  }

  lose(peer: PeerId): Effects {
    this.up.delete(peer)
    return this.give({ kind: 'command', command: { type: 'coordinator/peerLost', peer } })
  }

  cancel(taskId: TaskId, from: PeerId): Effects {
    return this.give({ kind: 'message', from, message: { type: 'task/cancel', taskIds: [taskId] } })
  }

  get finished(): FinishedTask[] {
    return this.events('taskFinished').map((event) => event.finished)
  }

  /** Kill −9 and a new process on the same disk. Whoever was connected comes back by itself. */
  restart(): void {
    this.timers.clear()
    this.coordinator = this.#make()
    this.machine = this.coordinator
    this.coordinator.restore(rowsOf(this.disk))
    this.coordinator.restored(this.now)
  }

  #save(key: string, value: unknown): void {
    if (value === undefined) this.disk.delete(key)
    else this.disk.set(key, encodeCanonical(value))
  }

  #letGo(worker: PeerId, key: AttemptKey): void {
    const held = this.heldBy(worker)
    const at = held.findIndex((assignment) => sameAttempt(assignment, key))
    if (at >= 0) held.splice(at, 1)
  }
}
