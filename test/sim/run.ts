import type { Instant, PeerId, TaskId } from '../../shared/kernel/ids.ts'
import type { PeerEvent } from '../../shared/peer/inputs.ts'
import type { WireMessage } from '../../shared/peer/wire.ts'
import type { FinishedTask } from '../../shared/task/messages.ts'
import { makeSubmission, trueOutputHash } from './model-programs.ts'
import type { SimNode } from './sim-node.ts'
import { World } from './world.ts'

export interface RunOptions {
  readonly seed: number
  readonly peers: number
  /** Virtual minutes during which tasks are submitted. */
  readonly minutes: number
  readonly loss: number
  /** Share of the peers that vanishes per virtual minute, each replaced by a new one. The relay stays. */
  readonly churn: number
  /** Tasks per second. */
  readonly rate: number
  /** Share of the peers that lies. */
  readonly liars?: number
  /** Rings of liars, each telling one lie: 1 unless said otherwise; 0 is every liar for itself. */
  readonly liarRings?: number
  /** Chances of a message to arrive twice, and to come late. */
  readonly doubling?: number
  readonly reordering?: number
  /** Share of the peers that computes ten times as slowly. */
  readonly slow?: number
  /** Clocks are wrong by up to this many ms, either way. */
  readonly skewMs?: number
  /** The relay dies before this step of all that it saves, sends and says, and starts again a second later; counted from 1. */
  readonly relayDiesBefore?: readonly number[]
  /** Sees every message as it leaves. */
  readonly onSend?: (from: SimNode, to: SimNode, message: WireMessage) => void
  /** Sees every event of every node. */
  readonly onEvent?: (event: PeerEvent, node: SimNode, now: Instant) => void
  /** Called once at the start: what else is to happen. */
  readonly onStart?: (world: World, relay: SimNode, crowd: Crowd) => void
  /** Called when nothing is open any more, or patience ended. */
  readonly onEnd?: (world: World, relay: SimNode, crowd: Crowd) => void
  /** Virtual seconds at which the relay is killed, to be started again 3 s later on its disk. */
  readonly relayKills?: readonly number[]
}

export interface RunReport {
  readonly seed: number
  readonly peers: number
  readonly minutes: number
  readonly loss: number
  readonly churn: number
  readonly rate: number
  readonly submitted: number
  readonly completed: number
  readonly failed: number
  readonly lost: number
  readonly duplicated: number
  readonly wrong: number
  readonly joins: number
  readonly leaves: number
  readonly messages: number
  readonly busyShare: number
  readonly digest: string
  readonly wallSeconds: number
  /** What the process computed in that time: on a machine that does other work, the fairer figure. */
  readonly cpuSeconds: number
  readonly memoryMiB: number
}

const minuteMs = 60_000
/** The first peers join over this time. */
const joinMs = 10_000
const drainMinutes = 5
const relayAwayMs = 3_000
const restartMs = 1_000
const slowness = 10

const skew = (world: World, { skewMs = 0 }: RunOptions): number =>
  skewMs === 0 ? 0 : world.random.below(2 * skewMs) - skewMs

const isEnd = (key: string): boolean => key.startsWith('coordinator/done/')

/** What became of the tasks, seen from outside the machines. */
class Outcomes {
  readonly accepted = new Set<TaskId>()
  /** By whom each task was ended. */
  readonly ends = new Map<TaskId, Set<PeerId>>()
  readonly received = new Map<TaskId, number>()
  completed = 0
  failed = 0
  wrong = 0
  duplicated = 0
  readonly judgedAgainst = new Map<PeerId, number>()

  note(event: PeerEvent, node: SimNode): void {
    // What a tab takes on for itself goes with it.
    if (event.type === 'taskAccepted' && node.kind === 'relay') this.accepted.add(event.taskId)
    else if (event.type === 'taskFinished') this.#finished(event.finished, node)
    else if (event.type === 'resultReceived') this.#reached(event.finished.task.taskId)
    else if (event.type === 'verdict' && event.judged !== 'agreed') {
      this.judgedAgainst.set(event.worker, (this.judgedAgainst.get(event.worker) ?? 0) + 1)
    }
  }

  /** Accepted, and ended for nobody: neither was it said, nor received, nor is it on the disk. */
  lost(relay: SimNode): number {
    const open = [...this.accepted].filter((taskId) => !this.ends.has(taskId) && !this.received.has(taskId))
    if (open.length === 0) return 0
    // A relay that died after it had written an end, and before it could say so, says it only to who asks.
    const done = new Set(
      [...relay.disk.keys()].filter(isEnd).map((key) => key.slice(key.lastIndexOf('/') + 1)),
    )
    return open.filter((taskId) => !done.has(taskId)).length
  }

  /**
   * Where a submitter took its task over from a relay that was away for long, both may come to an end: the second changes
   * nothing (TSK-14). That one coordinator ends a task twice is a fault.
   */
  #finished(finished: FinishedTask, node: SimNode): void {
    const { taskId } = finished.task
    const coordinators = this.ends.get(taskId) ?? new Set()
    const isFirst = coordinators.size === 0
    if (coordinators.has(node.id)) this.duplicated++
    this.ends.set(taskId, coordinators.add(node.id))
    if (isFirst && finished.status === 'completed') this.completed++
    else if (isFirst) this.failed++
    const right =
      finished.outcome?.kind === 'ok' && finished.outcome.outputHash === trueOutputHash(finished.task)
    if (finished.status === 'completed' && !right) this.wrong++
  }

  #reached(taskId: TaskId): void {
    const times = (this.received.get(taskId) ?? 0) + 1
    this.received.set(taskId, times)
    if (times > 1) this.duplicated++
  }
}

/** A network under load, churn and loss, in virtual time; then the drain. */
export function run(options: RunOptions): RunReport & {
  readonly judgedAgainst: ReadonlyMap<PeerId, number>
  readonly liarIds: ReadonlySet<PeerId>
  /** Steps at which the relay could have died. */
  readonly relaySteps: number
} {
  const startedAt = performance.now()
  const cpuBefore = process.cpuUsage()
  const outcomes = new Outcomes()
  const deaths = new Set(options.relayDiesBefore ?? [])
  let relaySteps = 0
  const world: World = new World({
    seed: options.seed,
    ...(options.onSend === undefined ? {} : { onSend: options.onSend }),
    diesBefore: (node) => {
      if (node.kind !== 'relay' || !deaths.has(++relaySteps)) return false
      world.later(restartMs, () => world.restart(node))
      return true
    },
    loss: options.loss,
    doubling: options.doubling ?? 0,
    reordering: options.reordering ?? 0,
    onEvent: (node, event, now) => {
      outcomes.note(event, node)
      options.onEvent?.(event, node, now)
    },
  })
  const relay = world.addNode('relay', { skewMs: skew(world, options) })
  const crowd = new Crowd(world, relay, options)
  crowd.arrive()
  crowd.work(outcomes)
  for (const second of options.relayKills ?? []) {
    world.later(second * 1_000, () => {
      world.kill(relay)
      world.later(relayAwayMs, () => world.restart(relay))
    })
  }
  options.onStart?.(world, relay, crowd)
  world.runUntil(options.minutes * minuteMs)
  const drainEnd = (options.minutes + drainMinutes) * minuteMs
  // Past the churn of the last second, until every accepted task is final.
  for (let at = options.minutes * minuteMs; at < drainEnd && outcomes.lost(relay) > 0; at += 1_000)
    world.runUntil(at + 1_000)
  options.onEnd?.(world, relay, crowd)
  world.closeAccounts()
  return {
    seed: options.seed,
    peers: options.peers,
    minutes: options.minutes,
    loss: options.loss,
    churn: options.churn,
    rate: options.rate,
    submitted: crowd.submitted,
    completed: outcomes.completed,
    failed: outcomes.failed,
    lost: outcomes.lost(relay),
    duplicated: outcomes.duplicated,
    wrong: outcomes.wrong,
    joins: crowd.joins,
    leaves: crowd.leaves,
    messages: world.messages,
    busyShare: Number((world.busyMs / Math.max(1, world.offeredMs)).toFixed(4)),
    digest: world.digest.end(),
    wallSeconds: Number(((performance.now() - startedAt) / 1_000).toFixed(2)),
    cpuSeconds: cpuSecondsSince(cpuBefore),
    memoryMiB: Math.round(process.memoryUsage().rss / 1_048_576),
    judgedAgainst: outcomes.judgedAgainst,
    liarIds: crowd.liarIds,
    relaySteps,
  }
}

function cpuSecondsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return Number(((user + system) / 1e6).toFixed(2))
}

/** The tabs of a run: they join, vanish, are replaced, and submit. */
export class Crowd {
  readonly #world: World
  readonly #relay: SimNode
  readonly #options: RunOptions
  readonly live: SimNode[] = []
  readonly liarIds = new Set<PeerId>()
  joins = 0
  leaves = 0
  submitted = 0

  constructor(world: World, relay: SimNode, options: RunOptions) {
    this.#world = world
    this.#relay = relay
    this.#options = options
  }

  arrive(): void {
    for (let i = 0; i < this.#options.peers; i++)
      this.#world.later(this.#world.random.below(joinMs), () => this.#join())
    if (this.#options.churn > 0) this.#leaveAfter(minuteMs / (this.#options.peers * this.#options.churn))
  }

  work(outcomes: Outcomes): void {
    void outcomes
    if (this.#options.rate > 0) this.#submitAfter(joinMs)
  }

  #join(): void {
    this.joins++
    const node = this.#world.addNode('tab', {
      slots: 1,
      relays: [this.#relay.id],
      skewMs: skew(this.#world, this.#options),
    })
    if (this.#options.slow !== undefined && this.#world.random.unit() < this.#options.slow)
      node.pace = slowness
    if (this.#world.random.unit() < (this.#options.liars ?? 0)) {
      const { liarRings = 1 } = this.#options
      node.lie = `lie of ${liarRings === 0 ? node.id : this.#world.random.below(liarRings)}`
      this.liarIds.add(node.id)
    }
    this.live.push(node)
  }

  #leaveAfter(everyMs: number): void {
    this.#world.later(everyMs, () => {
      this.#leaveAfter(everyMs)
      if (this.live.length === 0) return
      this.leaves++
      const at = this.#world.random.below(this.live.length)
      const node = this.live[at]!
      this.live[at] = this.live.at(-1)!
      this.live.pop()
      this.#world.vanish(node)
      this.#world.later(this.#world.random.below(5_000), () => this.#join())
    })
  }

  #submitAfter(ms: number): void {
    this.#world.later(ms, () => {
      if (this.#world.elapsedMs >= this.#options.minutes * minuteMs) return
      this.#submit()
      const meanMs = 1_000 / this.#options.rate
      this.#submitAfter(-Math.log(1 - this.#world.random.unit()) * meanMs)
    })
  }

  #submit(): void {
    if (this.live.length === 0) return
    const node = this.live[this.#world.random.below(this.live.length)]!
    this.submitted++
    const item = makeSubmission(node.id, this.#world.now, this.#world.random)
    this.#world.input(node, { kind: 'command', command: { type: 'submitter/submit', items: [item] } })
  }
}
