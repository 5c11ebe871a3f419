import type { PeerId, TaskId } from '../../shared/kernel/ids.ts'
import { Random } from '../../shared/kernel/random.ts'
import { trueOutputHash } from '../sim/model-programs.ts'
import { type RunOptions, run } from '../sim/run.ts'
import type { SimNode } from '../sim/sim-node.ts'
import { SimWatch } from './sim-watch.ts'

/** A network of `peers` in which everything happens at once; the seed says how much of each. */
export function faultsOf(seed: number, peers: number): RunOptions {
  const random = new Random(seed, 1_977)
  const share = (most: number): number => (random.below(4) === 0 ? 0 : most * random.unit())
  const steps = Array.from({ length: random.below(4) }, () => 1 + random.below(4_000))
  return {
    ...{ seed, peers, minutes: 0.75, rate: Number((peers / 30).toFixed(2)) },
    ...{ loss: share(0.1), churn: share(0.2), doubling: share(0.1), reordering: share(0.3) },
    ...{ liars: share(0.1), liarRings: random.below(3), slow: share(0.3), skewMs: random.below(2) * 240_000 },
    relayDiesBefore: steps,
    relayKills: random.below(3) === 0 ? [15 + random.below(40)] : [],
    onStart: (world, relay, crowd) => {
      for (let n = random.below(20); n > 0; n--) {
        const [second, which, ms] = [10 + random.below(50), random.below(10_000), 1_000 * random.below(60)]
        world.later(1_000 * second, () => {
          const node = n === 1 ? relay : crowd.live[which % Math.max(1, crowd.live.length)]
          if (node?.up) world.freeze(node, ms)
        })
      }
    },
  }
}

/** What a run under faults came to, and what was wrong with it. */
export interface FaultReport {
  readonly submitted: number
  readonly completed: number
  readonly failed: number
  readonly messages: number
  readonly faults: readonly string[]
}

/**
 * Runs a network and looks at it from outside: no accepted task is lost, none ends twice for its submitter, none is wrong
 * unless its voters colluded, no attempt is given to two workers, no honest worker disagrees, and when all calms down
 * nothing stays open.
 */
export function runUnderFaults(options: RunOptions): FaultReport {
  const watch = new SimWatch()
  const given = new GivenAttempts()
  let open = 0
  const report = run({
    ...options,
    onEvent: watch.note,
    onSend: given.note,
    onEnd: (world) => {
      world.runUntil(world.elapsedMs + 180_000)
      for (const node of world.nodes) if (node.up) open += node.peer.children.submitter?.open ?? 0
    },
  })
  const { submitted, completed, failed, messages } = report
  const faults: string[] = []
  if (report.lost > 0) faults.push(`${report.lost} lost`)
  if (watch.receivedTwice > 0) faults.push(`${watch.receivedTwice} ended twice for their submitters`)
  if (open > 0) faults.push(`${open} still open`)
  if (watch.badAnswers > 0) faults.push(`${watch.badAnswers} contradictory answers`)
  faults.push(...given.faults)
  for (const { task, status, outcome, votes } of watch.finished.values()) {
    if (status !== 'completed' || outcome?.kind !== 'ok' || outcome.outputHash === trueOutputHash(task))
      continue
    if (votes.some(({ peerId }) => !report.liarIds.has(peerId))) faults.push(`${task.taskId} is wrong`)
  }
  for (const [peer, { disagreed }] of watch.judged) {
    const byColluders = (options.liarRings ?? 1) !== 0 && (options.liars ?? 0) > 0
    if (disagreed > 0 && !report.liarIds.has(peer) && !byColluders) faults.push(`${peer} is blamed`)
  }
  return { submitted, completed, failed, messages, faults }
}

/** Every attempt a coordinator gives out, and to whom: never one to two. */
class GivenAttempts {
  readonly faults: string[] = []
  readonly #holders = new Map<string, PeerId>()

  readonly note: NonNullable<RunOptions['onSend']> = (from: SimNode, to: SimNode, message) => {
    if (message.type !== 'task/assign') return
    for (const { taskId, epoch, attempt } of message.items)
      this.#given(from.id, to.id, taskId, epoch, attempt)
  }

  #given(coordinator: PeerId, worker: PeerId, taskId: TaskId, epoch: number, attempt: number): void {
    const name = `${coordinator} ${taskId}/${epoch}/${attempt}`
    const holder = this.#holders.get(name)
    if (holder !== undefined && holder !== worker) this.faults.push(`${name} was given to two workers`)
    this.#holders.set(name, worker)
  }
}
