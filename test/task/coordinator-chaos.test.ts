import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { TaskId } from '../../shared/kernel/ids.ts'
import type { FinishedTask } from '../../shared/task/messages.ts'
import type { Worker } from '../../shared/task/worker.ts'
import { trueOutputHash } from '../sim/model-programs.ts'
import { ChaosNetwork, type Node } from '../support/chaos-network.ts'
import { propertyRuns } from '../support/property-runs.ts'

type Step = readonly [what: number, which: number, how: number]
type Act = (net: ChaosNetwork, which: number, how: number) => void

const parcel =
  (act: (net: ChaosNetwork, at: number) => void): Act =>
  (net, which) => {
    if (net.bag.length > 0) act(net, which % net.bag.length)
  }
const worker =
  (act: (net: ChaosNetwork, node: Node, how: number) => void): Act =>
  (net, which, how) =>
    act(net, net.workers[which % net.workers.length]!, how)
const run = (act: (net: ChaosNetwork, node: Node, runId: number) => void): Act =>
  worker((net, node, how) => {
    const ids = [...node.runs.keys()]
    if (ids.length > 0) act(net, node, ids[how % ids.length]!)
  })
const anyNode =
  (act: (net: ChaosNetwork, node: Node) => void): Act =>
  (net, which) => {
    const nodes = [...net.workers, ...net.submitters]
    act(net, nodes[which % nodes.length]!)
  }

/** What may happen, with its weight. */
const acts: readonly (readonly [weight: number, act: Act])[] = [
  [24, parcel((net, at) => net.deliverInOrder(at))],
  [6, parcel((net, at) => net.deliver(at))],
  [4, parcel((net, at) => net.drop(at))],
  [4, parcel((net, at) => net.duplicate(at))],
  [12, (net, which) => net.commit(1 + (which % 4))],
  [4, (net) => net.commit()],
  [10, (net, which) => net.advance(which % 4_000)],
  [14, run((net, node, runId) => net.finishRun(node, runId))],
  [2, run((net, node, runId) => net.failRun(node, runId, 'host'))],
  [2, (net) => net.crash()],
  [
    2,
    (net, which, how) => {
      if (net.workers.length > 3) net.removeWorker(which % net.workers.length, how % 2 === 0)
      net.addWorker()
    },
  ],
  [6, (net, which) => net.submit(which)],
  [2, worker((net, node, how) => net.lend(node, how % 3))],
  [3, anyNode((net, node) => net.unlink(node))],
  [4, anyNode((net, node) => net.link(node))],
  [1, (net, which, how) => net.cancel(which, how)],
]
const wheel = acts.flatMap(([weight, act]) => Array.from({ length: weight }, () => act))

/** Everything works again, until nothing is open or patience ends. */
function calm(net: ChaosNetwork): void {
  for (const node of [...net.workers, ...net.submitters]) net.link(node)
  for (const node of net.workers) net.lend(node, 2)
  for (let turn = 0; turn < 600 && (net.open > 0 || turn < 20); turn++) {
    net.commit()
    for (let count = net.bag.length; count > 0; count--) net.deliver(0)
    for (const node of net.workers) for (const runId of [...node.runs.keys()]) net.finishRun(node, runId)
    net.advance(500)
  }
}

function checkEnd(finished: FinishedTask): void {
  if (finished.status !== 'completed') return
  expect(finished.outcome).toEqual({ kind: 'ok', outputHash: trueOutputHash(finished.task) })
  const voters = finished.votes.map((vote) => vote.peerId)
  expect(voters.length).toBeGreaterThanOrEqual(2)
  expect(new Set(voters).size).toBe(voters.length)
}

function live(steps: readonly Step[], seed: number): ChaosNetwork {
  const net = new ChaosNetwork(seed, 5, 2)
  for (const [what, which, how] of steps) wheel[what % wheel.length]!(net, which, how)
  calm(net)
  return net
}

const steps = fc.array(
  fc.tuple(fc.nat({ max: wheel.length - 1 }), fc.nat({ max: 9_999 }), fc.nat({ max: 99 })),
  {
    minLength: 40,
    maxLength: 400,
    size: 'max',
  },
)

test('TSK-14 whatever is lost, doubled, reordered or killed, no accepted task is lost and none ends twice', {
  timeout: 900_000,
}, () => {
  const ends: Record<string, number> = {}
  fc.assert(
    fc.property(steps, fc.nat(), (schedule, seed) => {
      const net = live(schedule, seed)
      const ended = new Map<TaskId, number>()
      for (const finished of net.ends) {
        checkEnd(finished)
        ended.set(finished.task.taskId, (ended.get(finished.task.taskId) ?? 0) + 1)
        ends[finished.status] = (ends[finished.status] ?? 0) + 1
      }
      for (const [, times] of ended) expect(times).toBe(1)
      for (const taskId of net.accepted) expect(ended.get(taskId)).toBe(1)
      for (const [, times] of net.received) expect(times).toBe(1)
      expect(net.open).toBe(0)
      const toBeReceived = [...ended.keys()].filter((taskId) => !net.refused.has(taskId))
      expect([...net.received.keys()].sort()).toEqual(toBeReceived.sort())
      for (const node of net.workers) expect((node.machine as Worker).running).toBe(0)
    }),
    propertyRuns(150),
  )
  // It is no proof if nothing came of it.
  expect(ends.completed).toBeGreaterThan(500)
})
