import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { PeerId } from '../../shared/kernel/ids.ts'
import { Random } from '../../shared/kernel/random.ts'
import {
  defaultMembershipConfig,
  Membership,
  type MembershipAsk,
  type MembershipConfig,
  type MembershipEvent,
  type MembershipInput,
  type NodeKind,
  type Presence,
} from '../../shared/membership/membership.ts'
import { MachineDriver, sendsOf } from '../support/machine-driver.ts'
import { peerId } from '../support/task-fixtures.ts'

const [relay, tab, other] = [peerId(1), peerId(2), peerId(3)] as const

class MembershipDriver extends MachineDriver<MembershipInput, Presence, MembershipEvent, MembershipAsk> {
  readonly membership: Membership
  load = { slots: 2, running: 1 }

  constructor(kind: NodeKind, config: Partial<MembershipConfig> = {}) {
    const membership = new Membership(
      { ...defaultMembershipConfig, ...config, kind, version: '1.2.3' },
      () => this.load,
      new Random(1),
    )
    super(membership)
    this.membership = membership
  }

  up(peer: PeerId, direct = true) {
    return this.give({ kind: 'peerUp', peer, direct, admission: null })
  }

  down(peer: PeerId) {
    return this.give({ kind: 'peerDown', peer })
  }

  present(from: PeerId, kind: NodeKind, reply = false) {
    const message: Presence = { type: 'member/presence', kind, version: '1', slots: 1, running: 0, reply }
    this.membership.heard(from, this.now)
    return this.give({ kind: 'message', from, message })
  }

  get lost() {
    return this.events('memberLost').map((event) => event.peer)
  }
}

/** Peers come and go; the tabs that are here in the end. */
function crowd(
  driver: MembershipDriver,
  steps: readonly { readonly op: string; readonly n: number }[],
): Set<PeerId> {
  const tabs = new Set<PeerId>()
  for (const { op, n } of steps) {
    const peer = peerId(100 + n)
    driver.down(peer)
    tabs.delete(peer)
    if (op === 'leave') continue
    driver.up(peer)
    driver.present(peer, op === 'join' ? 'tab' : 'agent')
    if (op === 'join') tabs.add(peer)
  }
  return tabs
}

describe('NET-09 node lifecycle', () => {
  test('connecting until the first peer is up, online while one is, offline after', () => {
    const driver = new MembershipDriver('tab')
    expect(driver.membership.state).toBe('connecting')
    driver.up(relay)
    expect(driver.membership.state).toBe('online')
    driver.up(tab)
    driver.down(relay)
    expect(driver.membership.state).toBe('online')
    driver.down(tab)
    expect(driver.membership.state).toBe('offline')
    driver.up(relay)
    expect(driver.membership.state).toBe('online')
  })
})

describe('NET-09 presence', () => {
  test('one presents itself to whoever comes up, with its kind, version and load', () => {
    const driver = new MembershipDriver('tab')
    const [presence] = sendsOf(driver.up(relay), 'member/presence', relay)
    expect(presence).toEqual({
      type: 'member/presence',
      kind: 'tab',
      version: '1.2.3',
      slots: 2,
      running: 1,
      reply: true,
    })
  })

  test('a peer has joined when it has presented itself, once a connection', () => {
    const driver = new MembershipDriver('relay')
    driver.up(tab)
    expect(driver.events('memberJoined')).toEqual([])
    driver.present(tab, 'tab')
    driver.present(tab, 'tab')
    expect(driver.events('memberJoined')).toEqual([{ type: 'memberJoined', peer: tab, kind: 'tab' }])
    driver.down(tab)
    driver.up(tab)
    driver.present(tab, 'tab')
    expect(driver.events('memberJoined')).toHaveLength(2)
    expect(driver.lost).toEqual([tab])
  })

  test('a presentation lost on the way is asked for again', () => {
    const driver = new MembershipDriver('tab')
    driver.up(relay)
    driver.forget()
    driver.advance(5_000)
    expect(
      driver.sends('member/presence', relay).filter((presence) => presence.reply).length,
    ).toBeGreaterThan(0)
    driver.present(relay, 'relay')
    driver.forget()
    driver.advance(10_000)
    expect(driver.sends('member/presence', relay)).toEqual([])
  })

  test('an answer is given where one is asked for, and does not ask back', () => {
    const driver = new MembershipDriver('relay')
    driver.up(tab)
    const [reply] = sendsOf(driver.present(tab, 'tab', true), 'member/presence', tab)
    expect(reply?.reply).toBe(false)
    expect(sendsOf(driver.present(tab, 'tab', false), 'member/presence', tab)).toEqual([])
  })

  test('a peer that is not connected presents nothing', () => {
    const driver = new MembershipDriver('relay')
    driver.present(tab, 'tab', true)
    expect(driver.history).toEqual([])
    expect(driver.membership.size).toBe(0)
  })

  test('nobody changes its kind', () => {
    const driver = new MembershipDriver('tab')
    driver.up(other)
    driver.present(other, 'tab')
    driver.present(other, 'relay')
    expect(driver.membership.kindOf(other)).toBe('tab')
    expect(driver.events('memberJoined')).toHaveLength(1)
  })
})

describe('NET-09 inactive peers are pruned', () => {
  test('a silent peer is lost after three heartbeats, once, and its connection is closed', () => {
    const driver = new MembershipDriver('relay')
    driver.up(tab)
    driver.present(tab, 'tab')
    driver.advance(55_000)
    expect(driver.lost).toEqual([])
    driver.advance(60_000)
    expect(driver.lost).toEqual([tab])
    expect(driver.asks()).toEqual([{ type: 'hangUp', peer: tab }])
    driver.down(tab)
    expect(driver.lost).toEqual([tab])
  })

  test('any sign of life keeps it', () => {
    const driver = new MembershipDriver('relay')
    driver.up(tab)
    driver.present(tab, 'tab')
    for (let turn = 0; turn < 20; turn++) {
      driver.advance(30_000)
      driver.membership.heard(tab, driver.now)
    }
    expect(driver.lost).toEqual([])
  })

  test('after a freeze of ours nobody is pruned for our silence', () => {
    const driver = new MembershipDriver('tab')
    driver.up(relay)
    driver.present(relay, 'relay')
    driver.freeze(600_000)
    driver.give({ kind: 'resumed', gapMs: 600_000 })
    driver.advance(50_000)
    expect(driver.lost).toEqual([])
    driver.advance(60_000)
    expect(driver.lost).toEqual([relay])
  })

  test.each(['tab', 'agent', 'relay'] as const)(
    'two nodes that do nothing stay connected: a relay and a %s',
    (kind) => {
      const here = new MembershipDriver('relay')
      const there = new MembershipDriver(kind)
      const pass = (from: MembershipDriver, to: MembershipDriver, fromId: PeerId) => {
        for (const message of from.sends('member/presence')) {
          to.membership.heard(fromId, to.now)
          to.give({ kind: 'message', from: fromId, message })
        }
      }
      here.up(tab)
      there.up(relay)
      for (let second = 0; second < 600; second++) {
        here.advance(1_000)
        there.advance(1_000)
        pass(here, there, relay)
        here.forget()
        pass(there, here, tab)
        there.forget()
      }
      expect([here.membership.size, there.membership.size]).toEqual([1, 1])
    },
  )
})

describe('NET-09 a bounded table', () => {
  test('beyond its cap a peer is not taken in and its connection is closed', () => {
    const driver = new MembershipDriver('relay', { membersMax: 2 })
    driver.up(peerId(10))
    driver.up(peerId(11))
    expect(driver.up(peerId(12))).toEqual([{ kind: 'ask', ask: { type: 'hangUp', peer: peerId(12) } }])
    expect(driver.membership.size).toBe(2)
    driver.down(peerId(10))
    driver.up(peerId(12))
    expect(driver.membership.isUp(peerId(12))).toBe(true)
  })

  test('a sample has different tabs, never the one left out, and no one who has left', () => {
    const step = fc.record({ op: fc.constantFrom('join', 'leave', 'agent'), n: fc.nat({ max: 30 }) })
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 80 }),
        fc.nat({ max: 20 }),
        fc.nat({ max: 30 }),
        (steps, count, left) => {
          const driver = new MembershipDriver('relay')
          const tabs = crowd(driver, steps)
          const leftOut = peerId(100 + left)
          const sample = driver.membership.sampleTabs(count, leftOut)
          tabs.delete(leftOut)
          expect(new Set(sample).size).toBe(sample.length)
          for (const peer of sample) expect(tabs.has(peer)).toBe(true)
          expect(sample).toHaveLength(Math.min(count, tabs.size))
        },
      ),
    )
  })

  test('every peer that came up and is gone was lost exactly once', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat({ max: 5 })), { maxLength: 60 }), (steps) => {
        const driver = new MembershipDriver('relay')
        const up = new Set<PeerId>()
        let losses = 0
        for (const [comes, n] of steps) {
          const peer = peerId(100 + n)
          if (comes) driver.up(peer)
          else driver.down(peer)
          if (!comes && up.has(peer)) losses++
          if (comes) up.add(peer)
          else up.delete(peer)
          expect(driver.lost).toHaveLength(losses)
          expect(driver.membership.size).toBe(up.size)
        }
      }),
    )
  })
})
