import { afterEach, expect, test } from 'vitest'
import {
  firstLines,
  type HttpFixture,
  jobJson,
  newJobId,
  problem,
  signedFetch,
  startHttp,
} from './http-fixture.ts'
import { GuestFault, type LoopbackOptions } from './loopback-relay.ts'
import { newKey } from './test-keys.ts'

let http: HttpFixture
afterEach(() => http.close())

async function submitted(inputs: readonly unknown[], options: LoopbackOptions = {}): Promise<string> {
  http = await startHttp(options)
  const jobId = newJobId(http.key)
  for (let first = 0; first < inputs.length; first += 256) {
    const job = await jobJson(http, jobId, inputs.slice(first, first + 256), { first })
    await signedFetch(http, 'POST', '/api/v1/jobs', { body: JSON.stringify(job) })
  }
  return jobId
}

const ended = (count: number) =>
  expect.poll(async () => (await http.relay.status()).tasks.completed, { timeout: 10_000 }).toBe(count)
const numbers = (count: number) => [...Array(count).keys()]

test('TSK-13 results that are not to be held are those of what has ended, and no more', async () => {
  const jobId = await submitted(numbers(6), {
    program: (_, item) => {
      if (item === 3) throw new GuestFault('thrown', 'x')
      return item
    },
  })
  await ended(5)
  const response = await signedFetch(http, 'GET', `/api/v1/jobs/${jobId}/results?from=1&held=false`)
  expect(response.headers.get('content-type')).toBe('application/x-ndjson')
  const lines = (await response.text())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines.map(({ index, status }) => [index, status])).toEqual([
    [1, 'completed'],
    [2, 'completed'],
    [3, 'failed'],
    [4, 'completed'],
    [5, 'completed'],
  ])
})

test('TSK-13 results of a job of which nothing has ended are none, at once', async () => {
  http = await startHttp()
  http.relay.hold()
  const jobId = newJobId(http.key)
  await signedFetch(http, 'POST', '/api/v1/jobs', { body: JSON.stringify(await jobJson(http, jobId, [1])) })
  const response = await signedFetch(http, 'GET', `/api/v1/jobs/${jobId}/results?held=false`)
  expect([response.status, await response.text()]).toEqual([200, ''])
})

test('TSK-13 results of many items come page by page, each once', async () => {
  const jobId = await submitted(numbers(700))
  await ended(700)
  const response = await signedFetch(http, 'GET', `/api/v1/jobs/${jobId}/results?held=false`)
  const lines = (await response.text())
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines.map(({ output }) => output)).toEqual(numbers(700))
})

test('TSK-12 results of another submitter are not given', async () => {
  const jobId = await submitted([1])
  const path = `/api/v1/jobs/${jobId}/results?held=false`
  const response = await signedFetch(http, 'GET', path, { key: await newKey() })
  expect((await problem(response)).code).toBe('Forbidden')
})

test.each(['', '&held=false'])(
  'WEB-08 every output is given as its bytes where that is asked (%s)',
  async (held) => {
    const outputs = [
      Uint8Array.of(0xff),
      new TextEncoder().encode('"text"'),
      new TextEncoder().encode('text\n'),
    ]
    const jobId = await submitted(numbers(3), { program: (_, item) => outputs[item as number] })
    await ended(3)
    const response = await signedFetch(
      http,
      'GET',
      `/api/v1/jobs/${jobId}/results?from=0&output=base64${held}`,
    )
    const lines = await firstLines(response, 3)
    expect(lines.map((line) => JSON.parse(line).output)).toEqual(
      outputs.map((bytes) => ({ base64: Buffer.from(bytes).toString('base64') })),
    )
  },
)

test.each(['held=maybe', 'output=hex', 'held=false&held=true', 'wait=1'])(
  'WEB-08 a query of results with %s is malformed',
  async (query) => {
    const jobId = await submitted([1])
    const response = await signedFetch(http, 'GET', `/api/v1/jobs/${jobId}/results?${query}`)
    expect((await problem(response)).code).toBe('MalformedRequest')
  },
)
