import { describe, expect, test } from 'vitest'
import type { PeerId } from '../../shared/kernel/ids.ts'
import { Random } from '../../shared/kernel/random.ts'
import type { NodeKind } from '../../shared/membership/membership.ts'
import {
  noNeighbours,
  Topology,
  type TopologyAsk,
  type TopologyConfig,
  type TopologyEvent,
  type TopologyInput,
  type TopologyMessage,
  tabNeighbours,
} from '../../shared/topology/topology.ts'
import { MachineDriver } from '../support/machine-driver.ts'
import { peerId } from '../support/task-fixtures.ts'

const self = peerId(100)
const [relay, stranger] = [peerId(1), peerId(2)] as const
const lower = (n: number) => peerId(10 + n)
const higher = (n: number) => peerId(1_000 + n)

class TopologyDriver extends MachineDriver<TopologyInput, TopologyMessage, TopologyEvent, TopologyAsk> {
  readonly up: Set<PeerId>
  readonly kinds: Map<PeerId, NodeKind>
  readonly tabs: PeerId[]

  constructor(config: Partial<TopologyConfig> = {}) {
    const up = new Set<PeerId>()
    const tabs: PeerId[] = []
    const kinds = new Map<PeerId, NodeKind>()
    const members = {
      isUp: (peer: PeerId) => up.has(peer),
      kindOf: (peer: PeerId) => kinds.get(peer),
      sampleTabs: (count: number, not: PeerId) => tabs.filter((tab) => tab !== not).slice(0, count),
    }
    const relays = ['http://relay']
    super(new Topology({ self, relays, ...tabNeighbours, ...config }, members, new Random(1)))
    this.up = up
    this.kinds = kinds
    this.tabs = tabs
  }

  command(command: Extract<TopologyInput, { kind: 'command' }>['command']) {
    return this.give({ kind: 'command', command })
  }

  dialed(url = 'http://relay', peer: PeerId | undefined = relay) {
    if (peer !== undefined) this.up.add(peer)
    return this.command({ type: 'topology/relayDialed', relay: url, peer })
  }

  failed(url = 'http://relay') {
    return this.command({ type: 'topology/relayDialed', relay: url, peer: undefined })
  }

  joined(peer: PeerId, kind: NodeKind) {
    this.up.add(peer)
    this.kinds.set(peer, kind)
    return this.command({ type: 'topology/memberJoined', peer, kind })
  }

  lost(peer: PeerId) {
    this.up.delete(peer)
    this.kinds.delete(peer)
    return this.command({ type: 'topology/memberLost', peer })
  }

  introduce(from: PeerId, ...peers: readonly PeerId[]) {
    return this.give({ kind: 'message', from, message: { type: 'mesh/neighbours', peers } })
  }

  dials(): PeerId[] {
    return this.asks().flatMap((ask) => (ask.type === 'dialPeer' ? [ask.peer] : []))
  }

  relayDials(): string[] {
    return this.asks().flatMap((ask) => (ask.type === 'dialRelay' ? [ask.relay] : []))
  }
}

/** A tab that is connected to its relay. */
function connected(config: Partial<TopologyConfig> = {}): TopologyDriver {
  const driver = new TopologyDriver(config)
  driver.give({ kind: 'start' })
  driver.dialed()
  driver.joined(relay, 'relay')
  driver.forget()
  return driver
}

describe('NET-05 relays', () => {
  test('all of them are dialled at the start, at once', () => {
    const relays = ['http://a', 'http://b', 'http://c', 'http://d', 'http://e', 'http://f']
    const driver = new TopologyDriver({ relays })
    driver.give({ kind: 'start' })
    expect(driver.relayDials()).toEqual(relays)
  })

  test('one that cannot be reached is said to be so and dialled again, less and less often', () => {
    const driver = new TopologyDriver()
    driver.give({ kind: 'start' })
    const gaps: number[] = []
    for (let failure = 1; failure <= 16; failure++) {
      driver.failed()
      expect(driver.events('relayUnreachable').at(-1)).toEqual({
        type: 'relayUnreachable',
        relay: 'http://relay',
        failures: failure,
      })
      const before = driver.relayDials().length
      const since = driver.now
      while (driver.relayDials().length === before) driver.advance(100)
      gaps.push((driver.now - since) / 1_000)
    }
    const quick = gaps.findIndex((gap) => gap > 40)
    expect(gaps.slice(0, quick).every((gap) => gap < 25)).toBe(true)
    const expected = [60, 120, 240, 480, 600, 600]
    for (const [n, seconds] of expected.entries())
      expect(Math.abs(gaps[quick + n]! - seconds)).toBeLessThanOrEqual(0.25 * seconds + 0.2)
  })

  test('one that was lost is dialled again within moments, and the failures of before are forgotten', () => {
    const driver = new TopologyDriver()
    driver.give({ kind: 'start' })
    for (let n = 0; n < 8; n++) {
      driver.failed()
      driver.advance(800_000)
    }
    driver.dialed()
    driver.joined(relay, 'relay')
    driver.forget()
    driver.lost(relay)
    driver.advance(1_000)
    expect(driver.relayDials()).toEqual(['http://relay'])
  })

  test('NET-05 one that comes back by itself, long before its next dial, is a relay again and is not dialled', () => {
    const driver = connected()
    driver.lost(relay)
    for (let n = 0; n < 8; n++) {
      driver.failed()
      driver.advance(n < 7 ? 20_000 : 0)
    }
    driver.forget()
    driver.joined(relay, 'relay')
    expect(driver.events('relayJoined')).toEqual([{ type: 'relayJoined', peer: relay }])
    driver.advance(3_600_000)
    expect(driver.relayDials()).toEqual([])
    driver.lost(relay)
    driver.advance(1_000)
    expect(driver.relayDials()).toEqual(['http://relay'])
  })

  test('one that came up while a dial to it failed counts as up', () => {
    const driver = connected()
    driver.lost(relay)
    driver.advance(1_000)
    driver.joined(relay, 'relay')
    driver.forget()
    driver.failed()
    driver.advance(3_600_000)
    expect([driver.events('relayUnreachable'), driver.relayDials()]).toEqual([[], []])
  })

  test('another one that calls itself a relay is not taken for the one that was lost', () => {
    const driver = connected()
    driver.lost(relay)
    driver.forget()
    driver.joined(stranger, 'relay')
    expect(driver.events('relayJoined')).toEqual([])
  })

  test('one that is up is not dialled', () => {
    const driver = connected()
    driver.advance(3_600_000)
    expect(driver.relayDials()).toEqual([])
  })

  test('one that is lost before its dial is reported is dialled again', () => {
    const driver = new TopologyDriver()
    driver.give({ kind: 'start' })
    driver.forget()
    driver.command({ type: 'topology/relayDialed', relay: 'http://relay', peer: relay })
    driver.advance(5_000)
    expect(driver.relayDials()).toEqual(['http://relay'])
  })

  test('after sleep it is dialled at once, not at the end of its wait', () => {
    const driver = new TopologyDriver()
    driver.give({ kind: 'start' })
    for (let n = 0; n < 12; n++) {
      driver.failed()
      if (n < 11) driver.advance(800_000)
    }
    driver.forget()
    driver.freeze(20_000)
    driver.give({ kind: 'resumed', gapMs: 20_000 })
    expect(driver.relayDials()).toEqual(['http://relay'])
  })

  test('each of several has its own wait', () => {
    const driver = new TopologyDriver({ relays: ['http://a', 'http://b'] })
    driver.give({ kind: 'start' })
    driver.dialed('http://b')
    for (let n = 0; n < 4; n++) {
      driver.failed('http://a')
      driver.advance(60_000)
    }
    driver.forget()
    driver.lost(relay)
    driver.advance(1_500)
    expect(driver.relayDials()).toEqual(['http://b'])
  })

  test('word of a relay nobody asked for changes nothing', () => {
    const driver = connected()
    driver.command({ type: 'topology/relayDialed', relay: 'http://evil', peer: stranger })
    driver.failed('http://evil')
    driver.advance(60_000)
    expect(driver.relayDials()).toEqual([])
  })
})

describe('NET-05 relays that a relay names', () => {
  const other = 'http://other'
  const named = (driver: TopologyDriver, ...relays: readonly string[]) =>
    driver.command({ type: 'topology/relaysNamed', relays })

  test('are dialled at once, each once, and redialled when they are lost', () => {
    const driver = connected()
    named(driver, 'http://relay', other)
    named(driver, 'http://relay', other)
    expect(driver.relayDials()).toEqual([other])
    driver.dialed(other, stranger)
    driver.joined(stranger, 'relay')
    expect(driver.events('relayJoined')).toEqual([{ type: 'relayJoined', peer: stranger }])
    driver.forget()
    driver.lost(stranger)
    driver.advance(1_000)
    expect(driver.relayDials()).toEqual([other])
  })

  test('are let go when nobody names them any more and they stay away, but not the one of the config', () => {
    const driver = connected()
    named(driver, other)
    for (let n = 0; n < 8; n++) {
      driver.failed(other)
      driver.advance(700_000)
    }
    driver.lost(relay)
    for (let n = 0; n < 8; n++) {
      driver.failed()
      driver.advance(700_000)
    }
    named(driver)
    driver.forget()
    for (let n = 0; n < 5; n++) {
      driver.failed()
      driver.advance(700_000)
    }
    expect(new Set(driver.relayDials())).toEqual(new Set(['http://relay']))
  })

  test('are kept for a while, since one that restarts is not named meanwhile', () => {
    const driver = connected()
    named(driver, other)
    driver.dialed(other, stranger)
    driver.joined(stranger, 'relay')
    driver.lost(stranger)
    named(driver, 'http://relay')
    driver.forget()
    driver.advance(1_000)
    expect(driver.relayDials()).toEqual([other])
  })

  test('that are named again after they were not are dialled at once, however long they were away', () => {
    const driver = connected()
    driver.lost(relay)
    for (let n = 0; n < 12; n++) {
      driver.failed()
      driver.advance(700_000)
    }
    driver.failed()
    named(driver, other)
    driver.forget()
    named(driver, other, 'http://relay')
    expect(driver.relayDials()).toEqual(['http://relay'])
  })

  test('are few, however many are named', () => {
    const driver = connected()
    for (let n = 0; n < 50; n++)
      named(driver, ...Array.from({ length: 64 }, (_, i) => `http://relay-${64 * n + i}`))
    expect(driver.relayDials().length).toBeLessThanOrEqual(16)
  })
})

describe('NET-14 neighbours', () => {
  test('a tab asks its relay for company until it has enough', () => {
    const driver = new TopologyDriver()
    driver.give({ kind: 'start' })
    driver.dialed()
    driver.joined(relay, 'relay')
    expect(driver.sends('mesh/neighboursWanted', relay)).toEqual([
      { type: 'mesh/neighboursWanted', count: 9 },
    ])
    for (let n = 0; n < 9; n++) driver.joined(lower(n), 'tab')
    driver.advance(10_000)
    driver.forget()
    driver.advance(60_000)
    expect(driver.sends('mesh/neighboursWanted')).toEqual([])
    driver.lost(lower(3))
    driver.advance(10_000)
    expect(driver.sends('mesh/neighboursWanted', relay)[0]?.count).toBe(1)
  })

  test('agents and relays ask for none and take none', () => {
    const driver = connected(noNeighbours)
    driver.introduce(relay, ...[1, 2, 3].map(higher))
    driver.advance(600_000)
    expect(driver.history.filter((effect) => effect.kind === 'send')).toEqual([])
    expect(driver.dials()).toEqual([])
  })

  test('of two tabs that are introduced only the one with the lower id dials', () => {
    const driver = connected()
    driver.introduce(relay, lower(1), higher(1), self)
    expect(driver.dials()).toEqual([higher(1)])
  })

  test('nobody is dialled twice, nor one who is there', () => {
    const driver = connected()
    driver.introduce(relay, higher(1))
    driver.introduce(relay, higher(1))
    driver.joined(higher(1), 'tab')
    driver.introduce(relay, higher(1))
    expect(driver.dials()).toEqual([higher(1)])
  })

  test('one whose dial failed may be tried again', () => {
    const driver = connected()
    driver.introduce(relay, higher(1))
    driver.command({ type: 'topology/dialFailed', peer: higher(1) })
    driver.introduce(relay, higher(1))
    expect(driver.dials()).toEqual([higher(1), higher(1)])
  })

  test('only a relay introduces', () => {
    const driver = connected()
    driver.joined(lower(1), 'tab')
    driver.introduce(stranger, higher(1))
    driver.introduce(lower(1), higher(2))
    expect(driver.dials()).toEqual([])
  })

  test('a relay that introduces a crowd has few of it dialled', () => {
    const driver = connected()
    for (let turn = 0; turn < 10; turn++)
      driver.introduce(relay, ...Array.from({ length: 64 }, (_, n) => higher(64 * turn + n)))
    expect(driver.dials().length).toBeLessThanOrEqual(tabNeighbours.neighboursMax)
  })

  test('a relay introduces those it knows to the one who asks, and the one to them', () => {
    const driver = new TopologyDriver({ ...noNeighbours, relays: [] })
    driver.tabs.push(...[1, 2, 3, 4].map(lower))
    driver.give({ kind: 'message', from: lower(2), message: { type: 'mesh/neighboursWanted', count: 2 } })
    expect(driver.sends('mesh/neighbours', lower(2))).toEqual([
      { type: 'mesh/neighbours', peers: [lower(1), lower(3)] },
    ])
    for (const peer of [lower(1), lower(3)])
      expect(driver.sends('mesh/neighbours', peer)).toEqual([{ type: 'mesh/neighbours', peers: [lower(2)] }])
    expect(driver.sends('mesh/neighbours', lower(4))).toEqual([])
  })

  test('one who asks for the whole network gets a few', () => {
    const driver = new TopologyDriver({ ...noNeighbours, relays: [] })
    driver.tabs.push(...Array.from({ length: 500 }, (_, n) => lower(n)))
    driver.give({ kind: 'message', from: stranger, message: { type: 'mesh/neighboursWanted', count: 64 } })
    expect(driver.sends('mesh/neighbours').length).toBeLessThanOrEqual(17)
    expect(driver.sends('mesh/neighbours', stranger)[0]!.peers.length).toBeLessThanOrEqual(16)
  })
})
