import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Client, type ConnectOptions, connect } from '../../shared/client/client.ts'
import type { Notice } from '../../shared/client/patience.ts'
import { RelayAddresses, relayUrls } from '../../shared/client/relay-addresses.ts'
import type { Hash } from '../../shared/kernel/ids.ts'
import { type HttpFixture, program, startHttp } from '../relay/http/http-fixture.ts'
import type { LoopbackOptions } from '../relay/http/loopback-relay.ts'
import { all, failure, javascript, outputs, quickClock, refusedConnection } from './client-fixture.ts'

const networkId = '5e'.repeat(32) as Hash
const numbers = (count: number) => [...Array(count).keys()]

const relays: HttpFixture[] = []
let notices: Notice[] = []
/** Origins that do not answer. */
let down: Set<string>
/** Requests by `origin path`. */
let asked: string[]
/** What answers in place of a relay. */
let instead: (origin: string, path: string, method: string) => Response | undefined

beforeEach(() => {
  notices = []
  asked = []
  down = new Set()
  instead = () => undefined
})
afterEach(async () => {
  for (const relay of relays.splice(0)) await relay.close()
})

async function start(count: number, options: LoopbackOptions = {}): Promise<string[]> {
  for (let n = 0; n < count; n++) relays.push(await startHttp({ networkId, ...options }))
  return relays.map(({ server }) => server.url)
}

const fetching: typeof fetch = async (input, init) => {
  const { origin, pathname } = new URL(String(input))
  asked.push(`${origin} ${pathname}`)
  if (down.has(origin)) refusedConnection()
  return instead(origin, pathname, init?.method ?? 'GET') ?? fetch(input, init)
}

const open = (relay: ConnectOptions['relay'], options: Partial<ConnectOptions> = {}): Promise<Client> =>
  connect({
    relay,
    crypto: relays[0]!.key,
    fetch: fetching,
    clock: quickClock(),
    onNotice: (notice) => notices.push(notice),
    ...options,
  })

/** Cuts a relay off as a power cut does: what it was about to say is not heard either. */
async function lose(relay: HttpFixture): Promise<void> {
  down.add(relay.server.url)
  relay.relay.hold()
  await relay.server.close()
}

describe('WEB-08 addresses of several relays', () => {
  test('WEB-08 may be given with commas, or one by one', () => {
    expect(relayUrls('http://a:1, https://b').map(String)).toEqual(['http://a:1/', 'https://b/'])
    expect(relayUrls(['http://a:1', 'https://b']).map(String)).toEqual(['http://a:1/', 'https://b/'])
  })

  test.each([['http://a,'], [','], [[]], ['http://a b'], ['http://a,ftp://b'], [['http://a', '']]])(
    'WEB-08 %j are none',
    (given) => {
      expect(() => relayUrls(given)).toThrow(/is not the address of a relay/)
    },
  )

  test('NET-02 that relays name are few, and addresses of pages', () => {
    const addresses = new RelayAddresses(relayUrls('http://a'))
    for (const nonsense of [
      null,
      'http://b',
      [5],
      ['http://b', {}],
      { length: 1, 0: 'http://b' },
      ['x'.repeat(501)],
    ])
      addresses.learn(nonsense)
    addresses.learn(['javascript:alert(1)', 'file:///etc/passwd', '', 'http://'])
    expect(String(addresses)).toBe('http://a')
    for (let n = 0; n < 100; n++) addresses.learn([`http://r${n}`])
    expect(String(addresses).split(', ').length).toBe(17)
  })
})

describe('WEB-08 of several relays', () => {
  test('WEB-08 the first that answers is asked, and the one that is away is said', async () => {
    const [a, b] = await start(2)
    down.add(a!)
    const client = await open(`${a},${b}`)
    expect(outputs(await all(client, [1, 2]))).toEqual([1, 2])
    expect(relays[1]!.relay.submitted.flat()).toHaveLength(2)
  })

  test('WEB-08 none is waited for while another answers', async () => {
    const [a, b] = await start(2)
    down.add(a!)
    const clock = quickClock()
    await open(`${a},${b}`, { clock })
    expect(clock.slept).toEqual([])
  })

  test('TSK-14 a job goes on at the next when the first is lost in the middle', async () => {
    const [a, b] = await start(2)
    const client = await open(`${a},${b}`)
    const given: unknown[] = []
    for await (const result of client.map(program, numbers(900), javascript)) {
      given.push(result)
      if (given.length === 300) await lose(relays[0]!)
    }
    expect(outputs(given as never)).toEqual(numbers(900))
    expect(notices).toContainEqual({ type: 'moved', relay: b, reason: 'connection refused' })
    expect(relays[0]!.relay.submitted.length).toBeGreaterThan(0)
    expect(relays[1]!.relay.submitted.length).toBeGreaterThan(0)
  })

  test('TSK-14 and what was handed in to the first only is handed in to the next, though that one answers', async () => {
    const [a, b] = await start(2)
    relays[0]!.relay.hold()
    const client = await open(`${a},${b}`)
    let accepted = 0
    const results = all(client, numbers(600), {
      ...javascript,
      onProgress: (progress) => {
        // The results of the first stay open; only its other answers fail from now on.
        if (accepted === 0 && progress.accepted >= 256) {
          instead = (origin, path) =>
            origin === a && !path.endsWith('/results') ? refusedConnection() : undefined
        }
        accepted = progress.accepted
      },
    })
    expect(outputs(await results)).toEqual(numbers(600))
  })

  test('WEB-08 all away are waited for, and the first to be back is asked', async () => {
    const [a, b] = await start(2)
    down.add(a!).add(b!)
    const opening = open(`${a},${b}`)
    await expect.poll(() => notices).toContainEqual(expect.objectContaining({ type: 'away' }))
    down.delete(b!)
    const client = await opening
    expect(outputs(await all(client, [1]))).toEqual([1])
    expect(relays[1]!.relay.submitted.flat()).toHaveLength(1)
  })

  test('WEB-08 away for longer than the wait are named', async () => {
    const [a, b] = await start(2)
    down.add(a!).add(b!)
    const error = await failure(open(`${a},${b}`, { waitSeconds: 30 }))
    expect(error.message).toBe(
      `None of the relays ${a}, ${b} can be reached: connection refused. Gave up after 30 s.`,
    )
  })

  test('WEB-08 what is no relay is passed over', async () => {
    const [a, b] = await start(2)
    instead = (origin) => (origin === a ? new Response('<html>') : undefined)
    const client = await open(`${a},${b}`)
    expect(outputs(await all(client, [1]))).toEqual([1])
  })

  test('WEB-08 one of another network is never asked for work', async () => {
    const [a] = await start(1)
    const other = await startHttp({ networkId: '77'.repeat(32) as Hash })
    relays.push(other)
    const client = await open(`${a},${other.server.url}`)
    await lose(relays[0]!)
    expect((await failure(all(client, [1]))).code).toBe('Unreachable')
    expect(notices).toContainEqual({ type: 'dropped', relay: other.server.url })
    expect(other.relay.submitted).toEqual([])
    expect(asked.filter((each) => each.startsWith(other.server.url))).toEqual([
      `${other.server.url} /api/v1/network`,
    ])
  })
})

describe('WEB-08 relays that the network names', () => {
  const naming =
    (...named: readonly string[]) =>
    (origin: string, path: string): Response | undefined => {
      const relay = relays.find(({ server }) => server.url === origin)?.relay
      if (path !== '/api/v1/network' || relay === undefined) return undefined
      const { peerId } = relay
      return Response.json({
        networkId: relay.networkId,
        peerId,
        multiaddrs: [],
        policy: 'open',
        relays: named,
      })
    }

  test('WEB-08 are asked when the one that was given is lost', async () => {
    const [a, b] = await start(2)
    instead = naming(a!, b!)
    const client = await open(a!)
    await lose(relays[0]!)
    expect(outputs(await all(client, [1]))).toEqual([1])
    expect(notices).toContainEqual(expect.objectContaining({ type: 'moved', relay: b }))
  })

  test('WEB-08 are not asked when they serve another network', async () => {
    const [a] = await start(1)
    const other = await startHttp({ networkId: '77'.repeat(32) as Hash })
    relays.push(other)
    instead = naming(other.server.url)
    const client = await open(a!, { waitSeconds: 20 })
    await lose(relays[0]!)
    expect((await failure(all(client, [1]))).code).toBe('Unreachable')
    expect(other.relay.submitted).toEqual([])
  })
})

describe('TSK-14 a job that another relay holds', () => {
  const heldElsewhere = (relay: unknown) =>
    Response.json(
      { type: 'about:blank', status: 409, code: 'HeldElsewhere', detail: 'another relay holds it', relay },
      { status: 409, headers: { 'content-type': 'application/problem+json' } },
    )

  test('TSK-14 is followed there', async () => {
    const [a, b] = await start(2)
    instead = (origin, path) =>
      origin === a && path.startsWith('/api/v1/jobs') ? heldElsewhere(b) : undefined
    const client = await open(a!)
    expect(outputs(await all(client, numbers(10)))).toEqual(numbers(10))
    expect(relays[0]!.relay.submitted).toEqual([])
  })

  test('TSK-14 is not followed to another network', async () => {
    const [a] = await start(1)
    const other = await startHttp({ networkId: '77'.repeat(32) as Hash })
    relays.push(other)
    instead = (origin, path) =>
      origin === a && path.startsWith('/api/v1/jobs') ? heldElsewhere(other.server.url) : undefined
    const client = await open(a!, { waitSeconds: 20 })
    expect((await failure(all(client, [1]))).code).toBe('Unreachable')
    expect(other.relay.submitted).toEqual([])
  })

  test.each([
    ['nowhere', undefined],
    ['no address', 'elsewhere'],
    ['no page', 'file:///etc/passwd'],
    ['no text', 5],
  ])('TSK-14 is waited for when the other is %s', async (_, relay) => {
    const [a] = await start(1)
    let times = 0
    instead = (_, path, method) =>
      method === 'POST' && path === '/api/v1/jobs' && ++times < 4 ? heldElsewhere(relay) : undefined
    const client = await open(a!)
    expect(outputs(await all(client, [1]))).toEqual([1])
  })

  test('TSK-14 relays that name one another are not asked without end', async () => {
    const [a, b] = await start(2)
    const other = new Map([
      [a, b],
      [b, a],
    ])
    instead = (origin, path) =>
      path.startsWith('/api/v1/jobs') ? heldElsewhere(other.get(origin)) : undefined
    const client = await open(a!, { waitSeconds: 60 })
    const error = await failure(all(client, [1]))
    expect(error.message).toMatch(/can be reached: another relay holds it\. Gave up after 60 s\.$/)
    expect(asked.length).toBeLessThan(300)
  })
})

describe('TSK-14 a relay that asks for time', () => {
  const problem = (status: number, code: string, headers: Record<string, string> = {}) =>
    Response.json(
      { type: 'about:blank', status, code, detail: `the words of ${code}` },
      { status, headers: { 'content-type': 'application/problem+json', ...headers } },
    )

  test.each(['TakeoverPending', 'Draining'])('TSK-14 with 503 %s is asked again', async (code) => {
    const [a] = await start(1)
    let times = 0
    instead = (_, path) => (path.startsWith('/api/v1/jobs') && ++times < 4 ? problem(503, code) : undefined)
    const client = await open(a!)
    expect(outputs(await all(client, [1, 2]))).toEqual([1, 2])
    expect(notices[0]).toEqual({ type: 'away', reason: `the words of ${code}`, waitSeconds: 300 })
    expect(notices).toContainEqual({ type: 'back' })
  })

  test('SEC-08 with 429 is given the time it asks for', async () => {
    const [a] = await start(1)
    let times = 0
    instead = (_, __, method) =>
      method === 'POST' && ++times < 3 ? problem(429, 'TooManyRequests', { 'retry-after': '7' }) : undefined
    const clock = quickClock()
    const client = await open(a!, { clock })
    expect(outputs(await all(client, [1]))).toEqual([1])
    expect(clock.slept.filter((ms) => ms === 7_000)).toHaveLength(2)
    expect(notices).toContainEqual({ type: 'busy', message: 'the words of TooManyRequests' })
    expect(notices.some(({ type }) => type === 'away')).toBe(false)
  })

  test('SEC-08 with 429 for ever is given up on in its own words', async () => {
    const [a] = await start(1)
    instead = (_, __, method) => (method === 'POST' ? problem(429, 'TooManyRequests') : undefined)
    const client = await open(a!, { waitSeconds: 20 })
    expect(await failure(all(client, [1]))).toMatchObject({
      code: 'Refused',
      message: 'the words of TooManyRequests',
    })
  })
})
