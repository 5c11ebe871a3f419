import { Run } from '../../shared/host/run.ts'
import type { PeerId, TaskId } from '../../shared/kernel/ids.ts'
import { Random } from '../../shared/kernel/random.ts'
import type { PeerEffect } from '../../shared/peer/inputs.ts'
import type { Peer } from '../../shared/peer/peer.ts'
import { makePeer } from '../../shared/peer/roles.ts'
import type { WireMessage } from '../../shared/peer/wire.ts'
import type { Store, StoreChange, StoreRow } from '../../shared/storage/store.ts'
import type { Assignment, AttemptKey, FinishedTask, Submission } from '../../shared/task/messages.ts'
import { sha256 } from '../sim/model-programs.ts'
import { rowsOf } from './stored-rows.ts'
import { answerTo, peerId } from './task-fixtures.ts'

export const submitter = peerId(1)
const relayId = peerId(100)
const nameOf = ({ taskId, attempt }: AttemptKey): string => `${taskId}/${attempt}`

/** A disk that outlives processes: batches are whole or not there. */
class Disk {
  readonly rows = new Map<string, Uint8Array>()

  apply(changes: readonly StoreChange[]): void {
    for (const { key, value } of changes) {
      if (value === undefined) this.rows.delete(key)
      else this.rows.set(key, value)
    }
  }
}

/** The store of one process: what was under way when it was killed is written whole or not at all, by chance. */
class ProcessStore implements Store {
  readonly consistency = 'strong'
  readonly #disk: Disk
  readonly #random: Random
  readonly #commitMsMax: number
  readonly #underWay = new Set<readonly StoreChange[]>()
  #killed = false

  constructor(disk: Disk, random: Random, commitMsMax: number) {
    this.#disk = disk
    this.#random = random
    this.#commitMsMax = commitMsMax
  }

  kill(): void {
    this.#killed = true
    for (const changes of this.#underWay) if (this.#random.below(2) === 0) this.#disk.apply(changes)
  }

  batch(changes: readonly StoreChange[]): Promise<void> {
    this.#underWay.add(changes)
    return new Promise((resolve) => {
      setTimeout(
        () => {
          if (this.#killed) return
          this.#underWay.delete(changes)
          this.#disk.apply(changes)
          resolve()
        },
        this.#random.below(this.#commitMsMax + 1),
      )
    })
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.#disk.rows.get(key)
  }

  async list(): Promise<StoreRow[]> {
    return [...this.#disk.rows].map(([key, value]) => ({ key, value }))
  }

  async close(): Promise<void> {}
}

interface Process {
  readonly peer: Peer
  readonly run: Run
  readonly store: ProcessStore
  isAlive: boolean
}

/**
 * A relay that can be killed at any moment and started again on the same disk, with workers that keep their answers
 * until told that they were taken, and a client that repeats what was not acknowledged. Time is that of fake timers.
 */
export class CrashingRelay {
  readonly disk = new Disk()
  readonly acknowledged = new Set<TaskId>()
  /** Ends as they were told, per task. */
  readonly ends = new Map<TaskId, FinishedTask[]>()
  /** Who was given each attempt, as it left the relay. */
  readonly given = new Map<string, PeerId>()
  readonly wrong: string[] = []
  readonly failures: unknown[] = []
  readonly #random: Random
  readonly #commitMsMax: number
  readonly #held = new Map<PeerId, Map<string, { readonly assignment: Assignment; answered: boolean }>>()
  #process: Process | undefined

  constructor(seed: number, workers: number, commitMsMax: number) {
    this.#random = new Random(seed)
    this.#commitMsMax = commitMsMax
    for (let i = 0; i < workers; i++) this.#held.set(peerId(10 + i), new Map())
  }

  start(): void {
    const peer = makePeer('relay', { self: relayId, version: 'test', relays: [], seed: 1, sha256 })
    const store = new ProcessStore(this.disk, this.#random, this.#commitMsMax)
    const rows = rowsOf(this.disk.rows)
    const parts = { peer, store, clock: () => Date.now() }
    const run: Run = new Run({
      ...parts,
      perform: (effect) => {
        if (process.isAlive) this.#left(effect)
      },
      failed: (error) => this.failures.push(error),
    })
    const process: Process = { peer, run, store, isAlive: true }
    peer.restore(rows)
    peer.restored(run.now)
    this.#process = process
    run.post({ kind: 'start' })
    for (const worker of this.#held.keys()) this.#greet(worker)
  }

  /** The process is gone at once; what it had begun to write may or may not be on the disk. */
  kill(): void {
    const process = this.#process
    if (process === undefined) return
    process.isAlive = false
    this.#process = undefined
    process.store.kill()
    // Its timers go with a process; here the loop has to be told.
    void process.run.stop()
  }

  /** One worker forgets all it held, as if its process had ended, too. */
  forgetOne(): void {
    const all = [...this.#held.values()]
    all[this.#random.below(all.length)]!.clear()
  }

  submit(items: readonly Submission[]): void {
    const command = { type: 'coordinator/submit', requestId: 1, from: submitter, items } as const
    this.#process?.run.post({ kind: 'command', command })
  }

  beat(): void {
    for (const worker of this.#held.keys()) this.#offer(worker)
  }

  isFinished(taskId: TaskId): boolean {
    return this.#process?.peer.children.coordinator?.finishedKeyOf(taskId) !== undefined
  }

  isKnown(taskId: TaskId): boolean {
    return this.isFinished(taskId) || this.#process?.peer.children.coordinator?.report(taskId) !== undefined
  }

  #greet(worker: PeerId): void {
    this.#process?.run.post({ kind: 'peerUp', peer: worker, direct: true, admission: null })
    this.#say(worker, {
      type: 'member/presence',
      kind: 'agent',
      version: 'test',
      slots: 2,
      running: 0,
      reply: false,
    })
    this.#offer(worker)
    for (const { assignment, answered } of this.#held.get(worker)!.values()) {
      if (answered) this.#answer(worker, assignment)
    }
  }

  #offer(worker: PeerId): void {
    const holding = [...this.#held.get(worker)!.values()].map(
      ({ assignment: { taskId, epoch, attempt } }) => ({
        taskId,
        epoch,
        attempt,
        runningMs: 0,
        progress: 0,
      }),
    )
    this.#say(worker, { type: 'task/offer', slots: 2, capacity: 6, holding })
  }

  #say(from: PeerId, message: WireMessage): void {
    this.#process?.run.post({ kind: 'message', from, message })
  }

  #answer(worker: PeerId, assignment: Assignment): void {
    const answer = answerTo(assignment, `answer to ${assignment.task.taskId}`)
    this.#say(worker, { type: 'task/answers', items: [answer], signature: new Uint8Array(64) })
  }

  #left(effect: Exclude<PeerEffect, { kind: 'save' | 'timer' }>): void {
    if (effect.kind === 'send') return this.#told(effect.to, effect.message)
    if (effect.kind === 'event' && effect.event.type === 'taskFinished') {
      const { finished } = effect.event
      this.ends.set(finished.task.taskId, [...(this.ends.get(finished.task.taskId) ?? []), finished])
      return
    }
    if (effect.kind !== 'ask' || effect.ask.type !== 'admittances') return
    for (const item of effect.ask.items) {
      if (item.accepted) this.acknowledged.add(item.taskId)
      else this.wrong.push(`${item.taskId} was refused: ${item.code}`)
    }
  }

  #told(worker: PeerId, message: WireMessage): void {
    const held = this.#held.get(worker)
    if (held === undefined) return
    if (message.type === 'task/assign') {
      for (const assignment of message.items) this.#assigned(worker, assignment)
      this.#offer(worker)
    } else if (message.type === 'task/settle') {
      for (const key of [...message.taken, ...message.dropped]) held.delete(nameOf(key))
    }
  }

  #assigned(worker: PeerId, assignment: Assignment): void {
    const name = nameOf(assignment)
    const before = this.given.get(name)
    if (before !== undefined && before !== worker) this.wrong.push(`attempt ${name} was given to two workers`)
    this.given.set(name, worker)
    const held = this.#held.get(worker)!
    if (held.has(name)) return
    const entry = { assignment, answered: false }
    held.set(name, entry)
    setTimeout(() => {
      entry.answered = true
      if (held.get(name) === entry) this.#answer(worker, assignment)
    }, this.#random.below(2_000))
  }
}
