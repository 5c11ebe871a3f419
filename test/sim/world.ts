import { Heap } from '../../shared/kernel/heap.ts'
import type { Instant, PeerId } from '../../shared/kernel/ids.ts'
import { Random } from '../../shared/kernel/random.ts'
import type { NodeKind } from '../../shared/membership/membership.ts'
import type { PeerAsk, PeerEffect, PeerEvent, PeerInput } from '../../shared/peer/inputs.ts'
import { makePeer } from '../../shared/peer/roles.ts'
import type { WireMessage } from '../../shared/peer/wire.ts'
import type { CoordinatorConfig } from '../../shared/task/coordinator-ports.ts'
import { durationMs, modelRun, sha256 } from './model-programs.ts'
import { SimNode } from './sim-node.ts'
import { TraceDigest } from './trace-digest.ts'

export interface WorldConfig {
  readonly seed: number
  /** Chance that any one message vanishes. */
  readonly loss: number
  /** Chance that any one message arrives twice. */
  readonly doubling?: number
  /** Chance that any one message comes up to half a second late, and those sent after it before it. */
  readonly reordering?: number
  /** Virtual time of a group commit. */
  readonly commitMs?: number
  readonly coordinator?: Partial<CoordinatorConfig>
  readonly onEvent?: (node: SimNode, event: PeerEvent, now: Instant) => void
  /** Asked before each step of carrying out a tick: all its saves at once, then each message and event. True kills the node there. */
  readonly diesBefore?: (node: SimNode) => boolean
  /** Sees every message as it leaves; for checkers. */
  readonly onSend?: (from: SimNode, to: SimNode, message: WireMessage) => void
}

/** Virtual time starts here, so that ISO texts have one length. */
const epoch = Date.UTC(2030, 0, 1)
/** A peer that vanishes without a word is noticed by its connections' keepalive within this. */
const noticeMs = { min: 10_000, max: 30_000 }
const dialFailsMs = 6_000
const lateMsMax = 500

type SimEvent = () => void

/**
 * A network in virtual time: real peer machines on modelled hosts. Latency, loss and disks are modelled; signatures
 * are taken as given, since a host verifies them before a machine sees a message.
 *
 * Invariants: (1) one seed gives one trace: every choice comes from `random`, every event from the heap; (2) effects
 * of a tick leave after the saves of it and of all earlier ticks are durable, volatile ones at once.
 */
export class World {
  readonly config: WorldConfig
  readonly random: Random
  readonly digest = new TraceDigest()
  readonly nodes: SimNode[] = []
  readonly #heap = new Heap<SimEvent>()
  readonly #byId = new Map<PeerId, SimNode>()
  now = epoch as Instant
  /** Time of the event that runs, fractions and all: rates of outside happenings do not drift by rounding. */
  #exactNow: number = epoch
  messages = 0
  busyMs = 0
  offeredMs = 0

  constructor(config: WorldConfig) {
    this.config = config
    this.random = new Random(config.seed)
  }

  /** Virtual milliseconds since the start. */
  get elapsedMs(): number {
    return this.now - epoch
  }

  node(id: PeerId): SimNode | undefined {
    return this.#byId.get(id)
  }

  addNode(
    kind: NodeKind,
    options: {
      readonly slots?: number
      readonly relays?: readonly PeerId[]
      readonly skewMs?: number
    } = {},
  ): SimNode {
    const id = `12D3KooW${this.#base58(44)}` as PeerId
    const node = new SimNode(id, kind, this.#makePeer(id, kind, options.relays ?? []), this.now)
    node.skewMs = options.skewMs ?? 0
    this.nodes.push(node)
    this.#byId.set(id, node)
    this.input(node, { kind: 'start' })
    this.lend(node, options.slots ?? 0)
    return node
  }

  lend(node: SimNode, slots: number): void {
    this.#countOffered(node)
    node.slots = slots
    this.input(node, { kind: 'command', command: { type: 'worker/lend', slots } })
  }

  #clockOf(node: SimNode): Instant {
    return (this.now + node.skewMs) as Instant
  }

  /** Schedules an outside happening. */
  later(ms: number, happening: () => void): void {
    this.#heap.add(this.#exactNow + ms, happening)
  }

  /** Runs until the virtual time, or until nothing is left. */
  runUntil(elapsedMs: number): void {
    const end = epoch + elapsedMs
    for (let time = this.#heap.nextKey; time !== undefined && time <= end; time = this.#heap.nextKey) {
      const event = this.#heap.take()!
      this.#exactNow = time
      // A host's clock has whole milliseconds.
      this.now = Math.max(this.now, Math.ceil(time)) as Instant
      event()
    }
    this.now = Math.max(this.now, end) as Instant
    this.#exactNow = this.now
  }

  /** The node is gone without a word; its connections notice later. */
  vanish(node: SimNode): void {
    if (!node.up) return
    this.#stop(node)
    for (const other of node.lanes.keys()) {
      const ms = noticeMs.min + this.random.below(noticeMs.max - noticeMs.min)
      this.#at(other, this.now + ms, () => this.#disconnect(other, node))
    }
    node.lanes.clear()
    this.#byId.delete(node.id)
  }

  /** Kill −9: memory and what was not durable are lost, connections break at once. */
  kill(node: SimNode): void {
    if (!node.up) return
    this.#stop(node)
    for (const other of [...node.lanes.keys()]) {
      this.#at(other, this.now + 5, () => this.#disconnect(other, node))
    }
    node.lanes.clear()
  }

  /** The node stands still, as a tab in the background: what comes meanwhile waits, and its connections stay. */
  freeze(node: SimNode, ms: number): void {
    node.frozenUntil = this.now + ms
    this.#heap.add(node.frozenUntil, () => this.input(node, { kind: 'resumed', gapMs: ms }))
  }

  /** Starts a killed node on its disk. */
  restart(node: SimNode, relays: readonly PeerId[] = []): void {
    if (node.up) return
    node.up = true
    node.joinedAt = this.now
    node.peer = this.#makePeer(node.id, node.kind, relays)
    node.peer.restore(node.rows())
    node.peer.restored(this.#clockOf(node))
    this.input(node, { kind: 'start' })
    this.lend(node, node.slots)
  }

  /** One tick of a node: its machine runs, its effects are carried out. */
  input(node: SimNode, input: PeerInput): void {
    if (!node.up) return
    node.peer.handle(input, this.#clockOf(node), node.outbox)
    const effects = node.outbox.take()
    this.digest.add(this.now)
    this.digest.add(node.id)
    this.digest.add(input)
    this.digest.add(effects)
    this.#commit(node, effects)
  }

  /** Sums up the capacity offered until now; call once at the end. */
  closeAccounts(): void {
    for (const node of this.nodes) this.#countOffered(node)
  }

  #makePeer(id: PeerId, kind: NodeKind, relays: readonly PeerId[]) {
    return makePeer(kind, {
      self: id,
      version: 'sim',
      relays,
      seed: this.random.uint32(),
      sha256,
      ...(this.config.coordinator === undefined ? {} : { coordinator: this.config.coordinator }),
    })
  }

  #stop(node: SimNode): void {
    this.#countOffered(node)
    for (const startedAt of node.runs.values()) this.busyMs += this.now - startedAt
    node.runs.clear()
    node.timers.clear()
    node.up = false
    node.life++
    node.frozenUntil = 0
    node.durableAt = 0
  }

  #countOffered(node: SimNode): void {
    if (node.up) this.offeredMs += node.slots * (this.now - node.joinedAt)
    node.joinedAt = this.now
  }

  #commit(node: SimNode, effects: readonly PeerEffect[]): void {
    const saves = effects.some((effect) => effect.kind === 'save')
    if (saves) node.durableAt = Math.max(node.durableAt, this.now + (this.config.commitMs ?? 2))
    if (node.durableAt <= this.now) return this.#carryOutAll(node, effects)
    const waiting: PeerEffect[] = []
    for (const effect of effects) {
      const waits =
        effect.kind === 'save' || effect.kind === 'event' || (effect.kind === 'send' && !effect.volatile)
      if (waits) waiting.push(effect)
      else this.#carryOut(node, effect)
    }
    this.#at(node, node.durableAt, () => this.#carryOutAll(node, waiting))
  }

  /** The saves of a tick are one batch: all are durable or none is. */
  #carryOutAll(node: SimNode, effects: readonly PeerEffect[]): void {
    const saves = effects.filter((effect) => effect.kind === 'save')
    if (saves.length > 0) {
      if (this.#dies(node)) return
      for (const save of saves) this.#carryOut(node, save)
    }
    for (const effect of effects) {
      if (effect.kind === 'save') continue
      if ((effect.kind === 'send' || effect.kind === 'event') && this.#dies(node)) return
      this.#carryOut(node, effect)
    }
  }

  #dies(node: SimNode): boolean {
    if (this.config.diesBefore?.(node) !== true) return false
    this.kill(node)
    return true
  }

  #carryOut(node: SimNode, effect: PeerEffect): void {
    switch (effect.kind) {
      case 'send':
        return this.#send(node, effect.to, effect.message)
      case 'save':
        if (effect.value === undefined) node.disk.delete(effect.key)
        else node.disk.set(effect.key, effect.value)
        return
      case 'timer':
        return this.#setTimer(node, effect.key, effect.at)
      case 'event':
        return this.config.onEvent?.(node, effect.event, this.now)
      case 'ask':
        return this.#ask(node, effect.ask)
      case 'publish':
        return
    }
  }

  #send(node: SimNode, to: PeerId, message: WireMessage): void {
    const target = this.#byId.get(to)
    const lane = target === undefined ? undefined : node.lanes.get(target)
    this.messages++
    if (target === undefined || lane === undefined) return
    this.config.onSend?.(node, target, message)
    if (this.config.loss > 0 && this.random.unit() < this.config.loss) return
    const { doubling = 0, reordering = 0 } = this.config
    const copies = doubling > 0 && this.random.unit() < doubling ? 2 : 1
    for (let copy = 0; copy < copies; copy++) {
      const latency = lane.latencyMs * (0.9 + 0.3 * this.random.unit())
      lane.arrivesAt = Math.max(lane.arrivesAt, this.now + latency)
      const late = reordering > 0 && this.random.unit() < reordering ? this.random.below(lateMsMax) : 0
      this.#at(target, lane.arrivesAt + late, () => {
        if (node.lanes.has(target) || !node.up)
          this.input(target, { kind: 'message', from: node.id, message })
      })
    }
  }

  #setTimer(node: SimNode, key: string, at: Instant | undefined): void {
    if (at === undefined) {
      node.timers.delete(key)
      return
    }
    node.timers.set(key, at)
    this.#at(node, at - node.skewMs, () => {
      if (node.timers.get(key) !== at) return
      node.timers.delete(key)
      this.input(node, { kind: 'timer', key })
    })
  }

  #ask(node: SimNode, ask: PeerAsk): void {
    switch (ask.type) {
      case 'run': {
        const { task } = ask.assignment
        node.runs.set(ask.runId, this.now)
        const runMs = Math.ceil(node.pace * durationMs(task))
        return this.#at(node, this.now + runMs, () => {
          const startedAt = node.runs.get(ask.runId)
          if (startedAt === undefined) return
          this.#endRun(node, ask.runId, startedAt)
          const ran = modelRun(task, this.#clockOf(node), this.random, node.lie, runMs)
          this.input(node, { kind: 'command', command: { type: 'worker/ran', runId: ask.runId, ran } })
        })
      }
      case 'stopRun': {
        const startedAt = node.runs.get(ask.runId)
        if (startedAt !== undefined) this.#endRun(node, ask.runId, startedAt)
        return
      }
      case 'dialRelay':
        return this.#dial(node, ask.relay as PeerId, (peer) =>
          this.input(node, {
            kind: 'command',
            command: { type: 'topology/relayDialed', relay: ask.relay, peer },
          }),
        )
      case 'dialPeer':
        return this.#dial(node, ask.peer, (peer) => {
          if (peer !== undefined) return
          this.input(node, { kind: 'command', command: { type: 'topology/dialFailed', peer: ask.peer } })
        })
      case 'archive':
        return this.input(node, {
          kind: 'command',
          command: { type: 'coordinator/archived', keys: ask.keys },
        })
      case 'hangUp': {
        const other = this.#byId.get(ask.peer)
        if (other === undefined) return
        this.#disconnect(node, other)
        this.#at(other, this.now + 50, () => this.#disconnect(other, node))
        return
      }
      case 'admittances':
        return
    }
  }

  #endRun(node: SimNode, runId: number, startedAt: number): void {
    node.runs.delete(runId)
    this.busyMs += this.now - startedAt
  }

  /** A connection takes three ways to and fro; it fails when the far end is gone. */
  #dial(node: SimNode, to: PeerId, done: (peer: PeerId | undefined) => void): void {
    const latencyMs = 5 + this.random.below(60)
    const target = this.#byId.get(to)
    const life = target?.life
    this.#at(node, this.now + 6 * latencyMs, () => {
      if (target === undefined || !target.up || target.life !== life) {
        return this.#at(node, this.now + dialFailsMs, () => done(undefined))
      }
      this.#connect(node, target, latencyMs)
      this.#connect(target, node, latencyMs)
      done(to)
    })
  }

  #connect(node: SimNode, other: SimNode, latencyMs: number): void {
    if (node.lanes.has(other)) return
    node.lanes.set(other, { latencyMs, arrivesAt: 0 })
    this.input(node, { kind: 'peerUp', peer: other.id, direct: true, admission: null })
  }

  #disconnect(node: SimNode, from: SimNode): void {
    if (node.lanes.delete(from)) this.input(node, { kind: 'peerDown', peer: from.id })
  }

  /** Something that happens to a node in this life of it, or not at all. */
  #at(node: SimNode, time: number, happening: () => void): void {
    const { life } = node
    this.#heap.add(time, () => {
      if (node.life !== life || !node.up) return
      if (node.frozenUntil > this.now) this.#at(node, node.frozenUntil, happening)
      else happening()
    })
  }

  #base58(length: number): string {
    const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
    let text = ''
    for (let i = 0; i < length; i++) text += alphabet[this.random.below(58)]
    return text
  }
}
