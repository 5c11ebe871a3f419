import { describe, expect, test } from 'vitest'
import { encodeCanonical } from '../../../shared/kernel/codec.ts'
import { Refusal } from '../../../shared/kernel/refusal.ts'
import { parseMessage } from '../../../shared/peer/wire-shape.ts'
import { SimWatch } from '../../support/sim-watch.ts'
import { makeSubmission } from '../model-programs.ts'
import { run } from '../run.ts'
import type { SimNode } from '../sim-node.ts'
import { World, type WorldConfig } from '../world.ts'

/** A relay and some tabs that lend one slot each, given time to find one another. */
function smallWorld(tabs: number, config: Partial<WorldConfig> = {}) {
  const watch = new SimWatch()
  const world = new World({ seed: 5, loss: 0, onEvent: (_node, event) => watch.note(event), ...config })
  const relay = world.addNode('relay')
  const nodes = Array.from({ length: tabs }, () => world.addNode('tab', { slots: 1, relays: [relay.id] }))
  world.runUntil(5_000)
  const submit = (node: SimNode, count: number) => {
    const items = Array.from({ length: count }, () => makeSubmission(node.id, world.now, world.random))
    world.input(node, { kind: 'command', command: { type: 'submitter/submit', items } })
    return items.map((item) => item.task.taskId)
  }
  const pass = (ms: number) => world.runUntil(world.elapsedMs + ms)
  const report = () => relay.peer.children.coordinator!.counts()
  return { world, watch, relay, nodes, submit, pass, report }
}

const statuses = (watch: SimWatch) => [...watch.finished.values()].map((finished) => finished.status)

describe('TSK-06 three workers', () => {
  test('one vanishes mid-task: the work waits for another, the submitter is told, and it ends right', () => {
    const missing: number[] = []
    const watch = new SimWatch()
    const net = smallWorld(3, {
      onEvent: (_node, event) => {
        watch.note(event)
        if (event.type === 'workersMissing') missing.push(event.missingWorkers)
      },
    })
    const [submitter, , leaver] = net.nodes as [SimNode, SimNode, SimNode]
    const ids = net.submit(submitter, 20)
    net.pass(10_000)
    expect(watch.finished.size).toBeGreaterThan(0)
    net.world.vanish(leaver)
    net.pass(60_000)
    expect(watch.finished.size).toBeLessThan(20)
    expect(missing.at(-1)).toBe(1)
    net.world.addNode('tab', { slots: 1, relays: [net.relay.id] })
    net.pass(120_000)
    expect(statuses(watch)).toEqual(ids.map(() => 'completed'))
    expect(watch.received.size).toBe(20)
    expect(missing.at(-1)).toBe(0)
    for (const finished of watch.finished.values())
      expect(new Set(finished.votes.map((vote) => vote.peerId)).size).toBe(2)
  })

  test('one alone: nothing is handed out, the submitter is told what is missing, and it waits', () => {
    const missing: number[] = []
    const watch = new SimWatch()
    const net = smallWorld(1, {
      onEvent: (_node, event) => {
        watch.note(event)
        if (event.type === 'workersMissing') missing.push(event.missingWorkers)
      },
    })
    net.submit(net.nodes[0]!, 3)
    net.pass(300_000)
    expect(missing).toEqual([2])
    expect([watch.finished.size, net.nodes[0]!.runs.size]).toEqual([0, 0])
    expect(net.report().tasks.pending).toBe(3)
  })

  test('a reload loop of one of them does not use up the patience with its tasks', () => {
    const net = smallWorld(3)
    const [submitter, , flaky] = net.nodes as [SimNode, SimNode, SimNode]
    net.submit(submitter, 5)
    for (let turn = 0; turn < 120; turn++) {
      net.world.kill(flaky)
      net.pass(500)
      net.world.restart(flaky, [net.relay.id])
      net.pass(1_500)
    }
    net.pass(120_000)
    expect(statuses(net.watch)).toEqual(Array(5).fill('completed'))
  })
})

describe('TSK-06 workers that pause', () => {
  test('half of a network stops lending mid-run and comes back: nothing is lost, and nobody is blamed', () => {
    const watch = new SimWatch()
    const report = run({
      ...{ seed: 21, peers: 60, minutes: 2, rate: 5, loss: 0.02, churn: 0.05 },
      onEvent: watch.note,
      onStart: (world, _relay, crowd) => {
        const lendHalf = (slots: number) => {
          for (const [n, node] of crowd.live.entries()) if (n % 2 === 0 && node.up) world.lend(node, slots)
        }
        for (const second of [30, 50, 70]) {
          world.later(second * 1_000, () => lendHalf(0))
          world.later(second * 1_000 + 8_000, () => lendHalf(1))
        }
      },
    })
    expect(report).toMatchObject({ lost: 0, duplicated: 0, wrong: 0, failed: 0 })
    expect(watch.losses.paused).toBeGreaterThan(10)
    for (const tally of watch.judged.values()) expect(tally.disagreed + tally.noQuorum).toBe(0)
  })

  test('a paused worker runs nothing', () => {
    const net = smallWorld(4)
    net.submit(net.nodes[0]!, 30)
    net.pass(3_000)
    net.world.lend(net.nodes[1]!, 0)
    net.pass(5_000)
    for (let second = 0; second < 20; second++) {
      expect(net.nodes[1]!.runs.size).toBe(0)
      net.pass(1_000)
    }
    net.world.lend(net.nodes[1]!, 1)
    net.pass(120_000)
    expect(statuses(net.watch)).toEqual(Array(30).fill('completed'))
  })
})

describe('TSK-06 nodes that freeze', () => {
  test('a worker that was frozen gives up its work unasked and goes on with new', () => {
    const net = smallWorld(5)
    net.submit(net.nodes[0]!, 40)
    net.pass(2_000)
    net.world.freeze(net.nodes[2]!, 40_000)
    net.pass(300_000)
    expect(statuses(net.watch)).toEqual(Array(40).fill('completed'))
    expect(net.watch.losses.overTime ?? 0).toBe(0)
    expect(net.watch.judged.get(net.nodes[2]!.id)?.agreed).toBeGreaterThan(5)
  })

  test('a submitter that was frozen has all its results after', () => {
    const net = smallWorld(5)
    const ids = net.submit(net.nodes[0]!, 20)
    net.pass(2_000)
    net.world.lend(net.nodes[0]!, 0)
    net.world.freeze(net.nodes[0]!, 45_000)
    net.pass(120_000)
    expect([...net.watch.received].sort()).toEqual([...ids].sort())
  })

  test.each([20_000, 120_000])(
    'a relay that was frozen for %i ms punishes nobody and loses nothing',
    (ms) => {
      const net = smallWorld(6)
      net.submit(net.nodes[0]!, 40)
      net.pass(3_000)
      net.world.freeze(net.relay, ms)
      net.pass(ms + 300_000)
      expect(statuses(net.watch)).toEqual(Array(40).fill('completed'))
      expect(net.watch.losses.overTime ?? 0).toBe(0)
      expect(net.watch.received.size).toBe(40)
    },
  )
})

describe('TSK-14 two relays', () => {
  test('one is gone for good mid-run: its tasks end through the other, each submitter has each result once', () => {
    const results = new Map<string, number>()
    const world = new World({
      ...{ seed: 6, loss: 0.02 },
      onEvent: (_node, event) => {
        if (event.type !== 'resultReceived') return
        const { taskId } = event.finished.task
        results.set(taskId, (results.get(taskId) ?? 0) + 1)
      },
    })
    const [first, second] = [world.addNode('relay'), world.addNode('relay')]
    const relays = [first.id, second.id]
    const nodes = Array.from({ length: 20 }, () => world.addNode('tab', { slots: 1, relays }))
    world.runUntil(5_000)
    const items = Array.from({ length: 60 }, () => makeSubmission(nodes[0]!.id, world.now, world.random))
    world.input(nodes[0]!, { kind: 'command', command: { type: 'submitter/submit', items } })
    world.runUntil(10_000)
    expect(results.size).toBeLessThan(60)
    world.kill(first)
    world.runUntil(200_000)
    expect(results.size).toBe(60)
    expect([...results.values()].every((times) => times === 1)).toBe(true)
  })
})

describe('NET-14 tabs among themselves', () => {
  test('stay connected to one another while their relay is away', () => {
    const net = smallWorld(30)
    net.pass(60_000)
    net.world.kill(net.relay)
    net.pass(50_000)
    for (const node of net.nodes) {
      expect(node.peer.children.membership.size).toBeGreaterThanOrEqual(5)
      expect(node.peer.children.membership.state).toBe('online')
    }
    net.world.restart(net.relay)
    net.pass(60_000)
    for (const node of net.nodes) expect(node.peer.children.membership.kindOf(net.relay.id)).toBe('relay')
  })

  test('below ten every tab knows every other, and with many each knows a few', () => {
    const few = smallWorld(8)
    few.pass(120_000)
    for (const node of few.nodes) expect(node.peer.children.membership.size).toBe(8)
    const many = smallWorld(120)
    many.pass(180_000)
    for (const node of many.nodes) {
      expect(node.peer.children.membership.size).toBeGreaterThanOrEqual(6)
      expect(node.peer.children.membership.size).toBeLessThanOrEqual(50)
    }
  })

  test('NET-09 a new node is known to the relay in under 10 s, and one that went in under 90 s, by 5 % loss', () => {
    const net = smallWorld(20, { loss: 0.05 })
    const late = net.world.addNode('tab', { slots: 1, relays: [net.relay.id] })
    net.pass(10_000)
    expect(net.relay.peer.children.membership.kindOf(late.id)).toBe('tab')
    net.world.vanish(late)
    net.pass(90_000)
    expect(net.relay.peer.children.membership.isUp(late.id)).toBe(false)
  })
})

describe('SEC-01 what nodes send', () => {
  /** A host writes the signatures when a message leaves. */
  const signed = (value: unknown): unknown => {
    if (value instanceof Uint8Array) return value.length === 0 ? new Uint8Array(64) : value
    if (Array.isArray(value)) return value.map(signed)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, signed(part)]))
  }

  test('has the shape and the size that peers take', () => {
    const seen = new Set<string>()
    const net = smallWorld(12, {
      loss: 0.05,
      onSend: (_from, _to, message) => {
        seen.add(message.type)
        const parsed = parseMessage(signed(message))
        if (parsed instanceof Refusal) throw new Error(`${message.type}: ${parsed.message}`)
        expect(encodeCanonical(parsed).length).toBeLessThan(64 * 1024)
      },
    })
    net.submit(net.nodes[0]!, 100)
    net.pass(20_000)
    net.world.lend(net.nodes[3]!, 0)
    const cancelled = net.submit(net.nodes[1]!, 2)
    net.world.input(net.nodes[1]!, {
      kind: 'command',
      command: { type: 'submitter/cancel', taskIds: cancelled },
    })
    net.pass(60_000)
    for (const node of net.nodes.slice(1, 11)) net.world.vanish(node)
    net.pass(60_000)
    net.submit(net.nodes[0]!, 1)
    net.pass(10_000)
    expect([...seen].sort()).toEqual(
      [
        ...['member/presence', 'mesh/neighbours', 'mesh/neighboursWanted'],
        ...['task/answers', 'task/assign', 'task/cancel', 'task/committed', 'task/finished'],
        ...['task/finishedReceived', 'task/handBack', 'task/offer', 'task/settle', 'task/submit'],
        ...['task/submitReply', 'task/waiting'],
      ].sort(),
    )
  })
})
