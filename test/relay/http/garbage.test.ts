import { connect as connectSocket, type Socket } from 'node:net'
import { text as readAll } from 'node:stream/consumers'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Counters } from '../../../shared/host/counters.ts'
import {
  type HttpFixture,
  jobJson,
  newJobId,
  problem,
  type SignedOptions,
  signedFetch,
  startHttp,
  submissionJson,
} from './http-fixture.ts'
import { routes, uuid } from './routes.ts'

let http: HttpFixture
beforeAll(async () => {
  http = await startHttp()
})
afterAll(() => http.close())

const call = (method: string, path: string, options?: SignedOptions) =>
  signedFetch(http, method, path, options)
const url = (path: string) => http.server.url + path

async function isAlive(): Promise<boolean> {
  return (await fetch(url('/healthz'))).status === 200
}

describe('bodies', () => {
  const good = () => submissionJson(http, { a: 1 })

  test.each<[string, (body: Record<string, never>) => void, RegExp]>([
    ['an unknown field', (b) => Object.assign(b, { note: 1 }), /^body\.note: unknown field$/],
    [
      'an unknown field of the task',
      (b) => Object.assign(b['task']!, { note: 1 }),
      /^body\.task\.note: unknown field$/,
    ],
    ['a missing field', (b) => Reflect.deleteProperty(b, 'signature'), /^body: missing signature$/],
    [
      'a missing limit',
      (b) => Reflect.deleteProperty(b['task']!['limits'], 'fuel'),
      /^body\.task\.limits: missing fuel$/,
    ],
    ['a text for a number', (b) => Object.assign(b['task']!, { index: '0' }), /^body\.task\.index: /],
    ['a fraction', (b) => Object.assign(b['task']!, { index: 0.5 }), /^body\.task\.index: /],
    ['a negative number', (b) => Object.assign(b['task']!, { index: -1 }), /^body\.task\.index: /],
    [
      'a number beyond what is exact',
      (b) => Object.assign(b['task']!['limits'], { fuel: 2 ** 60 }),
      /^body\.task\.limits\.fuel: /,
    ],
    ['no fuel', (b) => Object.assign(b['task']!['limits'], { fuel: 0 }), /^body\.task\.limits\.fuel: /],
    [
      'a day and more',
      (b) => Object.assign(b['task']!['limits'], { maxDurationSeconds: 90_000 }),
      /maxDurationSeconds/,
    ],
    [
      'a task id in upper case',
      (b) => Object.assign(b['task']!, { taskId: uuid.toUpperCase() }),
      /^body\.task\.taskId: /,
    ],
    [
      'a time in another form',
      (b) => Object.assign(b['task']!, { submittedAt: '2025-11-20' }),
      /^body\.task\.submittedAt: /,
    ],
    ['an unknown priority', (b) => Object.assign(b, { priority: 'urgent' }), /^body\.priority: /],
    [
      'an unknown comparator',
      (b) => Object.assign(b['task']!['verification'], { comparator: 'fuzzy' }),
      /comparator/,
    ],
    [
      'a tolerance that goes with no comparator',
      (b) => Object.assign(b['task']!['verification'], { tolerance: 0.1 }),
      /^body\.task\.verification: a tolerance goes with the comparator numeric, not with exact$/,
    ],
    [
      'numbers to compare and no tolerance',
      (b) => Object.assign(b['task']!['verification'], { comparator: 'numeric' }),
      /^body\.task\.verification: the comparator numeric needs a tolerance$/,
    ],
    [
      'a tolerance in a text',
      (b) => Object.assign(b['task']!['verification'], { comparator: 'numeric', tolerance: '0.1' }),
      /^body\.task\.verification\.tolerance: must be number$/,
    ],
    [
      'a tolerance of null',
      (b) => Object.assign(b['task']!['verification'], { tolerance: null }),
      /^body\.task\.verification\.tolerance: must be number$/,
    ],
    [
      'an error target that anyone meets',
      (b) => Object.assign(b['task']!['verification'], { errorTarget: 0.5 }),
      /^body\.task\.verification: the error target 0\.5 is not over 0 and at most 0\.1$/,
    ],
    [
      'an unknown field of the policy',
      (b) => Object.assign(b['task']!['verification'], { mode: 'adaptive' }),
      /^body\.task\.verification\.?.*: unknown field$/,
    ],
    [
      'an unknown kind of input',
      (b) => Object.assign(b, { input: { kind: 'url', bytes: '' } }),
      /^body\.input: none of its forms$/,
    ],
    [
      'input that is no hex',
      (b) => Object.assign(b, { input: { kind: 'inline', bytes: 'zz' } }),
      /^body\.input/,
    ],
    [
      'half a byte of input',
      (b) => Object.assign(b, { input: { kind: 'inline', bytes: 'abc' } }),
      /odd number/,
    ],
    ['a type of no letters', (b) => Object.assign(b, { taskType: '' }), /^body\.taskType: /],
    [
      '__proto__',
      (b) => Object.defineProperty(b, '__proto__', { value: {}, enumerable: true }),
      /unknown field/,
    ],
  ])('TSK-01 with %s are refused, the field named', async (_, change, expected) => {
    const body = structuredClone(await good()) as unknown as Record<string, never>
    change(body)
    const answer = await problem(await call('POST', '/api/v1/tasks', { body: JSON.stringify(body) }))
    expect(answer).toMatchObject({ status: 400, code: 'MalformedRequest' })
    expect(answer.detail).toMatch(expected)
  })

  test.each<[string, unknown, RegExp]>([
    ['no tasks', { jobId: uuid, tasks: [] }, /^body\.tasks: /],
    ['257 tasks', { jobId: uuid, tasks: Array(257).fill({}) }, /^body\.tasks/],
    ['tasks that are no list', { jobId: uuid, tasks: {} }, /^body\.tasks: /],
    ['a job id that is none', { jobId: 'mine', tasks: [{}] }, /^body\.jobId: /],
  ])('TSK-13 of jobs with %s are refused', async (_, body, expected) => {
    const answer = await problem(await call('POST', '/api/v1/jobs', { body: JSON.stringify(body) }))
    expect(answer).toMatchObject({ status: 400, code: 'MalformedRequest' })
    expect(answer.detail).toMatch(expected)
  })

  test('TSK-13 of jobs with a task of another job are refused', async () => {
    const body = await jobJson(http, newJobId(http.key), [1, 2])
    const answer = await problem(
      await call('POST', '/api/v1/jobs', { body: JSON.stringify({ ...body, jobId: uuid }) }),
    )
    expect(answer.detail).toBe("body.tasks[0].task.jobId: not the body's jobId")
  })

  test.each([
    ['no JSON', '{"a":'],
    ['nothing', ''],
    ['null', 'null'],
    ['a list', '[]'],
    ['a number', '7'],
    ['bytes that are no UTF-8', Uint8Array.of(0x7b, 0xff, 0x7d)],
    ['a very deep value', '['.repeat(200_000)],
    ['a deep value that ends', `{"task":${'['.repeat(50_000)}${']'.repeat(50_000)}}`],
  ])('TSK-01 that are %s are refused', async (_, body) => {
    const answer = await problem(await call('POST', '/api/v1/tasks', { body }))
    expect(answer.status).toBe(400)
  })

  test('TSK-01 of another type are refused', async () => {
    const body = JSON.stringify(await good())
    for (const contentType of [
      'text/plain',
      'application/xml',
      'multipart/form-data; boundary=x',
      '*/*',
      'x',
    ]) {
      expect(await problem(await call('POST', '/api/v1/tasks', { body, contentType }))).toMatchObject({
        status: 415,
      })
    }
  })

  test('TSK-02 every refusal is counted by its reason', async () => {
    const counters = new Counters()
    const own = await startHttp({ counters })
    const submit = async (body: unknown) =>
      signedFetch(own, 'POST', '/api/v1/tasks', { body: JSON.stringify(body) })
    await submit({})
    await submit(await submissionJson(own, 1, { taskType: 'x' }))
    await submit(await submissionJson(own, 1, { taskType: 'y' }))
    await submit(await submissionJson(own, 1, { programSizeBytes: 70_000_000 }))
    await submit(await submissionJson(own, 1, { programHash: 'ab'.repeat(32) as never }))
    await own.close()
    expect(Object.fromEntries(counters.of('tasks_rejected_total'))).toEqual({
      ...{ UnsupportedTaskType: 2, PayloadTooLarge: 1 },
    })
    expect(Object.fromEntries(own.counters.of('tasks_rejected_total'))).toEqual({
      ...{ MalformedRequest: 1, BlobMissing: 1 },
    })
  })
})

describe('garbage', () => {
  test.each(['/api/v1/nothing', '/api/v2/tasks', '/nothing', '/api/v1/tasks/1/2/3', '/api/v1/blobs'])(
    '%s is not found',
    async (path) => {
      expect(await problem(await fetch(url(path)))).toMatchObject({ status: 404, code: 'NotFound' })
    },
  )

  test('query and path in every wrong form get a 4xx', async () => {
    const paths = [
      ...['x', '-1', '1.5', '1e3', '01', '99999999999', ''].map(
        (from) => `/api/v1/jobs/${uuid}/results?from=${from}`,
      ),
      `/api/v1/jobs/${uuid}/results?from=1&from=2`,
      `/api/v1/jobs/${uuid}/results?until=1`,
      '/api/v1/jobs/not-a-uuid',
      `/api/v1/jobs/${'a'.repeat(500)}`,
      `/api/v1/blobs/${'AB'.repeat(32)}`,
      `/api/v1/blobs/..%2f..%2fetc%2fpasswd`,
    ]
    for (const path of paths) {
      const { status } = await problem(await call('GET', path))
      expect([path, status >= 400 && status < 500]).toEqual([path, true])
    }
  })

  test('an address that cannot be decoded gets a 400', async () => {
    expect(await problem(await fetch(url('/api/v1/jobs/%E0%A4%A')))).toMatchObject({
      status: 400,
      code: 'BadUrl',
    })
  })

  test('any JSON on any route that takes a body is answered with a 4xx', async () => {
    const paths = routes.filter(([method]) => method === 'POST').map(([, path]) => path)
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), fc.jsonValue(), async (path, value) => {
        const { status } = await problem(await call('POST', path, { body: JSON.stringify(value) }))
        expect(status).toBeGreaterThanOrEqual(400)
        expect(status).toBeLessThan(500)
      }),
      { numRuns: 300 },
    )
    expect(await isAlive()).toBe(true)
  })

  test('a submission with any part replaced by anything is answered, and never by a crash', async () => {
    const submission = await submissionJson(http, 1)
    const paths = pathsOf(submission)
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), fc.jsonValue(), async (path, value) => {
        const body = structuredClone(submission) as unknown as Record<string, unknown>
        const parent = path.slice(0, -1).reduce((at, name) => at[name] as Record<string, unknown>, body)
        parent[path.at(-1)!] = value
        const response = await call('POST', '/api/v1/tasks', { body: JSON.stringify(body) })
        await response.arrayBuffer()
        expect(response.status).toBeLessThan(500)
      }),
      { numRuns: 300 },
    )
    expect(http.logged.filter((line) => line.startsWith('error'))).toEqual([])
  })

  test('any headers and methods on any route are answered with less than 500', async () => {
    const name = fc.constantFrom(
      'tabmesh-key',
      'tabmesh-id',
      'tabmesh-time',
      'tabmesh-signature',
      'content-type',
      'accept',
    )
    const value = fc.string({ unit: fc.constantFrom(...'abc019-_:;,./ ="é'), maxLength: 200 })
    const method = fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD')
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...routes),
        method,
        fc.dictionary(name, value),
        async ([, path], someMethod, headers) => {
          const response = await fetch(url(path), { method: someMethod, headers })
          await response.arrayBuffer()
          expect(response.status).toBeLessThan(500)
        },
      ),
      { numRuns: 300 },
    )
    expect(await isAlive()).toBe(true)
  })

  test.each([
    ['no HTTP', 'hello\r\n\r\n', 400],
    ['TLS', `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${'\x00'.repeat(100)}`, 400],
    ['a length that is none', 'POST /api/v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n', 400],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
    ['headers without end', `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(40_000)}\r\n\r\n`, 431],
    ['a method of another world', 'BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ])('bytes that are %s get an answer and a closed connection', async (_, bytes, status) => {
    expect(await raw(bytes)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(await isAlive()).toBe(true)
  })

  test('a connection that is cut in the middle of a body leaves the server well', async () => {
    for (let i = 0; i < 20; i++) {
      const socket = await socketTo()
      socket.write(
        'POST /api/v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"a":',
      )
      socket.destroy()
    }
    expect(await isAlive()).toBe(true)
  })

  function socketTo(): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connectSocket(http.server.port, '127.0.0.1', () => resolve(socket))
      socket.on('error', reject)
    })
  }

  async function raw(bytes: string): Promise<string> {
    const socket = await socketTo()
    socket.write(bytes, 'latin1')
    return readAll(socket)
  }
})

function pathsOf(value: unknown, path: readonly string[] = []): string[][] {
  if (value === null || typeof value !== 'object') return [[...path]]
  const inner = Object.entries(value).flatMap(([name, each]) => pathsOf(each, [...path, name]))
  return path.length === 0 ? inner : [[...path], ...inner]
}
