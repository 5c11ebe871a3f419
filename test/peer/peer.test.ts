import { describe, expect, test } from 'vitest'
import type { Instant, PeerId } from '../../shared/kernel/ids.ts'
import { Outbox } from '../../shared/kernel/machine.ts'
import type { NodeKind } from '../../shared/membership/membership.ts'
import { consequences } from '../../shared/peer/flows/table.ts'
import type { PeerAsk, PeerEffect, PeerEvent, PeerInput } from '../../shared/peer/inputs.ts'
import { makePeer } from '../../shared/peer/roles.ts'
import { ownerOf, type WireMessage } from '../../shared/peer/wire.ts'
import { sha256 } from '../sim/model-programs.ts'
import { sendsOf } from '../support/machine-driver.ts'
import { assignmentOf, makeTask, peerId, startMs, taskId } from '../support/task-fixtures.ts'

const [self, relay, eve] = [peerId(500), peerId(1), peerId(600)] as const
const now = startMs as Instant

/** A peer of one role, driven by hand. */
function start(kind: NodeKind) {
  const peer = makePeer(kind, { self, version: 'test', relays: ['http://relay'], seed: 1, sha256 })
  const out = new Outbox<WireMessage, PeerEvent, PeerAsk>()
  const give = (input: PeerInput): PeerEffect[] => {
    peer.handle(input, now, out)
    return out.take()
  }
  const says = (from: PeerId, message: WireMessage) => give({ kind: 'message', from, message })
  const meet = (from: PeerId, as: NodeKind) => [
    ...give({ kind: 'peerUp', peer: from, direct: true, admission: null }),
    ...says(from, { type: 'member/presence', kind: as, version: '1', slots: 0, running: 0, reply: false }),
  ]
  /** The relay that was asked for is there. */
  const meetRelay = () => {
    give({ kind: 'start' })
    const up = give({ kind: 'peerUp', peer: relay, direct: true, admission: null })
    const dialed = give({
      kind: 'command',
      command: { type: 'topology/relayDialed', relay: 'http://relay', peer: relay },
    })
    return [
      ...up,
      ...dialed,
      ...says(relay, {
        type: 'member/presence',
        kind: 'relay',
        version: '1',
        slots: 0,
        running: 0,
        reply: false,
      }),
    ]
  }
  return { peer, give, says, meet, meetRelay }
}

const submit = {
  kind: 'command',
  command: { type: 'submitter/submit', items: [makeTask(5, { submitter: self })] },
} as const

describe('a peer is its children', () => {
  test('a relay coordinates, an agent works, a tab does both, for its own tasks, and submits', () => {
    const has = (kind: NodeKind) => {
      const { coordinator, worker, submitter } = start(kind).peer.children
      return [coordinator, worker, submitter].map((child) => child !== undefined)
    }
    expect(has('relay')).toEqual([true, false, false])
    expect(has('agent')).toEqual([false, true, false])
    expect(has('tab')).toEqual([true, true, true])
  })

  test('every message has one owner', () => {
    for (const [type, owner] of Object.entries(ownerOf)) {
      const prefix = type.slice(0, type.indexOf('/'))
      const owners = {
        member: ['membership'],
        mesh: ['topology'],
        task: ['coordinator', 'worker', 'submitter'],
      }
      expect(owners[prefix as keyof typeof owners]).toContain(owner)
    }
  })

  test('a message for a role one does not have is ignored', () => {
    const agent = start('agent')
    expect(agent.says(eve, { type: 'task/submit', items: [makeTask(5, { submitter: eve })] })).toEqual([])
    expect(agent.says(eve, { type: 'task/finished', items: [] })).toEqual([])
    const server = start('relay')
    expect(server.says(eve, { type: 'task/assign', items: [assignmentOf(makeTask(5), 1)] })).toEqual([])
    expect(server.give({ kind: 'command', command: { type: 'worker/lend', slots: 4 } })).toEqual([])
  })

  test('a timer of another life is harmless', () => {
    const { give } = start('tab')
    for (const key of ['worker/beat', 'coordinator/sweep', 'membership/beat', 'nobody/there', 'no slash', ''])
      expect(() => give({ kind: 'timer', key })).not.toThrow()
  })

  test('rows come back to the child they are of', () => {
    const first = start('relay')
    const rows = first
      .says(eve, { type: 'task/submit', items: [makeTask(5, { submitter: eve })] })
      .flatMap((effect) => (effect.kind === 'save' ? [{ key: effect.key, value: effect.value }] : []))
    expect(rows.every((row) => row.key.startsWith('coordinator/'))).toBe(true)
    const second = start('relay')
    second.peer.restore([...rows, { key: 'identity/key', value: 1 }])
    second.peer.restored(now)
    expect(second.peer.children.coordinator?.report(taskId(5))?.status).toBe('pending')
  })
})

describe('consequences between domains', () => {
  test('a relay that is there gets offers and submissions', () => {
    const tab = start('tab')
    tab.give({ kind: 'command', command: { type: 'worker/lend', slots: 1 } })
    tab.give(submit)
    const effects = tab.meetRelay()
    expect(sendsOf(effects, 'task/offer', relay)).toHaveLength(1)
    expect(sendsOf(effects, 'task/submit', relay)).toHaveLength(1)
  })

  test('a tab that is there gets neither', () => {
    const tab = start('tab')
    tab.give({ kind: 'command', command: { type: 'worker/lend', slots: 1 } })
    tab.give(submit)
    const effects = tab.meet(eve, 'tab')
    expect(sendsOf(effects, 'task/offer', eve)).toEqual([])
    expect(sendsOf(effects, 'task/submit', eve)).toEqual([])
  })

  test('nor does one that only says it is a relay: relays are those one dialled', () => {
    const tab = start('tab')
    tab.give({ kind: 'command', command: { type: 'worker/lend', slots: 1 } })
    tab.give(submit)
    const effects = [...tab.meet(eve, 'relay'), ...tab.meetRelay()]
    expect(sendsOf(effects, 'task/submit', eve)).toEqual([])
    expect(sendsOf(effects, 'task/submit', relay)).toHaveLength(1)
  })

  test('nor may such a one send it after other tabs', () => {
    const tab = start('tab')
    tab.meetRelay()
    tab.meet(eve, 'relay')
    const effects = tab.says(eve, { type: 'mesh/neighbours', peers: [peerId(900)] })
    expect(effects.filter((effect) => effect.kind === 'ask')).toEqual([])
  })

  test('the loss of a worker gives its work to another, in one tick', () => {
    const server = start('relay')
    const workers = [11, 12, 13, 14].map(peerId)
    server.says(eve, { type: 'task/submit', items: [makeTask(5, { submitter: eve })] })
    for (const worker of workers) {
      server.meet(worker, 'agent')
      server.says(worker, { type: 'task/offer', slots: 1, capacity: 1, holding: [] })
    }
    const effects = server.give({ kind: 'peerDown', peer: workers[0]! })
    expect(sendsOf(effects, 'task/assign', workers[3]!)).toHaveLength(1)
  })

  test('no rule feeds itself', () => {
    const lost = { type: 'memberLost', peer: eve, kind: 'tab' } as const
    const joined = { type: 'memberJoined', peer: eve, kind: 'relay' } as const
    expect(consequences(lost).length).toBeGreaterThan(0)
    expect(consequences(joined).length).toBeGreaterThan(0)
    const relayPeer = start('relay')
    for (let n = 0; n < 50; n++) {
      relayPeer.meet(peerId(1_000 + n), n % 2 === 0 ? 'tab' : 'relay')
      relayPeer.give({ kind: 'peerDown', peer: peerId(1_000 + n) })
    }
  })
})

test('one seed and one order of inputs give the same effects, whatever else runs beside', () => {
  const script = (server: ReturnType<typeof start>) => {
    const effects: PeerEffect[] = [...server.give({ kind: 'start' })]
    for (let n = 0; n < 20; n++) {
      effects.push(...server.meet(peerId(11 + n), 'agent'))
      effects.push(...server.says(peerId(11 + n), { type: 'task/offer', slots: 1, capacity: 3, holding: [] }))
      effects.push(...server.says(eve, { type: 'task/submit', items: [makeTask(n, { submitter: eve })] }))
    }
    return effects
  }
  const first = script(start('relay'))
  script(start('relay'))
  expect(script(start('relay'))).toEqual(first)
})
