import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { propertyRuns } from '../../support/property-runs.ts'
import { type ApiOperation, Conformance } from './conformance.ts'
import { type JsonSchema, mutationsOf, type Schemas, valuesOf } from './hostile-requests.ts'
import {
  type HttpFixture,
  jobJson,
  newJobId,
  type SignedOptions,
  signedFetch,
  startHttp,
  submissionJson,
} from './http-fixture.ts'
import { newKey } from './test-keys.ts'

/*
 * Requests made of the schemas of every route, with something wrong in them. `signedFetch` holds each answer against the
 * document as well: its status, its code and its form. To look for more: TABMESH_RUNS=20000 npm test -- --suite unit hostile
 */

let http: HttpFixture
let api: Conformance
let schemas: Schemas
beforeAll(async () => {
  http = await startHttp({ workers: 0 })
  api = await Conformance.of(http.server.url)
  schemas = api.document.components.schemas as Schemas
})
afterAll(() => http.close())

const internals = /node_modules|relay\/http|shared\/|\.ts\b|at \w+ \(|Error:|undefined|\[object|sqlite/i

/** What has to hold of any answer to a request with something wrong in it; the answer's status and text. */
async function refused(response: Response): Promise<{ status: number; text: string }> {
  const text = await response.text()
  const { status } = response
  expect([status < 500, text]).toEqual([true, text])
  if (status >= 400 && text !== '') {
    expect(response.headers.get('content-type')).toContain('application/problem+json')
    expect(JSON.parse(text)).toMatchObject({ status, code: expect.any(String), detail: expect.any(String) })
    expect(text.replace(/"detail":"(Unsupported task type|body|query|address).*/s, '')).not.toMatch(internals)
  }
  return { status, text }
}

const state = () => http.relay.saved()

/** Afterwards it works as before, and nothing was logged as a defect. */
async function isWell(): Promise<void> {
  const response = await signedFetch(http, 'POST', '/api/v1/tasks', {
    body: JSON.stringify(await submissionJson(http, randomUUID())),
  })
  expect(response.status).toBe(202)
  await response.arrayBuffer()
  expect(http.logged.filter((line) => line.startsWith('error'))).toEqual([])
}

const bodyFor = (method: string): SignedOptions => {
  if (method === 'POST') return { body: '{}' }
  return method === 'PUT' ? { body: '{}', contentType: 'application/octet-stream' } : {}
}

const bodyOf = (operation: ApiOperation): JsonSchema | undefined =>
  operation.requestBody?.content['application/json']?.schema as JsonSchema | undefined

describe('WEB-08 bodies with something wrong in them', () => {
  test.each(['/api/v1/tasks', '/api/v1/jobs', '/api/v1/tasks/ID/resubmit'])(
    'WEB-08 %s: refused with a code, nothing changed, or taken where it is right after all',
    { timeout: 600_000 },
    async (route) => {
      const jobId = newJobId(http.key)
      const good =
        route === '/api/v1/jobs' ? await jobJson(http, jobId, [1, 2]) : await submissionJson(http, 1)
      const path = route.replace('ID', randomUUID())
      const schema = bodyOf(api.operation('POST', path)!)!
      const isValid = api.validator(schema)
      await fc.assert(
        fc.asyncProperty(mutationsOf(good, schema, schemas), async (value) => {
          const before = state()
          const body = JSON.stringify(value) ?? ''
          const { status, text } = await refused(await signedFetch(http, 'POST', path, { body }))
          const isTaken = status < 300 && (status === 202 || text.includes('"accepted":true'))
          if (!isTaken) expect(state()).toBe(before)
          // What the document does not allow is never let in, and what it allows is never called malformed for it.
          if (body !== '' && !isValid(JSON.parse(body))) expect([400, 413]).toContain(status)
        }),
        propertyRuns(60),
      )
      await isWell()
    },
  )
})

describe('WEB-08 parameters with something wrong in them', () => {
  test('WEB-08 every route with parameters: refused with a code, nothing changed', {
    timeout: 600_000,
  }, async () => {
    const operations = Object.entries(api.document.paths).flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(
          ([method, { parameters = [] }]) =>
            method !== 'head' &&
            parameters.length > 0 &&
            !path.endsWith('events') &&
            !path.endsWith('results'),
        )
        .map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
    )
    expect(operations.length).toBeGreaterThan(8)
    const request = fc.constantFrom(...operations).chain(({ method, path, operation }) => {
      const parameters = (operation.parameters ?? []) as { name: string; in: string; schema: JsonSchema }[]
      const value = (schema: JsonSchema) =>
        fc.oneof(
          valuesOf(schema, schemas).map(String),
          fc.string({ unit: 'binary', maxLength: 120 }),
          fc.constantFrom('', '..', '%00', '0'.repeat(200)),
        )
      const all = Object.fromEntries(parameters.map(({ name, schema }) => [name, value(schema)]))
      return fc
        .record(all)
        .map((values) => ({ method, path, parameters, values: values as Record<string, string> }))
    })
    const before = state()
    await fc.assert(
      fc.asyncProperty(request, async ({ method, path, parameters, values }) => {
        let url = path
        const query: string[] = []
        for (const { name, in: where } of parameters) {
          const value = encodeURIComponent(values[name]!.toWellFormed())
          if (where === 'path') url = url.replace(`{${name}}`, value)
          else if (where === 'query') query.push(`${name}=${value}`)
        }
        const full = new URL(`http://x${url}${query.length > 0 ? `?${query.join('&')}` : ''}`)
        const body = bodyFor(method)
        await refused(await signedFetch(http, method, full.pathname + full.search, body))
        expect(state()).toBe(before)
      }),
      propertyRuns(80),
    )
    await isWell()
  })
})

describe('SEC-01 signatures with something wrong in them', () => {
  test('SEC-01 every signed route: refused with a code, nothing changed', { timeout: 600_000 }, async () => {
    const other = await newKey()
    const signed = Object.entries(api.document.paths).flatMap(([path, methods]) =>
      Object.entries(methods)
        .filter(([method, { security }]) => method !== 'head' && security.length > 0)
        .map(([method]) => ({
          method: method.toUpperCase(),
          path: path.replace('{id}', randomUUID()).replace('{hash}', 'ab'.repeat(32)),
        })),
    )
    expect(signed.length).toBeGreaterThan(12)
    const headers = ['tabmesh-key', 'tabmesh-id', 'tabmesh-time', 'tabmesh-signature']
    const ascii = fc.string({ unit: 'grapheme-ascii', maxLength: 150 }).map((text) => text.trim())
    const fault: fc.Arbitrary<SignedOptions> = fc.oneof(
      fc.record({ networkId: fc.constantFrom('', 'ab'.repeat(32)) }),
      fc.record({ signedPath: fc.constantFrom('/', '/api/v1/tasks?x') }),
      fc.record({ signedMethod: fc.constantFrom('PATCH', 'get', '') }),
      fc.record({ signedBody: fc.constantFrom(' ', '{}{}') }),
      fc
        .integer({ min: 301, max: 1e9 })
        .chain((s) =>
          fc
            .constantFrom(1, -1)
            .map((sign) => ({ time: new Date(Date.now() + sign * s * 1_000).toISOString() })),
        ),
      fc.record({
        id: fc.oneof(
          fc.constantFrom(randomUUID().toUpperCase(), '6f9619ff-8b86-1d01-b42d-00cf4fc964ff'),
          ascii.filter((t) => t !== ''),
        ),
      }),
      fc
        .tuple(
          fc.constantFrom(...headers),
          fc.oneof(ascii, fc.constantFrom(other.self, '00'.repeat(64), 'ff'.repeat(64))),
        )
        .map(([name, value]) => ({ headers: { [name]: value } })),
    )
    const before = state()
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...signed), fault, async ({ method, path }, options) => {
        const body = bodyFor(method)
        const { status } = await refused(await signedFetch(http, method, path, { ...body, ...options }))
        expect([status, method, path]).toEqual([401, method, path])
        expect(state()).toBe(before)
      }),
      propertyRuns(80),
    )
    await isWell()
  })

  test('SEC-04 replays: taken once, whatever the route', async () => {
    for (const [method, path] of [
      ['GET', '/api/v1/jobs'],
      ['DELETE', `/api/v1/jobs/${randomUUID()}`],
    ] as const) {
      const once = { id: randomUUID(), time: new Date().toISOString() }
      await (await signedFetch(http, method, path, once)).arrayBuffer()
      for (let n = 0; n < 3; n++) {
        const { status, text } = await refused(await signedFetch(http, method, path, once))
        expect([status, JSON.parse(text).code]).toEqual([409, 'Replayed'])
      }
    }
  })
})
