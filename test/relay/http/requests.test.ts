import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { StartError } from '../../../relay/data-folder.ts'
import { startHttpServer } from '../../../relay/http/server.ts'
import { Counters } from '../../../shared/host/counters.ts'
import {
  type HttpFixture,
  problem,
  type SignedOptions,
  signedFetch,
  startHttp,
  submissionJson,
} from './http-fixture.ts'
import { routes, uuid } from './routes.ts'
import { newKey } from './test-keys.ts'

let http: HttpFixture
beforeAll(async () => {
  http = await startHttp()
})
afterAll(() => http.close())

const call = (method: string, path: string, options?: SignedOptions) =>
  signedFetch(http, method, path, options)
const url = (path: string) => http.server.url + path
const minutes = (count: number) => new Date(Date.now() + count * 60_000).toISOString()

const signedRoutes = routes.filter(([, , isSigned]) => isSigned)

describe('WEB-08 what anyone may ask', () => {
  test('WEB-08 the network', async () => {
    const { networkId, peerId } = http.relay
    const multiaddrs = http.relay.multiaddrs()
    const answer = await (await fetch(url('/api/v1/network'))).json()
    expect(answer).toEqual({ networkId, peerId, multiaddrs, policy: 'open', relays: [] })
  })

  test('WEB-08 the status', async () => {
    const status = await (await fetch(url('/api/v1/status'))).json()
    expect(status).toMatchObject({
      networkId: http.relay.networkId,
      relay: { peerId: http.relay.peerId, version: '0.0.0', uptimeSeconds: expect.any(Number) },
      peers: { total: 3, tabs: 0, agents: 3, relays: 0 },
      workers: { count: 3, slots: 3, busy: 0, operators: 1 },
      queue: { critical: 0, normal: 0, low: 0 },
      ledger: { replicas: 1, height: 0 },
      store: 'redis',
    })
    const states = [
      'pending',
      'assigned',
      'running',
      'pending_verification',
      'completed',
      'failed',
      'timeout',
    ]
    expect(Object.keys(status.tasks)).toEqual([...states, 'verification_failed', 'cancelled'])
  })

  test('OPS-03 whether it is well, and ready', async () => {
    expect(await (await fetch(url('/healthz'))).json()).toEqual({ status: 'ok' })
    expect(await (await fetch(url('/readyz'))).json()).toEqual({ status: 'ready' })
  })

  test('OBS-01 the metrics, in the text format', async () => {
    const response = await fetch(url('/metrics'))
    expect(response.headers.get('content-type')).toContain('text/plain')
    const text = await response.text()
    expect(text).toContain('\nnetwork_status 1\n')
    expect(text).toContain('\npeers_connected 3\n')
    expect(text).toMatch(/^task_queue_size\{priority="normal"\} 0$/m)
    expect(text).toMatch(/^# TYPE tasks_submitted_total counter$/m)
  })

  test('WEB-08 the status as events, as it changes', async () => {
    const response = await fetch(url('/api/v1/events'))
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const { value } = await response.body!.getReader().read()
    const text = new TextDecoder().decode(value)
    expect(text.startsWith('event: status\ndata: {"networkId":')).toBe(true)
    expect(text.endsWith('}\n\n')).toBe(true)
  })
})

describe('signed requests', () => {
  test.each(signedRoutes)('%s %s is refused when nobody signed it', async (method, path) => {
    const body =
      method === 'GET' || method === 'DELETE'
        ? {}
        : { body: '{}', headers: { 'content-type': 'application/json' } }
    const answer = await problem(await fetch(url(path), { method, ...body }))
    expect(answer).toMatchObject({ status: 401, code: 'NotSigned' })
  })

  test.each<[string, SignedOptions, string]>([
    ['another path', { signedPath: `/api/v1/jobs/${uuid}?x=1` }, 'BadSignature'],
    ['another method', { signedMethod: 'DELETE' }, 'BadSignature'],
    ['another network', { networkId: 'ab'.repeat(32) }, 'BadSignature'],
    ['the network in upper case', { networkId: 'AB'.repeat(32) }, 'BadSignature'],
    ['6 minutes ago', { time: minutes(-6) }, 'StaleRequest'],
    ['6 minutes ahead', { time: minutes(6) }, 'StaleRequest'],
    ['a time without milliseconds', { time: '2025-11-20T10:00:00Z' }, 'MalformedSignature'],
    ['a time that is none', { time: 'yesterday' }, 'MalformedSignature'],
    ['an id that is no UUID', { id: 'one' }, 'MalformedSignature'],
    ['an id of another version', { id: '6f9619ff-8b86-1d01-b42d-00cf4fc964ff' }, 'MalformedSignature'],
    ['an id in upper case', { id: uuid.toUpperCase() }, 'MalformedSignature'],
    ['a key that is none', { headers: { 'tabmesh-key': 'me' } }, 'MalformedSignature'],
    [
      'a key of the right form that is none',
      { headers: { 'tabmesh-key': `12D3KooW${'z'.repeat(44)}` } },
      'BadSignature',
    ],
    ['a signature that is too short', { headers: { 'tabmesh-signature': 'ab' } }, 'MalformedSignature'],
    ['a signature of zeros', { headers: { 'tabmesh-signature': '00'.repeat(64) } }, 'BadSignature'],
  ])('SEC-04 are refused with %s', async (_, options, code) => {
    const answer = await problem(await call('GET', `/api/v1/jobs/${uuid}`, options))
    expect(answer).toMatchObject({ status: 401, code })
  })

  test('SEC-01 are refused when the body is another than was signed', async () => {
    const body = JSON.stringify(await submissionJson(http, 1))
    const answer = await problem(await call('POST', '/api/v1/tasks', { body, signedBody: `${body} ` }))
    expect(answer).toMatchObject({ status: 401, code: 'BadSignature' })
  })

  test('SEC-01 are refused in the name of another', async () => {
    const other = await newKey()
    const headers = { 'tabmesh-key': other.self }
    expect(await problem(await call('GET', `/api/v1/jobs/${uuid}`, { headers }))).toMatchObject({
      code: 'BadSignature',
    })
  })

  test('SEC-04 are taken up to 5 minutes off, either way', async () => {
    for (const time of [minutes(-4.9), minutes(4.9)]) {
      expect((await call('GET', `/api/v1/jobs/${uuid}`, { time })).status).toBe(404)
    }
  })

  test('SEC-04 are taken once', async () => {
    const options = { id: crypto.randomUUID(), time: new Date().toISOString() }
    expect((await call('GET', `/api/v1/jobs/${uuid}`, options)).status).toBe(404)
    expect(await problem(await call('GET', `/api/v1/jobs/${uuid}`, options))).toMatchObject({
      ...{ status: 409, code: 'Replayed' },
    })
    // The same id from another key is another request.
    expect((await call('GET', `/api/v1/jobs/${uuid}`, { ...options, key: await newKey() })).status).toBe(404)
  })

  test('SEC-04 with a wrong signature use up no id', async () => {
    const options = { id: crypto.randomUUID(), time: new Date().toISOString() }
    await call('GET', `/api/v1/jobs/${uuid}`, { ...options, networkId: 'ab'.repeat(32) })
    expect((await call('GET', `/api/v1/jobs/${uuid}`, options)).status).toBe(404)
  })
})

describe('blobs', () => {
  const put = (bytes: Uint8Array, hash: string) =>
    call('PUT', `/api/v1/blobs/${hash}`, { body: bytes, contentType: 'application/octet-stream' })
  const hashOf = async (bytes: Uint8Array) =>
    Buffer.from(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)).toString('hex')

  test('STO-07 come back as they were put', async () => {
    const bytes = crypto.getRandomValues(new Uint8Array(50_000))
    const hash = await hashOf(bytes)
    expect((await put(bytes, hash)).status).toBe(204)
    expect((await put(bytes, hash)).status).toBe(204)
    const back = new Uint8Array(await (await call('GET', `/api/v1/blobs/${hash}`)).arrayBuffer())
    expect(back).toEqual(bytes)
  })

  test('STO-07 of exactly 64 MiB are taken, of a byte more are not', async () => {
    const most = new Uint8Array(64 * 1024 * 1024)
    expect((await put(most, await hashOf(most))).status).toBe(204)
    const over = new Uint8Array(64 * 1024 * 1024 + 1)
    expect(await problem(await put(over, await hashOf(over)))).toMatchObject({
      ...{ status: 413, detail: 'A blob has at most 64 MiB' },
    })
  })

  test('STO-07 are refused under another hash, and in another type', async () => {
    expect(await problem(await put(Uint8Array.of(1), 'ab'.repeat(32)))).toMatchObject({
      status: 422,
      code: 'HashMismatch',
    })
    const options = { body: 'x', contentType: 'text/plain' }
    expect(await problem(await call('PUT', `/api/v1/blobs/${'ab'.repeat(32)}`, options))).toMatchObject({
      status: 415,
    })
    expect(await problem(await call('PUT', `/api/v1/blobs/${'ab'.repeat(32)}`))).toMatchObject({
      status: 400,
    })
  })

  test('STO-07 that are not there are not found', async () => {
    expect(await problem(await call('GET', `/api/v1/blobs/${'cd'.repeat(32)}`))).toMatchObject({
      status: 404,
    })
  })

  test('STO-07 are refused when the store is full', async () => {
    const { MemoryBlobs } = await import('./memory-blobs.ts')
    const full = await startHttp({ blobs: new MemoryBlobs({ blobBytesMax: 100, totalBytesMax: 100 }) })
    const bytes = new Uint8Array(90)
    const options = { body: bytes, contentType: 'application/octet-stream' }
    const answer = await signedFetch(full, 'PUT', `/api/v1/blobs/${await hashOf(bytes)}`, options)
    expect(await problem(answer)).toMatchObject({ status: 507, code: 'StorageFull' })
    await full.close()
  })
})

describe('NET-02 the HTTP port', () => {
  test.each([
    ['in use', () => http.server.port, /The HTTP port \d+ is in use\. .*--port/],
    ['of another machine', () => 0, /no address of this machine/],
  ])('NET-02 %s: says so, with exit code 2', async (what, port, message) => {
    const starting = startHttpServer({
      api: http.relay,
      host: what === 'in use' ? '127.0.0.1' : '203.0.113.1',
      port: port(),
      ...{ pageFolder: '/nowhere', counters: new Counters(), log: () => {} },
    })
    const error = await starting.catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(StartError)
    expect((error as StartError).message).toMatch(message)
    expect((error as StartError).exitCode).toBe(2)
  })
})
