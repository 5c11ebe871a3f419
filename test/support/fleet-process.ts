import { Fleet } from '../../relay/fleet/fleet.ts'
import { relayPrefix } from '../../relay/fleet/fleet-rows.ts'
import { takeSeat } from '../../relay/fleet/seat.ts'
import { OwnedStore } from '../../relay/storage/owned-store.ts'
import { Run } from '../../shared/host/run.ts'
import { decodeCanonical } from '../../shared/kernel/codec.ts'
import type { PeerId, TaskId } from '../../shared/kernel/ids.ts'
import type { Row } from '../../shared/kernel/machine.ts'
import type { PeerEffect, PeerEvent } from '../../shared/peer/inputs.ts'
import { makePeer } from '../../shared/peer/roles.ts'
import type { WireMessage } from '../../shared/peer/wire.ts'
import type {
  Admittance,
  Assignment,
  AttemptKey,
  FinishedTask,
  Submission,
} from '../../shared/task/messages.ts'
import { sha256 } from '../sim/model-programs.ts'
import type { DiskProcess, SharedDisk } from './shared-disk.ts'
import { answerTo, peerId } from './task-fixtures.ts'

export interface FleetProcessParts {
  readonly disk: SharedDisk
  readonly process: DiskProcess
  readonly self: PeerId
  readonly leaseMs: number
  /** How long a worker takes for a task, in ms. */
  readonly runMs: () => number
  /** The end of a task was told. */
  readonly told: (finished: FinishedTask) => void
  readonly wrong: (what: string) => void
  /** The process ended by itself, as with code 1. */
  readonly ended: (error: unknown) => void
}

const workers = [11, 12, 13, 14].map(peerId)
const nameOf = ({ taskId, attempt }: AttemptKey): string => `${taskId}/${attempt}`

/** One relay of a fleet, of the parts a relay is made of: only network and server are models. Time is that of fake timers. */
export class FleetProcess {
  readonly parts: FleetProcessParts
  readonly #held = new Map(workers.map((worker) => [worker, new Map<string, Assignment>()]))
  readonly #replies = new Map<number, (items: readonly Admittance[]) => void>()
  readonly #adoptions = new Map<number, (adopted: Extract<PeerEvent, { type: 'adopted' }>) => void>()
  #requestId = 1
  #run: Run | undefined
  #owned: OwnedStore | undefined
  #fleet: Fleet | undefined
  #token = 0
  isDead = false
  hasJoined = false

  constructor(parts: FleetProcessParts) {
    this.parts = parts
  }

  /** A start that fails is an end, as with code 1. */
  async start(): Promise<void> {
    await this.#start().catch((error: unknown) => this.#end(error))
  }

  async #start(): Promise<void> {
    const { process, self, leaseMs } = this.parts
    const [rows, common] = [process.connect(), process.connect()]
    const log = (): void => undefined
    const lost = (error: unknown): void => this.#end(error)
    const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
    const lease = await takeSeat({ store: rows, self, leaseMs, log, wait })
    this.#token = lease.token
    const leave = async (): Promise<void> => undefined
    const owned = new OwnedStore({ store: rows, prefix: relayPrefix(self), lease, leave, lost })
    const peer = makePeer('relay', { self, version: 'test', relays: [], seed: 1, sha256 })
    const run = new Run({
      peer,
      store: owned,
      clock: Date.now,
      perform: (effect) => this.#left(effect),
      failed: lost,
    })
    const adopt = (adopted: readonly Row[]) => this.#adopt(run, adopted)
    const fleet = new Fleet({
      rows,
      common,
      self,
      lease,
      adopt,
      tasksAtATime: 5,
      log,
      failed: lost,
    })
    this.#run = run
    this.#owned = owned
    this.#fleet = fleet
    peer.restore((await owned.list('')).map(({ key, value }) => ({ key, value: decodeCanonical(value) })))
    peer.restored(run.now)
    await fleet.resume()
    run.post({ kind: 'start' })
    this.hasJoined = true
    for (const worker of workers) this.#greet(worker)
    await fleet.start({ url: `http://${self}`, multiaddrs: [] })
  }

  /** As by SIGKILL. */
  kill(): void {
    if (this.isDead) return
    this.isDead = true
    this.parts.process.kill()
    // Its timers go with a process; here they have to be told.
    void this.#run?.stop()
    void this.#fleet?.stop()
    void this.#owned?.close()
  }

  /** As over HTTP. Resolves to the tasks that were accepted; `elsewhere` when another relay has the job. */
  async submit(items: readonly Submission[]): Promise<readonly TaskId[] | 'elsewhere'> {
    const [fleet, run] = [this.#fleet!, this.#run!]
    const elsewhere = await fleet.claim(items.map(({ task }) => task.jobId ?? task.taskId))
    if (elsewhere.size > 0) return 'elsewhere'
    const requestId = this.#requestId++
    const admitted = await new Promise<readonly Admittance[]>((resolve) => {
      this.#replies.set(requestId, resolve)
      const from = items[0]!.task.submitter
      run.post({ kind: 'command', command: { type: 'coordinator/submit', requestId, from, items } })
    })
    for (const item of admitted)
      if (!item.accepted) this.parts.wrong(`${item.taskId} was refused: ${item.code}`)
    return admitted.filter(({ accepted }) => accepted).map(({ taskId }) => taskId)
  }

  beat(): void {
    if (this.hasJoined && !this.#isDeaf) for (const worker of workers) this.#offer(worker)
  }

  get #isDeaf(): boolean {
    return this.isDead || this.parts.process.isStanding
  }

  #end(error: unknown): void {
    if (this.isDead) return
    this.kill()
    this.parts.ended(error)
  }

  async #adopt(run: Run, rows: readonly Row[]): Promise<Extract<PeerEvent, { type: 'adopted' }>> {
    const requestId = this.#requestId++
    return await new Promise((resolve) => {
      this.#adoptions.set(requestId, resolve)
      run.post({ kind: 'command', command: { type: 'coordinator/adopt', requestId, rows } })
    })
  }

  /** What leaves the process. A message does so only while it is sure of its lease, as `NodeHost` sees to. */
  #left(effect: Exclude<PeerEffect, { kind: 'save' | 'timer' }>): void {
    if (this.#isDeaf) return
    if (effect.kind === 'send') {
      if (!this.#owned!.isSure) return
      const { disk, self, wrong } = this.parts
      const holder = disk.json(`lease/relay/${self}`) as { owner: PeerId | null; token: number }
      if (holder.owner !== self || holder.token !== this.#token)
        wrong(`${self} spoke after another took over`)
      return this.#told(effect.to, effect.message)
    }
    if (effect.kind === 'event') {
      const { event } = effect
      if (event.type === 'taskFinished') this.parts.told(event.finished)
      if (event.type === 'adopted') this.#adoptions.get(event.requestId)?.(event)
    } else if (effect.kind === 'ask' && effect.ask.type === 'admittances') {
      this.#replies.get(effect.ask.requestId)?.(effect.ask.items)
    }
  }

  // ——— workers: they keep answers until told that they were taken, and forget them when the process dies ———

  #greet(worker: PeerId): void {
    this.#run!.post({ kind: 'peerUp', peer: worker, direct: true, admission: null })
    const presence = { kind: 'agent', version: 'test', slots: 2, running: 0, reply: false } as const
    this.#say(worker, { type: 'member/presence', ...presence })
    this.#offer(worker)
  }

  #offer(worker: PeerId): void {
    const holding = [...this.#held.get(worker)!.values()].map(({ taskId, epoch, attempt }) => ({
      ...{ taskId, epoch, attempt },
      runningMs: 0,
      progress: 0,
    }))
    this.#say(worker, { type: 'task/offer', slots: 2, capacity: 6, holding })
  }

  #say(from: PeerId, message: WireMessage): void {
    if (!this.#isDeaf) this.#run!.post({ kind: 'message', from, message })
  }

  #told(worker: PeerId, message: WireMessage): void {
    const held = this.#held.get(worker)
    if (held === undefined) return
    if (message.type === 'task/settle') {
      for (const key of [...message.taken, ...message.dropped]) held.delete(nameOf(key))
    } else if (message.type === 'task/assign') {
      for (const assignment of message.items) {
        held.set(nameOf(assignment), assignment)
        setTimeout(() => this.#answer(worker, assignment), this.parts.runMs())
      }
      this.#offer(worker)
    }
  }

  #answer(worker: PeerId, assignment: Assignment): void {
    if (this.isDead || !this.#held.get(worker)!.has(nameOf(assignment))) return
    const answer = answerTo(assignment, `answer to ${assignment.task.taskId}`)
    this.#say(worker, { type: 'task/answers', items: [answer], signature: new Uint8Array(64) })
    setTimeout(() => this.#answer(worker, assignment), 3_000)
  }
}
