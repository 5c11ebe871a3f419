import { ProcessNetwork } from '../../support/tabmesh-processes.ts'
import type { BenchOptions, Findings } from '../bench.ts'
import { resultOf } from '../result.ts'
import { quantile } from '../statistics.ts'
import { type PreparedRequest, RelayClient } from './relay-client.ts'

/** The aim for every class of rejection, in ms at the 95th percentile. */
const target = { max: 5 } as const
const requestsPerRun = 100
const warmUps = 30
const uuid = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff'

interface Kind {
  readonly name: string
  readonly status: number
  readonly code: string
  readonly isLarge: boolean
  make(): Promise<PreparedRequest>
}

/**
 * A relay as a process of its own, one request after another over one connection, the kinds taking turns. A large one is
 * by itself: what is left of its text is collected during whatever comes next.
 */
export async function measureRejections({ runs, progress }: BenchOptions): Promise<Findings> {
  const network = await ProcessNetwork.start(0)
  const client = await RelayClient.connect(network.url)
  try {
    const kinds = await rejections(client)
    const accepted: PreparedRequest = { method: 'GET', path: '/healthz', headers: {} }
    const samples = new Map<string, number[]>()
    for (let run = 0; run <= runs; run++) {
      progress(`run ${run} of ${runs}`)
      const count = run === 0 ? warmUps : requestsPerRun
      const large = kinds.filter(({ isLarge }) => isLarge).map((kind) => [kind])
      const times = new Map<string, number[]>()
      // The small ones last: `accepted` is theirs.
      for (const group of [...large, kinds.filter(({ isLarge }) => !isLarge)])
        for (const [name, ms] of await oneRun(client, group, accepted, count)) times.set(name, ms)
      if (run === 0) continue
      for (const [name, ms] of times) samples.set(name, [...(samples.get(name) ?? []), quantile(ms, 0.95)])
    }
    const baseline = { name: 'accepted GET /healthz p95', samples: samples.get('accepted')! }
    const results = kinds.map(({ name }) =>
      resultOf({
        ...{ name: `reject ${name} p95`, unit: 'ms' as const, baseline, target },
        samples: samples.get(name)!,
      }),
    )
    return { results, missing: [] }
  } finally {
    client.close()
    await network.close()
  }
}

async function oneRun(
  client: RelayClient,
  kinds: readonly Kind[],
  accepted: PreparedRequest,
  count: number,
): Promise<Map<string, number[]>> {
  const times = new Map<string, number[]>([['accepted', []]])
  for (let n = 0; n < count; n++) {
    for (const { name, code, status, make } of kinds) {
      const answer = await client.send(await make())
      if (answer.status !== status || !answer.text.includes(`"code":"${code}"`)) {
        throw new Error(`${code} was answered with ${answer.status} ${answer.text.slice(0, 200)}`)
      }
      times.set(name, [...(times.get(name) ?? []), answer.ms])
    }
    const answer = await client.send(accepted)
    if (answer.status !== 200) throw new Error(`/healthz was answered with ${answer.status}`)
    times.get('accepted')!.push(answer.ms)
  }
  return times
}

async function rejections(client: RelayClient): Promise<readonly Kind[]> {
  await client.uploadProgram()
  const input = Buffer.from('1')
  const post = (value: unknown) => client.signed('POST', '/api/v1/tasks', JSON.stringify(value))
  const get = (path: string) => client.signed('GET', path)
  const submission = await client.submission(input)
  const forged = (signed: PreparedRequest, name: string, value: string): PreparedRequest => ({
    ...signed,
    headers: { ...signed.headers, [name]: value },
  })
  const used = await get(`/api/v1/jobs/${uuid}`)
  await client.send(used)
  // Larger ones are refused unread, and their connection is closed.
  const over = JSON.stringify({ ...submission, input: { kind: 'inline', bytes: '20'.repeat(2 ** 20 + 1) } })
  const job = JSON.stringify({ jobId: uuid, tasks: Array.from({ length: 256 }, () => submission) })
  const table: readonly (readonly [status: number, code: string, make: Kind['make'], what?: string])[] = [
    [404, 'NotFound', async () => ({ method: 'GET', path: '/api/v1/nothing', headers: {} })],
    [405, 'MethodNotAllowed', async () => ({ method: 'DELETE', path: '/api/v1/status', headers: {} })],
    [401, 'NotSigned', async () => ({ method: 'GET', path: '/api/v1/jobs', headers: {} })],
    [401, 'MalformedSignature', async () => forged(await post(submission), 'tabmesh-id', '1')],
    [
      401,
      'StaleRequest',
      async () => forged(await post(submission), 'tabmesh-time', '2025-01-31T12:00:00.000Z'),
    ],
    [401, 'BadSignature', async () => forged(await post(submission), 'tabmesh-signature', 'ab'.repeat(64))],
    [409, 'Replayed', async () => used],
    [415, 'UnsupportedMediaType', async () => forged(await post(submission), 'content-type', 'text/plain')],
    [400, 'MalformedJson', () => client.signed('POST', '/api/v1/tasks', '{"task":')],
    [400, 'MalformedRequest', () => post({ ...submission, note: 1 })],
    [422, 'UnsupportedTaskType', () => post({ ...submission, taskType: 'mind_reading' })],
    [403, 'BadSignature', () => post({ ...submission, signature: 'ab'.repeat(64) })],
    [403, 'Forbidden', () => post({ ...submission, priority: 'critical' })],
    [
      409,
      'BlobMissing',
      async () => post(await client.submission(input, { programHash: 'ab'.repeat(32) as never })),
    ],
    [413, 'PayloadTooLarge', () => client.signed('POST', '/api/v1/tasks', over), 'by one byte'],
    [400, 'MalformedRequest', () => client.signed('POST', '/api/v1/jobs', job), 'of 256 tasks'],
    [404, 'TaskNotFound', () => get(`/api/v1/tasks/${uuid}`)],
    [404, 'JobNotFound', () => get(`/api/v1/jobs/${uuid}`)],
    [404, 'BlobNotFound', () => get(`/api/v1/blobs/${'cd'.repeat(32)}`)],
  ]
  return table.map(([status, code, make, what]) => ({
    ...{ status, code, make },
    name: `${code}${what === undefined ? '' : ` ${what}`} ${status}`,
    isLarge: what !== undefined,
  }))
}
