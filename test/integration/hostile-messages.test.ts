import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { frameKinds, wantFrame } from '../../shared/host/blob-frames.ts'
import { Random } from '../../shared/kernel/random.ts'
import type { WireMessage } from '../../shared/peer/wire.ts'
import type { Admittance } from '../../shared/task/messages.ts'
import { endsOf, eventsOf, honestJob, squaresOf, squareTasks, squaring, upTo } from '../support/honest-job.ts'
import { frameOf } from '../support/host-parts.ts'
import type { HostileNode } from '../support/hostile-node.ts'
import { NodeRig, type RigNode, until } from '../support/node-rig.ts'
import { answerTo, assignmentOf } from '../support/task-fixtures.ts'
import { wireSamples } from '../support/wire-samples.ts'

const queueMax = 400
const numbers = upTo(12)

let rig: NodeRig
let relay: RigNode
let hostile: HostileNode
const agents: RigNode[] = []
let count = 0

beforeAll(async () => {
  rig = await NodeRig.create()
  relay = await rig.relay('relay', { queueMax })
  for (const name of ['agent-1', 'agent-2', 'agent-3']) {
    agents.push(await rig.agent(name, relay, squaring()))
  }
})
afterAll(async () => {
  await rig.close()
})

/** A new peer does its worst; the relay answers it or has cut it off, and honest work still comes out right. */
async function attack(doWorst: (node: HostileNode) => Promise<void>): Promise<void> {
  hostile = await rig.hostile(`hostile-${++count}`, relay)
  await hostile.present()
  await doWorst(hostile)
  const done = await honestJob(rig, relay, numbers, 20_000)
  expect(done.outputs).toEqual(squaresOf(numbers))
  expect(await relay.host.ask((peer) => peer.children.membership.size)).toBeGreaterThanOrEqual(agents.length)
  await hostile.stop()
}

const rejected = (reason: string): number =>
  relay.host.counters.of('messages_rejected_total').get(reason) ?? 0

/**
 * The relay's word that it has dealt with all that was said before: it answers a presence. The presence it says of
 * itself to a new peer asks for an answer and is none.
 */
async function isHeard(node: HostileNode): Promise<void> {
  const answers = () => node.heard.filter((message) => message.type === 'member/presence' && !message.reply)
  const before = answers().length
  await node.present('agent', true)
  await until('an answer', () => answers().length > before || !node.isUp)
}

const replies = (node: HostileNode): Admittance[] =>
  node.heard.flatMap((message) => (message.type === 'task/submitReply' ? message.items : []))

describe('SEC-01 a relay lives through', () => {
  test('garbage in frames of every kind and size', async () => {
    await attack(async (node) => {
      const random = new Random(1)
      for (let i = 0; i < 2_000; i++) {
        const frame = new Uint8Array(random.below(400))
        for (let at = 0; at < frame.length; at++) frame[at] = random.below(256)
        await node.sayRaw(frame)
      }
      for (const kind of Object.values(frameKinds)) {
        await node.sayRaw(new Uint8Array(4 * 1024 * 1024).fill(0x80).fill(kind, 0, 1))
        await node.sayRaw(Uint8Array.of(kind))
      }
      await isHeard(node)
      expect(rejected('malformed')).toBeGreaterThan(10)
    })
  })

  test('signed messages that are none, those with a type that has no text among them', async () => {
    await attack(async (node) => {
      const before = rejected('malformed')
      const payloads: unknown[] = [
        { type: { toString: 0, valueOf: 0 } },
        null,
        [],
        new Uint8Array(100_000),
        new Array(100_000).fill({}),
        { missingWorkers: { toString: 0 } },
        JSON.parse('{"__proto__":{"missingWorkers":1}}'),
      ]
      for (const payload of payloads) await node.say({ type: 'task/waiting' }, { payload })
      await isHeard(node)
      expect(rejected('malformed') - before).toBe(payloads.length)
    })
  })

  test('messages under bad signatures, from other networks, times and senders, and replays', async () => {
    await attack(async (node) => {
      const before = relay.host.counters.total('messages_rejected_total')
      const other = (await rig.identity('other')).crypto
      const offer = wireSamples['task/offer']
      const frame = await frameOf(node.crypto, relay.peerId, offer)
      await node.sayRaw(frame)
      await node.sayRaw(frame)
      await node.sayRaw(await frameOf(other, relay.peerId, offer))
      await node.sayRaw(await frameOf(other, relay.peerId, offer, { sender: node.peerId }))
      await node.say(offer, { networkId: 'cd'.repeat(32) as never })
      await node.say(offer, { time: Date.now() - 301_000 })
      await node.say(offer, { to: agents[0]!.peerId })
      await isHeard(node)
      expect(relay.host.counters.total('messages_rejected_total') - before).toBe(6)
      for (const reason of ['replay', 'invalid_signature', 'other_network', 'stale', 'not_for_us']) {
        expect(rejected(reason)).toBeGreaterThan(0)
      }
    })
  })

  test('every message that is not for a relay', async () => {
    await attack(async (node) => {
      const events = relay.events.length
      const strange: WireMessage['type'][] = [
        'task/assign',
        'task/settle',
        'task/committed',
        'task/submitReply',
        'task/waiting',
        'task/finished',
        'mesh/neighbours',
      ]
      for (const type of strange) await node.say(wireSamples[type])
      await isHeard(node)
      expect(relay.events.slice(events).filter(({ type }) => type.startsWith('task'))).toEqual([])
    })
  })

  test('a peer that says it is a relay', async () => {
    await attack(async (node) => {
      const second = await rig.hostile(`hostile-relay-${count}`, relay)
      await second.present('relay', true)
      await second.offer(4_096)
      await isHeard(second)
      await second.stop()
      await isHeard(node)
    })
  })

  test('floods of presence, of wants and of blobs nobody asked for', async () => {
    await attack(async (node) => {
      for (let i = 0; i < 600; i++) await node.present('agent', true)
      const wanted = (await squareTasks(relay, node.crypto, [1]))[0]!.task.programHash
      const want = wantFrame(wanted, 0, 1_000)
      for (let i = 0; i < 1_000; i++) await node.sayRaw(want)
      const blob = new Uint8Array(200_000).fill(frameKinds.chunk, 0, 1)
      for (let i = 0; i < 50; i++) await node.sayRaw(blob)
      await isHeard(node)
    })
  })
})

describe('TSK-09 answers that do not count', () => {
  test('for tasks that were never given, and under numbers of others', async () => {
    await attack(async (node) => {
      const { crypto } = await rig.identity('client')
      const items = await squareTasks(relay, crypto, numbers)
      const verdicts = eventsOf(relay, 'verdict').length
      await relay.host.submit(crypto.self, items)
      for (const attempt of [1, 2, 3, 4]) {
        for (const epoch of [1, 2, 1_000_000]) {
          await node.answer(items.map((item) => ({ ...answerTo(assignmentOf(item, attempt), '-1'), epoch })))
        }
      }
      const handBack = items.map(({ task }) => ({
        taskId: task.taskId,
        epoch: 1,
        attempt: 1,
        reason: 'host' as const,
      }))
      await node.say({ type: 'task/handBack', items: handBack })
      const taskIds = items.map(({ task }) => task.taskId)
      await node.say({ type: 'task/cancel', taskIds })
      await node.say({ type: 'task/finishedReceived', taskIds })
      const finished = await endsOf(relay, items)
      expect(finished.every(({ status }) => status === 'completed')).toBe(true)
      const voters = finished.flatMap(({ votes }) => votes.map(({ peerId }) => peerId))
      expect(voters).not.toContain(node.peerId)
      const judged = eventsOf(relay, 'verdict').slice(verdicts)
      expect(judged.every(({ worker, judged: how }) => worker !== node.peerId && how === 'agreed')).toBe(true)
    })
  })

  test('with votes that are not signed by who sends them', async () => {
    await attack(async (node) => {
      const before = rejected('invalid_signature')
      const [item] = await squareTasks(relay, node.crypto, [1])
      const answer = answerTo(assignmentOf(item!, 1), '1')
      await node.say({ type: 'task/answers', items: [answer], signature: new Uint8Array(64) } as WireMessage)
      await isHeard(node)
      expect(rejected('invalid_signature') - before).toBe(1)
    })
  })

  test('a second outcome for one attempt: the first stands, and the contradiction is told', async () => {
    await attack(async (node) => {
      const before = eventsOf(relay, 'badAnswer').length
      await node.offer(1)
      await isHeard(node)
      const { crypto } = await rig.identity('client')
      const items = await squareTasks(relay, crypto, upTo(30))
      await relay.host.submit(crypto.self, items)
      await until('an assignment', () => node.assignments().length > 0)
      const [mine] = node.assignments()
      await node.answerAs(mine!, '-1')
      await node.answerAs(mine!, '-2')
      await node.answerAs(mine!, '-2')
      await node.offer(0)
      const finished = await endsOf(relay, items)
      expect(finished.every(({ status }) => status === 'completed')).toBe(true)
      await isHeard(node)
      const told = eventsOf(relay, 'badAnswer').slice(before)
      expect(told.every(({ worker }) => worker === node.peerId)).toBe(true)
      const lies = eventsOf(relay, 'verdict').filter(({ worker }) => worker === node.peerId)
      expect(lies).toMatchObject([{ taskId: mine!.taskId, judged: 'disagreed' }])
    })
  })
})

describe('TSK-02 submissions that are refused', () => {
  test('tasks signed by somebody else, as their own or in their name', async () => {
    await attack(async (node) => {
      const { crypto } = await rig.identity('client')
      const [item] = await squareTasks(relay, crypto, [5])
      const accepted = eventsOf(relay, 'taskAccepted').length
      const before = rejected('invalid_signature')
      await node.say({ type: 'task/submit', items: [item!] })
      const task = { ...item!.task, submitter: node.peerId }
      await node.say({ type: 'task/submit', items: [{ ...item!, task }] })
      await isHeard(node)
      await until('a reply', () => replies(node).length === 1)
      expect(replies(node)).toMatchObject([{ accepted: false, code: 'NotSubmitter' }])
      expect(rejected('invalid_signature') - before).toBe(1)
      expect(eventsOf(relay, 'taskAccepted').length).toBe(accepted)
    })
  })

  test('a blob that its sender does not serve', async () => {
    await attack(async (node) => {
      const before = rejected('blob_missing')
      const [item] = await squareTasks(relay, node.crypto, [5])
      const input = { kind: 'blob', hash: item!.task.inputHash, sizeBytes: 9_000 } as const
      await node.say({ type: 'task/submit', items: [{ ...item!, input }] })
      await until('the refusal', () => rejected('blob_missing') > before)
      await isHeard(node)
    })
  })

  test('TSK-04 a flood of tasks fills the queue and no more: what is over is told so in these words', async () => {
    await attack(async (node) => {
      const items = await squareTasks(relay, node.crypto, upTo(4 * queueMax))
      for (let at = 0; at < items.length; at += 40) {
        await node.say({ type: 'task/submit', items: items.slice(at, at + 40) })
      }
      await until('all replies', () => replies(node).length === items.length)
      const refused = replies(node).filter(({ accepted }) => !accepted)
      expect(refused.length).toBeGreaterThan(0)
      for (const reply of refused) {
        expect(reply).toMatchObject({ code: 'QueueFull', message: 'Task queue full, try again later' })
      }
      const accepted = new Set(replies(node).flatMap((item) => (item.accepted ? [item.taskId] : [])))
      await endsOf(
        relay,
        items.filter(({ task }) => accepted.has(task.taskId)),
      )
    })
  })
})
