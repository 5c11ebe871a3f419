import { afterEach, beforeEach, expect, test } from 'vitest'
import type { PeerId } from '../../shared/kernel/ids.ts'
import { endsOf, eventsOf, honestJob, squaresOf, squareTasks, squaring, upTo } from '../support/honest-job.ts'
import type { HostileNode } from '../support/hostile-node.ts'
import { NodeRig, type RigNode, until } from '../support/node-rig.ts'

let rig: NodeRig
let relay: RigNode

beforeEach(async () => {
  rig = await NodeRig.create()
  relay = await rig.relay()
})
afterEach(async () => {
  await rig.close()
})

async function honestAgents(count: number, runMs = 5): Promise<RigNode[]> {
  const agents: RigNode[] = []
  for (let n = 1; n <= count; n++) agents.push(await rig.agent(`agent-${n}`, relay, squaring({ runMs })))
  return agents
}

/** How a worker's answers were judged. */
const judged = (worker: PeerId) => {
  const counts = { agreed: 0, disagreed: 0, noQuorum: 0 }
  for (const event of eventsOf(relay, 'verdict')) if (event.worker === worker) counts[event.judged]++
  return counts
}

/** A worker that takes whatever it is given, says what `say` says, and never answers unless told to. */
async function idler(name: string, capacity: number): Promise<HostileNode> {
  const node = await rig.hostile(name, relay)
  await node.present()
  await node.offer(capacity)
  return node
}

async function workersOf(): Promise<number> {
  return await relay.host.ask((peer) => peer.children.coordinator!.counts().workers.count)
}

async function untilWorkers(count: number): Promise<void> {
  let now = 0
  const look = async (): Promise<void> => {
    now = await workersOf()
  }
  await until(`${count} workers`, () => {
    void look()
    return now >= count
  })
}

test('TSK-10 one that lies about every result is outvoted and named, and the job is right', async () => {
  const agents = await honestAgents(3)
  const liar = await rig.agent('liar', relay, squaring({ runMs: 5, lie: (right) => right + 1 }))
  await untilWorkers(4)
  const numbers = upTo(80)
  const done = await honestJob(rig, relay, numbers)
  expect(done.outputs).toEqual(squaresOf(numbers))
  const voters = new Set(done.finished.flatMap(({ votes }) => votes.map(({ peerId }) => peerId)))
  expect(voters.has(liar.peerId)).toBe(false)
  expect(judged(liar.peerId)).toMatchObject({ agreed: 0, noQuorum: 0 })
  expect(judged(liar.peerId).disagreed).toBeGreaterThan(0)
  for (const { peerId } of agents) expect(judged(peerId)).toMatchObject({ disagreed: 0, noQuorum: 0 })
  const counts = await relay.host.ask((peer) => peer.children.coordinator!.counts())
  expect(Object.keys(counts.disagreements)).toEqual([liar.peerId])
})

test('TSK-09 two that tell the same lie may be a quorum of three: then they stand in the receipt, and nobody else', async () => {
  await honestAgents(3)
  const lie = (right: number): number => -right
  const liars = [
    await rig.agent('liar-1', relay, squaring({ runMs: 400, lie })),
    await rig.agent('liar-2', relay, squaring({ runMs: 400, lie })),
  ]
  await untilWorkers(5)
  const numbers = upTo(30)
  const done = await honestJob(rig, relay, numbers)
  // What the design says it is worth: keys, not people. What is said of them must be true either way.
  for (const [at, { votes, status }] of done.finished.entries()) {
    expect(status).toBe('completed')
    const isLie = done.outputs[at] !== squaresOf(numbers)[at]
    const byLiars = votes.filter(({ peerId }) => liars.some((liar) => liar.peerId === peerId)).length
    expect(byLiars).toBe(isLie ? votes.length : 0)
  }
})

test('TSK-06 one that vanishes in the midst of its work: it goes to others at once, and the job is right', async () => {
  await honestAgents(3, 20)
  const node = await idler('vanishing', 6)
  await untilWorkers(4)
  const { crypto } = await rig.identity('client')
  const items = await squareTasks(relay, crypto, upTo(60))
  await relay.host.submit(crypto.self, items)
  await until('some work for it', () => node.assignments().length >= 3)
  await node.offer(6, node.assignments(), 0)
  node.vanish()
  const finished = await endsOf(relay, items, 20_000)
  expect(finished.every(({ status }) => status === 'completed')).toBe(true)
  const lost = eventsOf(relay, 'attemptLost').filter(({ worker }) => worker === node.peerId)
  expect(lost.length).toBeGreaterThanOrEqual(3)
  expect(new Set(lost.map(({ reason }) => reason))).toEqual(new Set(['leaseLost']))
  expect(await workersOf()).toBe(3)
})

test('TSK-06 one that offers 4,096 places and never says a word costs three honest ones nothing', async () => {
  await honestAgents(3)
  const node = await idler('silent', 4_096)
  await untilWorkers(4)
  const numbers = upTo(60)
  const done = await honestJob(rig, relay, numbers)
  expect(done.outputs).toEqual(squaresOf(numbers))
  // Two equal answers are enough: nobody waits for the five seconds in which it might still acknowledge.
  expect(done.ms).toBeLessThan(5_000)
  expect(node.assignments().length).toBeGreaterThan(0)
})

test('TSK-06 two that never acknowledge are passed over after five seconds', async () => {
  await honestAgents(3)
  const nodes = [await idler('silent-1', 3), await idler('silent-2', 3)]
  await untilWorkers(5)
  const numbers = upTo(20)
  const done = await honestJob(rig, relay, numbers, 60_000)
  expect(done.outputs).toEqual(squaresOf(numbers))
  // Copies of what they sit on may be faster than the five seconds; what is then wanted no more is nobody's loss.
  const lost = eventsOf(relay, 'attemptLost').filter(({ reason }) => reason !== 'cancelled')
  const silent = nodes.map(({ peerId }) => peerId)
  expect(lost.every(({ worker, reason }) => silent.includes(worker) && reason === 'unacknowledged')).toBe(
    true,
  )
})

test('TSK-06 one that accepts, heartbeats for ever and never answers keeps no task from its end', async () => {
  await honestAgents(3)
  const node = await idler('dawdler', 64)
  node.onMessage = ({ type }) => {
    if (type === 'task/assign') void node.offer(64, node.assignments(), 0)
  }
  await untilWorkers(4)
  const numbers = upTo(60)
  const done = await honestJob(rig, relay, numbers)
  expect(done.outputs).toEqual(squaresOf(numbers))
  expect(done.ms).toBeLessThan(5_000)
  expect(eventsOf(relay, 'attemptLost')).toEqual([])
})

test('TSK-06 two that take all they can and sit on it hold up a few tasks for a lease, not the others', async () => {
  await honestAgents(3)
  for (const name of ['hoarder-1', 'hoarder-2']) {
    const node = await idler(name, 4_096)
    node.onMessage = ({ type }) => {
      if (type === 'task/assign') void node.offer(4_096, node.assignments(), null)
    }
  }
  await untilWorkers(5)
  const numbers = upTo(60)
  const job = honestJob(rig, relay, numbers, 60_000)
  // A stranger is trusted with 8 attempts: at most 8 tasks can have both of them among their three workers.
  await until('the tasks that are not held up', () => eventsOf(relay, 'taskFinished').length >= 52, 10_000)
  const done = await job
  expect(done.outputs).toEqual(squaresOf(numbers))
})
