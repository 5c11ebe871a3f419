import { connect as connectSocket } from 'node:net'
import { text as readAll } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { problemCodes } from '../../../relay/http/problem-codes.ts'
import {
  type HttpFixture,
  type ProblemJson,
  problem,
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
const url = (path: string) => http.server.url + path

/** The answer to bytes as they are, and the problem in it. */
async function raw(bytes: string): Promise<{ head: string; problem: ProblemJson }> {
  const socket = connectSocket(http.server.port, '127.0.0.1')
  socket.write(bytes, 'latin1')
  const [head, body] = (await readAll(socket)).split('\r\n\r\n', 2)
  expect(head!.toLowerCase()).toContain('content-type: application/problem+json')
  return { head: head!, problem: JSON.parse(body!) }
}

describe('WEB-08 every error is a problem that says what to do', () => {
  test('WEB-08 where nothing is', async () => {
    const answer = await problem(await fetch(url('/api/v1/nothing')))
    expect(answer).toMatchObject({ type: 'about:blank', title: 'Not Found', status: 404, code: 'NotFound' })
    expect(answer.detail).toContain('/docs')
  })

  test('WEB-08 with a method that an address does not know: it names those it knows', async () => {
    const known = new Map<string, Set<string>>()
    for (const [method, path] of routes) known.set(path, (known.get(path) ?? new Set()).add(method))
    for (const [path, methods] of known) {
      for (const method of ['PATCH', 'OPTIONS', 'PUT', 'DELETE', 'POST'].filter(
        (each) => !methods.has(each),
      )) {
        const response = await fetch(url(path), { method })
        const allowed = response.headers.get('allow')?.split(', ') ?? []
        expect(await problem(response)).toMatchObject({ status: 405, code: 'MethodNotAllowed' })
        expect(allowed.filter((each) => each !== 'HEAD').sort()).toEqual([...methods].sort())
      }
    }
  })

  test.each([
    ['no HTTP', 'hello\r\n\r\n', 400, 'MalformedHttp'],
    [
      'headers without end',
      `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(40_000)}\r\n\r\n`,
      431,
      'HeadersTooLarge',
    ],
    ['no host', 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'HostMissing'],
    [
      'a WebSocket',
      'GET /api/v1/status HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      400,
      'UpgradeUnsupported',
    ],
    ['a proxy', 'CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n', 405, 'MethodNotAllowed'],
    [
      'an unknown expectation',
      'GET /healthz HTTP/1.1\r\nHost: x\r\nExpect: a-miracle\r\nConnection: close\r\n\r\n',
      417,
      'ExpectationFailed',
    ],
    [
      'an address that cannot be decoded',
      'GET /api/v1/jobs/%E0%A4%A HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      400,
      'BadUrl',
    ],
  ])('WEB-08 where %s is asked for', async (_, bytes, status, code) => {
    const { head, problem: answer } = await raw(
      bytes.replace('Connection: Upgrade', 'Connection: Upgrade, close'),
    )
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(answer).toMatchObject({ status, code })
  })

  test('an upgrade that can do without is served as it is', async () => {
    const socket = connectSocket(http.server.port, '127.0.0.1')
    socket.write(
      'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n\r\n',
    )
    expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 200 /)
  })

  test('WEB-08 a body in bytes that are no text', async () => {
    const body = Buffer.concat([Buffer.from('{"task":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')])
    const answer = await problem(
      await signedFetch(http, 'POST', '/api/v1/tasks', { body: new Uint8Array(body) }),
    )
    expect(answer).toMatchObject({ status: 400, code: 'MalformedJson' })
  })

  test('WEB-08 a body that is not read is not waited for: a signature that cannot be right is refused first', async () => {
    const socket = connectSocket(http.server.port, '127.0.0.1')
    socket.write(
      'POST /api/v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{',
    )
    const first = await new Promise<Buffer>((resolve) => socket.once('data', resolve))
    expect(first.toString()).toMatch(/^HTTP\/1\.1 401 .*"code":"NotSigned"/s)
    socket.destroy()
  })

  test('WEB-08 the code and the status of each are those that are documented', async () => {
    const submission = await submissionJson(http, 1, { taskType: 'x' })
    const answers = [
      await fetch(url('/nothing')),
      await fetch(url(`/api/v1/jobs/${uuid}`)),
      await signedFetch(http, 'GET', `/api/v1/jobs/${uuid}`),
      await signedFetch(http, 'GET', `/api/v1/tasks/${uuid}`),
      await signedFetch(http, 'POST', '/api/v1/tasks', { body: '{' }),
      await signedFetch(http, 'POST', '/api/v1/tasks', { body: JSON.stringify(submission) }),
    ]
    for (const answer of answers) {
      const { code, status } = await problem(answer)
      expect(problemCodes[code as keyof typeof problemCodes].status).toBe(status)
    }
  })
})
