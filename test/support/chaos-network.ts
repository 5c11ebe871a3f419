import { OpenPolicy } from '../../shared/access/open-policy.ts'
import { decodeCanonical, encodeCanonical } from '../../shared/kernel/codec.ts'
import type { Instant, PeerId, TaskId } from '../../shared/kernel/ids.ts'
import { type Effect, Outbox } from '../../shared/kernel/machine.ts'
import { Random } from '../../shared/kernel/random.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'
import type { PeerAsk, PeerEffect, PeerEvent } from '../../shared/peer/inputs.ts'
import type { WireMessage } from '../../shared/peer/wire.ts'
import { parseMessage } from '../../shared/peer/wire-shape.ts'
import { Coordinator } from '../../shared/task/coordinator.ts'
import { defaultCoordinatorConfig } from '../../shared/task/coordinator-ports.ts'
import type { FinishedTask, HandBackReason, ToSubmitter, ToWorker } from '../../shared/task/messages.ts'
import { defaultSubmitterConfig, Submitter } from '../../shared/task/submitter.ts'
import type { Task } from '../../shared/task/task.ts'
import { Worker } from '../../shared/task/worker.ts'
import { defaultWorkerConfig } from '../../shared/task/worker-ports.ts'
import { VoteVerifier } from '../../shared/verification/vote-verifier.ts'
import { modelRun, sha256 } from '../sim/model-programs.ts'
import { rowsOf } from './stored-rows.ts'
import { makeTask, peerId, startMs } from './task-fixtures.ts'

interface Parcel {
  readonly from: PeerId
  readonly to: PeerId
  readonly message: WireMessage
}

interface TestMachine {
  handle(input: never, now: Instant, out: never): void
}

/** A machine that is no coordinator: a worker or a submitter with its timers. */
export interface Node {
  readonly id: PeerId
  readonly machine: Worker | Submitter
  readonly timers: Map<string, Instant>
  /** Tasks of the runs under way. */
  readonly runs: Map<number, Task>
  readonly lies: boolean
  linked: boolean
}

/** The largest frame a peer takes, in bytes (SEC-08). */
const frameBytesMax = 64 * 1024

/**
 * One coordinator, some workers and submitters, and everything that can go wrong between them, one thing at a time
 * at the caller's choice. Ticks of the coordinator become durable when told; a crash loses those that are not, and
 * nothing of them has left (DESIGN, "Output commit").
 */
export class ChaosNetwork {
  now = startMs as Instant
  readonly random: Random
  readonly relay = peerId(1)
  readonly workers: Node[] = []
  readonly submitters: Node[] = []
  readonly bag: Parcel[] = []
  /** Ends that were announced, each durable. */
  readonly ends: FinishedTask[] = []
  readonly accepted = new Set<TaskId>()
  readonly received = new Map<TaskId, number>()
  /** Cancelled before they arrived: their submitters were told that nobody knows them. */
  readonly refused = new Set<TaskId>()
  coordinator: Coordinator
  readonly #timers = new Map<string, Instant>()
  #undurable: PeerEffect[][] = []
  readonly #disk = new Map<string, Uint8Array>()
  readonly #nodes = new Map<PeerId, Node>()
  #nextPeer = 10
  #nextTask = 1

  constructor(seed: number, workers: number, submitters: number) {
    this.random = new Random(seed)
    this.coordinator = this.#makeCoordinator()
    for (let n = 0; n < workers; n++) this.addWorker(n === 0)
    for (let n = 0; n < submitters; n++)
      this.submitters.push(this.#addNode(new Submitter(defaultSubmitterConfig), false))
  }

  addWorker(lies = false): void {
    const worker = new Worker(defaultWorkerConfig, sha256)
    const node = this.#addNode(worker, lies)
    this.workers.push(node)
    this.lend(node, 1 + (this.workers.length % 2))
  }

  lend(node: Node, slots: number): void {
    this.#give(node, { kind: 'command', command: { type: 'worker/lend', slots } })
  }

  /** The worker is gone for good; the coordinator learns of it, or its lease runs out. */
  removeWorker(at: number, noticed: boolean): void {
    const [node] = this.workers.splice(at, 1)
    this.#nodes.delete(node!.id)
    for (let i = this.bag.length - 1; i >= 0; i--) if (this.bag[i]!.to === node!.id) this.bag.splice(i, 1)
    if (noticed) this.#command({ type: 'coordinator/peerLost', peer: node!.id })
  }

  submit(at: number): void {
    const node = this.submitters[at % this.submitters.length]!
    const n = this.#nextTask++
    this.#give(node, {
      kind: 'command',
      command: { type: 'submitter/submit', items: [makeTask(n, { submitter: node.id })] },
    })
  }

  cancel(at: number, taskNumber: number): void {
    const node = this.submitters[at % this.submitters.length]!
    const { task } = makeTask(1 + (taskNumber % this.#nextTask))
    this.#give(node, { kind: 'command', command: { type: 'submitter/cancel', taskIds: [task.taskId] } })
  }

  deliver(at: number): void {
    const [parcel] = this.bag.splice(at, 1)
    if (parcel !== undefined) this.#arrive(parcel)
  }

  /** The oldest parcel of the same way as the one at this place. */
  deliverInOrder(at: number): void {
    const { from, to } = this.bag[at]!
    this.deliver(this.bag.findIndex((parcel) => parcel.from === from && parcel.to === to))
  }

  drop(at: number): void {
    this.bag.splice(at, 1)
  }

  duplicate(at: number): void {
    if (this.bag.length < 500) this.bag.push(this.bag[at]!)
  }

  /** Ticks so far are on disk: what they said may leave. */
  commit(ticks = Number.POSITIVE_INFINITY): void {
    for (const effects of this.#undurable.splice(0, ticks)) {
      for (const effect of effects) if (effect.kind === 'save') this.#save(effect.key, effect.value)
      for (const effect of effects) if (effect.kind !== 'save') this.#release(effect)
    }
  }

  advance(ms: number): void {
    const end = this.now + ms
    for (;;) {
      const due = this.#nextTimer()
      if (due === undefined || due.at > end) break
      this.now = Math.max(this.now, due.at) as Instant
      due.fire()
    }
    this.now = end as Instant
  }

  finishRun(node: Node, runId: number): void {
    const task = node.runs.get(runId)
    if (task === undefined) return
    node.runs.delete(runId)
    const lie = node.lies ? `lie ${this.random.hex(4)}` : undefined
    // Workers that find their runs short have the next ones begun ahead.
    const ms = this.random.below(3) === 0 ? this.random.below(5_000) : 1
    const ran = modelRun(task, this.now, this.random, lie, ms)
    this.#give(node, { kind: 'command', command: { type: 'worker/ran', runId, ran } })
  }

  failRun(node: Node, runId: number, reason: HandBackReason): void {
    if (!node.runs.delete(runId)) return
    this.#give(node, {
      kind: 'command',
      command: { type: 'worker/ran', runId, ran: { kind: 'none', reason } },
    })
  }

  /** Connections break and are made anew; frames under way are lost with them. */
  unlink(node: Node): void {
    if (!node.linked) return
    node.linked = false
    for (let i = this.bag.length - 1; i >= 0; i--) {
      if (this.bag[i]!.to === node.id || this.bag[i]!.from === node.id) this.bag.splice(i, 1)
    }
    this.#command({ type: 'coordinator/peerLost', peer: node.id })
    const role = node.machine instanceof Worker ? 'worker' : 'submitter'
    this.#give(node, { kind: 'command', command: { type: `${role}/peerLost`, peer: this.relay } })
  }

  link(node: Node): void {
    if (node.linked) return
    node.linked = true
    this.#command({ type: 'coordinator/peerUp', peer: node.id })
    const role = node.machine instanceof Worker ? 'worker' : 'submitter'
    this.#give(node, { kind: 'command', command: { type: `${role}/coordinatorUp`, peer: this.relay } })
  }

  /** Kill −9 of the coordinator, and a new one on its disk. */
  crash(): void {
    this.#undurable = []
    this.#timers.clear()
    for (let i = this.bag.length - 1; i >= 0; i--) if (this.bag[i]!.to === this.relay) this.bag.splice(i, 1)
    const nodes = [...this.workers, ...this.submitters]
    this.coordinator = this.#makeCoordinator()
    this.coordinator.restore(rowsOf(this.#disk))
    this.coordinator.restored(this.now)
    for (const node of nodes) {
      if (!node.linked) continue
      node.linked = false
      const role = node.machine instanceof Worker ? 'worker' : 'submitter'
      this.#give(node, { kind: 'command', command: { type: `${role}/peerLost`, peer: this.relay } })
    }
  }

  get open(): number {
    return this.submitters.reduce((sum, node) => sum + (node.machine as Submitter).open, 0)
  }

  #makeCoordinator(): Coordinator {
    return new Coordinator({
      config: defaultCoordinatorConfig,
      random: new Random(this.random.uint32()),
      sha256,
      standing: new OpenPolicy([]),
      reachability: {
        lenders: () => [],
        isUp: (peer) => this.#nodes.get(peer)?.linked ?? false,
        admissionOf: () => null,
      },
      verifier: new VoteVerifier(sha256),
    })
  }

  #addNode(machine: Worker | Submitter, lies: boolean): Node {
    const node: Node = {
      id: peerId(this.#nextPeer++),
      machine,
      timers: new Map(),
      runs: new Map(),
      lies,
      linked: false,
    }
    this.#nodes.set(node.id, node)
    this.link(node)
    return node
  }

  #arrive({ from, to, message }: Parcel): void {
    if (to === this.relay) return this.#tick({ kind: 'message', from, message })
    const node = this.#nodes.get(to)
    if (node !== undefined) this.#give(node, { kind: 'message', from, message })
  }

  #command(command: unknown): void {
    this.#tick({ kind: 'command', command })
  }

  #tick(input: unknown): void {
    const out = new Outbox<ToWorker | ToSubmitter, PeerEvent, PeerAsk>()
    ;(this.coordinator as TestMachine).handle(input as never, this.now, out as never)
    const waiting: PeerEffect[] = []
    for (const effect of out.take() as PeerEffect[]) {
      if (effect.kind === 'timer') setTimer(this.#timers, effect)
      else if (effect.kind === 'send' && effect.volatile) this.#release(effect)
      else waiting.push(effect)
    }
    this.#undurable.push(waiting)
  }

  #release(effect: PeerEffect): void {
    if (effect.kind === 'send') this.#post({ from: this.relay, to: effect.to, message: effect.message })
    if (effect.kind !== 'event') return
    if (effect.event.type === 'taskFinished') this.ends.push(effect.event.finished)
    if (effect.event.type === 'taskAccepted') this.accepted.add(effect.event.taskId)
  }

  #give(node: Node, input: unknown): void {
    const out = new Outbox<WireMessage, PeerEvent, PeerAsk>()
    ;(node.machine as TestMachine).handle(input as never, this.now, out as never)
    for (const effect of out.take()) this.#carryOut(node, effect)
    if (node.machine instanceof Worker && node.machine.running > Math.max(node.runs.size, node.machine.slots))
      throw new Error('a worker runs more than it lends')
  }

  #carryOut(node: Node, effect: PeerEffect): void {
    if (effect.kind === 'timer') setTimer(node.timers, effect)
    else if (effect.kind === 'send') this.#post({ from: node.id, to: effect.to, message: effect.message })
    else if (effect.kind === 'ask' && effect.ask.type === 'run')
      node.runs.set(effect.ask.runId, effect.ask.assignment.task)
    else if (effect.kind === 'ask' && effect.ask.type === 'stopRun') node.runs.delete(effect.ask.runId)
    else if (effect.kind === 'event') this.#note(effect.event)
  }

  #note(event: PeerEvent): void {
    if (event.type === 'submissionRefused') this.refused.add(event.taskId)
    if (event.type !== 'resultReceived') return
    const { taskId } = event.finished.task
    this.received.set(taskId, (this.received.get(taskId) ?? 0) + 1)
  }

  /** What leaves is of a form and a size that a peer takes; a broken link loses it. */
  #post(parcel: Parcel): void {
    const bytes = encodeCanonical(signed(parcel.message))
    const parsed = parseMessage(decodeCanonical(bytes))
    if (parsed instanceof Refusal) throw new Error(`${parcel.message.type}: ${parsed.message}`)
    if (bytes.length > frameBytesMax) throw new Error(`${parcel.message.type} of ${bytes.length} bytes`)
    const peer = parcel.from === this.relay ? parcel.to : parcel.from
    if (this.#nodes.get(peer)?.linked) this.bag.push({ ...parcel, message: parsed })
  }

  #save(key: string, value: unknown): void {
    if (value === undefined) this.#disk.delete(key)
    else this.#disk.set(key, encodeCanonical(value))
  }

  #nextTimer(): { readonly at: Instant; readonly fire: () => void } | undefined {
    let next: { at: Instant; fire: () => void } | undefined
    const look = (timers: Map<string, Instant>, give: (input: unknown) => void) => {
      for (const [key, at] of timers) {
        if (next !== undefined && next.at <= at) continue
        next = {
          at,
          fire: () => {
            timers.delete(key)
            give({ kind: 'timer', key })
          },
        }
      }
    }
    look(this.#timers, (input) => this.#tick(input))
    for (const node of this.#nodes.values()) look(node.timers, (input) => this.#give(node, input))
    return next
  }
}

function setTimer(
  timers: Map<string, Instant>,
  effect: Extract<Effect<never, never, never>, { kind: 'timer' }>,
): void {
  if (effect.at === undefined) timers.delete(effect.key)
  else timers.set(effect.key, effect.at)
}

/** A host writes the signatures when a message leaves. */
function signed(message: WireMessage): WireMessage {
  if (message.type !== 'task/answers') return message
  const signature = new Uint8Array(64)
  const items = message.items.map((item) => ({ ...item, commitment: { ...item.commitment!, signature } }))
  return { ...message, items, signature }
}
