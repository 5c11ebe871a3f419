import { multiaddr } from '@multiformats/multiaddr'
import { afterEach, describe, expect, test } from 'vitest'
import { concatBytes } from '../../shared/kernel/bytes.ts'
import type { TestNode } from './network-nodes.ts'
import {
  connections,
  generateKey,
  inOrder,
  numbered,
  peerProtocol,
  peerStreams,
  startAgent,
  startOpen,
  startPair,
  startRelay,
  stopNodes,
  tcpAddress,
  untilIdle,
  untilReserved,
  wsAddress,
} from './network-nodes.ts'

afterEach(stopNodes)

const arrived = (at: TestNode, from: TestNode, count: number) =>
  at.seen.until(() => at.seen.from(from.peer).length >= count, `${count} frames`)

describe('links between nodes', () => {
  test.each([
    ['TCP', tcpAddress],
    ['WebSocket', wsAddress],
  ])('NET-01 an agent and a relay exchange 10,000 frames each way in order over %s', async (_, address) => {
    const [relay, agent] = [await startRelay(), await startAgent()]
    expect(await agent.network.dial({ addresses: [address(relay)] })).toBe(relay.peer)
    await relay.seen.untilLogged(`up ${agent.peer}`)
    for (let number = 0; number < 10_000; number++) {
      expect(agent.network.send(relay.peer, numbered(number, 100))).toBe(true)
      expect(relay.network.send(agent.peer, numbered(number, 100))).toBe(true)
    }
    await Promise.all([arrived(relay, agent, 10_000), arrived(agent, relay, 10_000)])
    expect([inOrder(relay.seen.from(agent.peer)), inOrder(agent.seen.from(relay.peer))]).toEqual([true, true])
    expect(relay.seen.log).toEqual([`up ${agent.peer}`])
    expect(agent.seen.paths.get(relay.peer)).toEqual({ direct: true, remoteAddress: address(relay) })
    expect(relay.seen.paths.get(agent.peer)?.remoteAddress).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+/)
  })

  test('frames of 1 MiB and of the limit of 4 MiB arrive whole', async () => {
    const [first, second] = await startPair('first')
    const large = new Uint8Array(4 * 1024 * 1024).map((_, at) => at % 253)
    expect(first.network.send(second.peer, large.subarray(0, 1024 * 1024))).toBe(true)
    expect(first.network.send(second.peer, large)).toBe(true)
    await arrived(second, first, 2)
    const [small, whole] = second.seen.from(first.peer)
    expect(Buffer.compare(small!, large.subarray(0, 1024 * 1024))).toBe(0)
    expect(Buffer.compare(whole!, large)).toBe(0)
  })

  test('a frame over the limit is refused where it is sent', async () => {
    const [first, second] = await startPair('first')
    expect(() => first.network.send(second.peer, new Uint8Array(4 * 1024 * 1024 + 1))).toThrow(RangeError)
  })

  test.each(['first', 'second'] as const)(
    'two nodes that dial at once share one stream (%s opens)',
    async (opener) => {
      const [first, second] = await startPair(opener)
      await first.network.hangUp(second.peer)
      await second.seen.untilLogged(`down ${first.peer}`)
      const before = [first.seen.log.length, second.seen.log.length]
      await Promise.all([
        first.network.dial({ addresses: [tcpAddress(second)] }),
        second.network.dial({ addresses: [tcpAddress(first)] }),
      ])
      for (const node of [first, second])
        node.network.send(node === first ? second.peer : first.peer, numbered(0))
      await Promise.all([arrived(first, second, 1), arrived(second, first, 1)])
      expect(first.seen.log.slice(before[0])).toEqual([`up ${second.peer}`])
      expect(second.seen.log.slice(before[1])).toEqual([`up ${first.peer}`])
      expect(peerStreams(first, second)).toHaveLength(1)
    },
  )

  test.each(['first', 'second'] as const)(
    'a stream that breaks again and again loses nothing and takes no one down (%s opens)',
    async (opener) => {
      const [first, second] = await startPair(opener)
      const total = 3_000
      for (let number = 0; number < total; number++) {
        first.network.send(second.peer, numbered(number, 600))
        second.network.send(first.peer, numbered(number, 600))
        if (number % 500 !== 250) continue
        await arrived(second, first, number - 200)
        const breaker = number % 1_000 === 250 ? first : second
        for (const stream of peerStreams(breaker, breaker === first ? second : first)) {
          stream.abort(new Error('cut by the test'))
        }
      }
      await Promise.all([arrived(first, second, total), arrived(second, first, total)])
      expect([inOrder(first.seen.from(second.peer)), inOrder(second.seen.from(first.peer))]).toEqual([
        true,
        true,
      ])
      expect(first.seen.from(second.peer)).toHaveLength(total)
      expect(second.seen.from(first.peer)).toHaveLength(total)
      expect(first.seen.log.filter((line) => line.startsWith('down'))).toEqual([])
      expect(second.seen.log.filter((line) => line.startsWith('down'))).toEqual([])
    },
  )

  test('a peer whose last connection goes is down at once, and up again when dialled', async () => {
    const [first, second] = await startPair('first')
    for (const connection of connections(first, second)) connection.abort(new Error('cut by the test'))
    await Promise.all([
      first.seen.untilLogged(`down ${second.peer} gone`),
      second.seen.untilLogged(`down ${first.peer} gone`),
    ])
    expect(first.network.send(second.peer, numbered(0))).toBe(false)
    await first.network.dial({ addresses: [tcpAddress(second)] })
    first.network.send(second.peer, numbered(0))
    await arrived(second, first, 1)
  })

  test('hanging up tells both ends, and dialling connects them again', async () => {
    const [first, second] = await startPair('second')
    await first.network.hangUp(second.peer)
    await second.seen.untilLogged(`down ${first.peer}`)
    expect(first.seen.log.at(-1)).toBe(`down ${second.peer} hungUp`)
    await second.network.dial({ addresses: [tcpAddress(first)] })
    expect(second.network.send(first.peer, numbered(0))).toBe(true)
    await arrived(first, second, 1)
  })

  test.each(['first', 'second'] as const)(
    'a peer that hung up can be dialled in the same moment (%s opens)',
    async (opener) => {
      const [first, second] = await startPair(opener)
      const hungUp = first.network.hangUp(second.peer)
      await second.seen.untilLogged(`down ${first.peer} bye`)
      expect(await second.network.dial({ addresses: [tcpAddress(first)] })).toBe(first.peer)
      await hungUp
      second.network.send(first.peer, numbered(0))
      await arrived(first, second, 1)
    },
  )

  test('NET-08 a relayed link turns direct under load without a frame lost or a peer down', async () => {
    const relay = await startRelay()
    const [a, b] = [await startOpen(await generateKey()), await startOpen(await generateKey())]
    for (const node of [a, b]) await node.network.dial({ addresses: [tcpAddress(relay)] })
    await untilReserved(b)
    const relayed = `${tcpAddress(relay)}/p2p-circuit/p2p/${b.peer}`
    await a.network.dial({ addresses: [relayed] })
    expect(a.seen.paths.get(b.peer)?.direct).toBe(false)
    await b.seen.untilLogged(`up ${a.peer}`)
    let sent = 0
    const sendSome = (count: number) => {
      for (let at = 0; at < count; at++, sent++) {
        expect(a.network.send(b.peer, numbered(sent, 1_000))).toBe(true)
        expect(b.network.send(a.peer, numbered(sent, 1_000))).toBe(true)
      }
    }
    sendSome(2_000)
    const moved = a.libp2p.dial(multiaddr(tcpAddress(b)))
    sendSome(500)
    await moved
    sendSome(500)
    await Promise.all([
      a.seen.untilLogged(`path ${b.peer} direct`),
      b.seen.untilLogged(`path ${a.peer} direct`),
    ])
    sendSome(500)
    await Promise.all([arrived(a, b, sent), arrived(b, a, sent)])
    for (const [at, from] of [
      [a, b],
      [b, a],
    ] as const) {
      expect(at.seen.from(from.peer)).toHaveLength(sent)
      expect(inOrder(at.seen.from(from.peer))).toBe(true)
      expect(at.seen.log.filter((line) => line.startsWith('down'))).toEqual([])
    }
  })

  test('a slow listener stops the sender, and memory does not grow with what waits', async () => {
    const [first, second] = await startPair('first')
    const open = Promise.withResolvers<void>()
    second.seen.handle = () => open.promise
    let sent = 0
    while (sent < 70 && first.network.send(second.peer, numbered(sent, 100_000))) sent++
    const [stream] = peerStreams(first, second)
    await untilIdle(stream!)
    // The window is 1 MiB: the rest waits at the sender, in its queue and not in the stream.
    expect(first.network.queuedBytes(second.peer)).toBeGreaterThan(sent * 100_000 - 1024 * 1024)
    open.resolve()
    await arrived(second, first, sent)
    expect(inOrder(second.seen.from(first.peer))).toBe(true)
    await expect.poll(() => first.network.queuedBytes(second.peer)).toBe(0)
  })

  test('a peer for which over 8 MiB wait is down, and its connection closed', async () => {
    const [first, second] = await startPair('first')
    second.seen.handle = () => new Promise(() => undefined)
    while (first.network.send(second.peer, new Uint8Array(1_000_000)));
    await first.seen.untilLogged(`down ${second.peer} overflow`)
    await second.seen.untilLogged(`down ${first.peer}`)
    expect(first.network.send(second.peer, numbered(0))).toBe(false)
  })
})

describe('bad streams', () => {
  test('a stream asked for in the moment its connection is cut fails, and nothing else', async () => {
    const uncaught: unknown[] = []
    const note = (error: unknown) => uncaught.push(error)
    process.on('uncaughtException', note)
    const [first, second] = await startPair('first')
    const [connection] = connections(first, second)
    const opened = connection!.newStream(peerProtocol)
    connection!.abort(new Error('cut by the test'))
    await expect(opened).rejects.toThrow()
    await second.seen.untilLogged(`down ${first.peer}`)
    process.off('uncaughtException', note)
    expect(uncaught).toEqual([])
  })

  const bad: [string, Uint8Array, string][] = [
    ['garbage', Uint8Array.of(5, 200, 1, 2, 3, 4), 'malformed'],
    ['a frame before the hello', Uint8Array.of(2, 0, 7), 'malformed'],
    ['a length over the limit', Uint8Array.of(0xff, 0xff, 0xff, 0xff), 'oversize'],
    ['a hello without a session', concatBytes(Uint8Array.of(36, 1, 1), new Uint8Array(34)), 'malformed'],
  ]
  test.each(bad)('%s on a new stream disconnects the peer with a fault', async (_, bytes, reason) => {
    const [first, second] = await startPair('first')
    const stream = await connections(first, second)[0]!.newStream(peerProtocol)
    stream.send(bytes)
    await second.seen.untilLogged(`fault ${first.peer} ${reason}`)
    await second.seen.untilLogged(`down ${first.peer} ${reason}`)
    await first.seen.untilLogged(`down ${second.peer}`)
    // It may come back, and is a peer like any other.
    await first.network.dial({ addresses: [tcpAddress(second)] })
    first.network.send(second.peer, numbered(0))
    await arrived(second, first, 1)
  })

  test.each(['first', 'second'] as const)(
    'garbage in the middle of a session disconnects (%s opens)',
    async (opener) => {
      const [first, second] = await startPair(opener)
      first.network.send(second.peer, numbered(0))
      await arrived(second, first, 1)
      for (const stream of peerStreams(first, second)) stream.send(Uint8Array.of(1, 99))
      await second.seen.untilLogged(`fault ${first.peer} malformed`)
      await first.seen.untilLogged(`down ${second.peer}`)
    },
  )

  test('a stream opened by the wrong end is refused and harms nothing', async () => {
    const [first, second] = await startPair('second')
    const stream = await connections(first, second)[0]!.newStream(peerProtocol)
    if (stream.status === 'open') await new Promise((resolve) => stream.addEventListener('close', resolve))
    first.network.send(second.peer, numbered(0))
    await arrived(second, first, 1)
    expect(second.seen.log).toEqual([`up ${first.peer}`])
  })

  test('a node of another network is not up, and dialling it says why', async () => {
    const relay = await startRelay('cd'.repeat(32) as never)
    const agent = await startAgent()
    await expect(agent.network.dial({ addresses: [tcpAddress(relay)] })).rejects.toMatchObject({
      name: 'NetworkError',
      code: 'DialFailed',
      message: expect.stringContaining('no node of this network'),
    })
    expect([...agent.seen.log, ...relay.seen.log]).toEqual([])
  })

  test.each([
    ['nobody', '/ip4/127.0.0.1/tcp/1'],
    ['an address that is none', '/ip4/999/tcp/1'],
    ['a transport it has not', '/ip4/127.0.0.1/udp/1/quic-v1'],
  ])('dialling %s rejects with DialFailed', async (_, address) => {
    const agent = await startAgent()
    await expect(agent.network.dial({ addresses: [address] })).rejects.toMatchObject({ code: 'DialFailed' })
  })

  test('dialling a peer no one knows, or nothing, rejects with DialFailed', async () => {
    const agent = await startAgent()
    const stranger = await startOpen(await generateKey())
    await expect(agent.network.dial({})).rejects.toMatchObject({ code: 'DialFailed' })
    await expect(agent.network.dial({ peer: stranger.peer })).rejects.toMatchObject({ code: 'DialFailed' })
  })

  test('a stopped node says so', async () => {
    const agent = await startAgent()
    await agent.network.stop()
    await expect(agent.network.dial({ addresses: ['/ip4/127.0.0.1/tcp/1'] })).rejects.toMatchObject({
      code: 'Stopped',
    })
    await expect(agent.network.start(agent.seen)).rejects.toMatchObject({ code: 'Stopped' })
    expect(agent.network.send(agent.peer, numbered(0))).toBe(false)
  })
})
