import { afterEach, describe, expect, test } from 'vitest'
import { verifyReceipt } from '../../../shared/client/verify-receipt.ts'
import type { Hash } from '../../../shared/kernel/ids.ts'
import { hashOf } from '../../client/receipts.ts'
import {
  firstLines,
  type HttpFixture,
  jobJson,
  newJobId,
  problem,
  type SignedOptions,
  signedFetch,
  startHttp,
  submissionJson,
} from './http-fixture.ts'
import { GuestFault, type LoopbackOptions } from './loopback-relay.ts'
import { checker, newKey } from './test-keys.ts'

let http: HttpFixture
afterEach(() => http?.close())

const start = async (options?: LoopbackOptions) => {
  http = await startHttp(options)
}
const call = (method: string, path: string, options?: SignedOptions) =>
  signedFetch(http, method, path, options)
const post = (path: string, value: unknown, options: SignedOptions = {}) =>
  call('POST', path, { ...options, body: JSON.stringify(value) })

/** Waits for the end of a task by the stream of its results. */
async function ended(id: string, count = 1, options?: SignedOptions): Promise<string[]> {
  const response = await call('GET', `/api/v1/jobs/${id}/results?from=0`, options)
  expect(response.status).toBe(200)
  return firstLines(response, count)
}

describe('TSK-01 one task', () => {
  test('TSK-01 is accepted with its id and an estimate', async () => {
    await start()
    const submission = await submissionJson(http, { a: 1 })
    const response = await post('/api/v1/tasks', submission)
    expect(response.status).toBe(202)
    const answer = await response.json()
    expect(answer).toEqual({
      task_id: submission.task.taskId,
      status: 'accepted',
      estimated_completion_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    })
    expect(Date.parse(answer.estimated_completion_time)).toBeGreaterThan(Date.now() - 1_000)
  })

  test('TSK-01 is normal when no priority is given', async () => {
    await start({ workers: 0 })
    const { priority: _, ...submission } = await submissionJson(http, 1)
    expect((await post('/api/v1/tasks', submission)).status).toBe(202)
    const { queue } = await (await fetch(`${http.server.url}/api/v1/status`)).json()
    expect(queue).toEqual({ critical: 0, normal: 1, low: 0 })
  })

  test('TSK-12 is told of while it waits and when it is done', async () => {
    await start({ workers: 1 })
    const submission = await submissionJson(http, 'x')
    const { taskId, submittedAt } = submission.task
    await post('/api/v1/tasks', submission)
    expect(await (await call('GET', `/api/v1/tasks/${taskId}`)).json()).toEqual({
      ...{ taskId, jobId: null, submittedAt, status: 'pending', attempts: 0, missing: { workers: 2 } },
    })
    await http.close()
    await start()
    const other = await submissionJson(http, 'x')
    await post('/api/v1/tasks', other)
    await ended(other.task.taskId)
    const done = await (await call('GET', `/api/v1/tasks/${other.task.taskId}`)).json()
    expect(done).toMatchObject({ status: 'completed', attempts: 3, verifications: 2, output: 'x' })
    expect(Date.parse(done.completedAt)).toBeGreaterThanOrEqual(Date.parse(done.submittedAt))
  })

  test('TSK-08 that fails says how', async () => {
    await start({
      program: () => {
        throw new GuestFault('thrown', 'no such "city"\n')
      },
    })
    const submission = await submissionJson(http, 1)
    await post('/api/v1/tasks', submission)
    const { taskId } = submission.task
    const [line] = await ended(taskId)
    expect(line).toBe(
      `{"index":0,"taskId":"${taskId}","status":"failed","error":{"kind":"thrown","message":"no such \\"city\\"\\n"}}`,
    )
    const report = await (await call('GET', `/api/v1/tasks/${taskId}`)).json()
    expect(report).toMatchObject({ status: 'failed', error: { kind: 'thrown', message: 'no such "city"\n' } })
    const receipt = await (await call('GET', `/api/v1/tasks/${taskId}/receipt`)).json()
    expect(receipt.tasks[0].outcome).toEqual({ kind: 'error', error: 'thrown' })
    expect(await verifyReceipt(receipt, { crypto: checker })).toMatchObject({ valid: true })
  })

  test('TSK-11 has a receipt that holds', async () => {
    await start({ program: (_, item) => [item] })
    const submission = await submissionJson(http, 'é')
    await post('/api/v1/tasks', submission)
    const { taskId } = submission.task
    await ended(taskId)
    const response = await call('GET', `/api/v1/tasks/${taskId}/receipt`)
    expect(response.headers.get('content-type')).toContain('application/json')
    const receipt = await response.json()
    expect(await verifyReceipt(receipt, { crypto: checker })).toMatchObject({ valid: true, tasks: 1 })
    expect(receipt.tasks[0].outcome.outputHash).toBe(hashOf('["é"]'))
  })

  test('TSK-01 submitted again changes nothing', async () => {
    await start()
    const submission = await submissionJson(http, 1)
    for (let i = 0; i < 3; i++) expect((await post('/api/v1/tasks', submission)).status).toBe(202)
    await ended(submission.task.taskId)
    expect((await post('/api/v1/tasks', submission)).status).toBe(202)
    const { tasks } = await http.relay.status()
    expect(tasks).toMatchObject({ completed: 1, pending: 0 })
  })

  test('TSK-02 inline input over 4 KiB is kept as a blob and runs', async () => {
    await start()
    const text = 'long '.repeat(20_000)
    const submission = await submissionJson(http, text)
    const bytes = Buffer.from(JSON.stringify(text)).toString('hex')
    expect((await post('/api/v1/tasks', { ...submission, input: { kind: 'inline', bytes } })).status).toBe(
      202,
    )
    const [line] = await ended(submission.task.taskId)
    expect(JSON.parse(line!).output).toBe(text)
  })

  test('TSK-12 can be cancelled by its submitter, before and after the end', async () => {
    await start({ workers: 1 })
    const submission = await submissionJson(http, 1)
    await post('/api/v1/tasks', submission)
    const { taskId } = submission.task
    expect((await call('DELETE', `/api/v1/tasks/${taskId}`)).status).toBe(204)
    expect((await call('DELETE', `/api/v1/tasks/${taskId}`)).status).toBe(204)
    expect(await (await call('GET', `/api/v1/tasks/${taskId}`)).json()).toMatchObject({ status: 'cancelled' })
    const [line] = await ended(taskId)
    expect(JSON.parse(line!)).toMatchObject({ status: 'failed', error: { kind: 'cancelled' } })
    expect(await problem(await call('GET', `/api/v1/tasks/${taskId}/receipt`))).toMatchObject({
      ...{ status: 409, code: 'NoQuorum' },
    })
  })

  test('TSK-12 that failed is tried again as a task of its own', async () => {
    let fails = true
    await start({
      program: (_, item) => {
        if (fails) throw new GuestFault('thrown', 'not today')
        return item
      },
    })
    const failed = await submissionJson(http, 'again')
    await post('/api/v1/tasks', failed)
    await ended(failed.task.taskId)
    fails = false
    const path = `/api/v1/tasks/${failed.task.taskId}/resubmit`
    const other = await submissionJson(http, 'something else')
    expect(await problem(await post(path, other))).toMatchObject({ status: 422, code: 'OtherTask' })
    const again = await submissionJson(http, 'again')
    expect((await post(path, again)).status).toBe(202)
    const [line] = await ended(again.task.taskId)
    expect(JSON.parse(line!).output).toBe('again')
    const third = await submissionJson(http, 'again')
    const completed = `/api/v1/tasks/${again.task.taskId}/resubmit`
    expect(await problem(await post(completed, third))).toMatchObject({ status: 409, code: 'NotFailed' })
  })
})

describe('TSK-12 tasks of others', () => {
  test('TSK-12 are told of to nobody but their submitter and Admins', async () => {
    await start()
    const submission = await submissionJson(http, 1)
    await post('/api/v1/tasks', submission)
    const { taskId } = submission.task
    await ended(taskId)
    const key = await newKey()
    const paths = [
      `tasks/${taskId}`,
      `tasks/${taskId}/receipt`,
      `jobs/${taskId}`,
      `jobs/${taskId}/results`,
      `jobs/${taskId}/receipt`,
    ]
    for (const path of paths) {
      const answer = await problem(await call('GET', `/api/v1/${path}`, { key }))
      expect(answer).toMatchObject({ status: 403, code: 'Forbidden' })
    }
    for (const path of [`tasks/${taskId}`, `jobs/${taskId}`]) {
      expect(await problem(await call('DELETE', `/api/v1/${path}`, { key }))).toMatchObject({ status: 403 })
    }
    const admin = { key: http.relay.adminKey }
    for (const path of [`tasks/${taskId}`, `tasks/${taskId}/receipt`, `jobs/${taskId}/receipt`]) {
      expect((await call('GET', `/api/v1/${path}`, admin)).status).toBe(200)
    }
  })

  test('TSK-12 cannot be put into a job of another', async () => {
    await start({ workers: 0 })
    const jobId = newJobId(http.key)
    await post('/api/v1/jobs', await jobJson(http, jobId, [1]))
    const key = await newKey()
    const answer = await problem(
      await post('/api/v1/jobs', await jobJson(http, jobId, [2], { key, first: 1 }), { key }),
    )
    expect(answer).toMatchObject({ status: 403, code: 'Forbidden' })
    const single = await submissionJson(http, 3, { key, jobId })
    expect(await problem(await post('/api/v1/tasks', single, { key }))).toMatchObject({ status: 403 })
  })

  test('TSK-12 cannot be submitted in their name', async () => {
    await start()
    const key = await newKey()
    const submission = await submissionJson(http, 1)
    expect(await problem(await post('/api/v1/tasks', submission, { key }))).toMatchObject({
      ...{ status: 403, code: 'NotSubmitter' },
    })
  })

  test.each(['tasks', 'jobs'])('TSK-12 that nobody knows are not found: %s', async (kind) => {
    await start()
    const path = `/api/v1/${kind}/${newJobId(http.key)}`
    expect((await problem(await call('GET', path))).status).toBe(404)
    expect((await problem(await call('GET', `${path}/receipt`))).status).toBe(404)
    expect((await problem(await call('DELETE', path))).status).toBe(404)
  })
})

describe('TSK-13 a job', () => {
  test('TSK-13 streams its results in the order of its items, from where the reader asks', async () => {
    await start({ program: (_, item) => Number(item) + 1 })
    const jobId = newJobId(http.key)
    const { tasks } = await jobJson(http, jobId, [...Array(40).keys()])
    // The later half first: its results wait for the others.
    const response = await post('/api/v1/jobs', { jobId, tasks: tasks.slice(20) })
    expect(await response.json()).toEqual({
      jobId,
      items: tasks.slice(20).map(({ task }) => ({ taskId: task.taskId, accepted: true })),
    })
    const reading = ended(jobId, 40)
    await post('/api/v1/jobs', { jobId, tasks: tasks.slice(0, 20) })
    const expected = tasks.map(
      ({ task }, index) =>
        `{"index":${index},"taskId":"${task.taskId}","status":"completed","output":${index + 1}}`,
    )
    expect(await reading).toEqual(expected)
    const tail = await call('GET', `/api/v1/jobs/${jobId}/results?from=37`)
    expect(await firstLines(tail, 3)).toEqual(expected.slice(37))
  })

  test('TSK-13 is held open: a line comes when its task ends', async () => {
    await start()
    http.relay.hold()
    const jobId = newJobId(http.key)
    await post('/api/v1/jobs', await jobJson(http, jobId, [1, 2]))
    const response = await call('GET', `/api/v1/jobs/${jobId}/results`)
    expect(response.headers.get('content-type')).toBe('application/x-ndjson')
    const lines = firstLines(response, 2)
    http.relay.release()
    expect((await lines).map((line) => JSON.parse(line).output)).toEqual([1, 2])
  })

  test('TSK-13 of several thousand items streams through gaps larger than a page of the store', async () => {
    await start()
    const jobId = newJobId(http.key)
    const count = 1_500
    const { tasks } = await jobJson(http, jobId, [...Array(count).keys()])
    const reading = (async () => {
      await post('/api/v1/jobs', { jobId, tasks: tasks.slice(1, 257) })
      return ended(jobId, count)
    })()
    for (let at = 257; at < count; at += 256)
      await post('/api/v1/jobs', { jobId, tasks: tasks.slice(at, at + 256) })
    await post('/api/v1/jobs', { jobId, tasks: tasks.slice(0, 1) })
    const outputs = (await reading).map((line) => JSON.parse(line).output)
    expect(outputs).toEqual([...Array(count).keys()])
  })

  test('TSK-13 counts what became of its items', async () => {
    await start({
      program: (_, item) => {
        if (item === 2) throw new GuestFault('thrown', 'two')
        return item
      },
    })
    const jobId = newJobId(http.key)
    await post('/api/v1/jobs', await jobJson(http, jobId, [1, 2, 3]))
    await ended(jobId, 3)
    expect(await (await call('GET', `/api/v1/jobs/${jobId}`)).json()).toEqual({
      ...{ jobId, accepted: 3, completed: 2, failed: 1, executions: 9 },
      ...{ submittedAt: expect.stringMatching(/Z$/), lastEndAt: expect.stringMatching(/Z$/) },
    })
    const receipt = await (await call('GET', `/api/v1/jobs/${jobId}/receipt`)).json()
    expect(receipt.tasks.map((each: { task: { index: number } }) => each.task.index)).toEqual([0, 1, 2])
    expect(await verifyReceipt(receipt, { crypto: checker })).toMatchObject({ valid: true, tasks: 3 })
  })

  test('TSK-13 says how many workers it waits for', async () => {
    await start({ workers: 1 })
    const jobId = newJobId(http.key)
    await post('/api/v1/jobs', await jobJson(http, jobId, [1]))
    expect(await (await call('GET', `/api/v1/jobs/${jobId}`)).json()).toMatchObject({
      missing: { workers: 2 },
    })
    expect(await problem(await call('GET', `/api/v1/jobs/${jobId}/receipt`))).toMatchObject({
      ...{ status: 409, code: 'NoQuorum' },
    })
  })

  test('TSK-12 is cancelled as a whole', async () => {
    await start({ workers: 1 })
    const jobId = newJobId(http.key)
    await post('/api/v1/jobs', await jobJson(http, jobId, [1, 2, 3]))
    expect((await call('DELETE', `/api/v1/jobs/${jobId}`)).status).toBe(204)
    const lines = await ended(jobId, 3)
    expect(lines.map((line) => JSON.parse(line).error.kind)).toEqual(['cancelled', 'cancelled', 'cancelled'])
  })

  test('TSK-14 is whole again after a restart of the relay', async () => {
    await start()
    const jobId = newJobId(http.key)
    const { tasks } = await jobJson(http, jobId, [1, 2, 3, 4])
    await post('/api/v1/jobs', { jobId, tasks: tasks.slice(0, 2) })
    await ended(jobId, 2)
    http.relay.restart()
    const { items } = await (await post('/api/v1/jobs', { jobId, tasks })).json()
    expect(items.every((each: { accepted: boolean }) => each.accepted)).toBe(true)
    expect((await ended(jobId, 4)).map((line) => JSON.parse(line).output)).toEqual([1, 2, 3, 4])
    expect(await (await call('GET', `/api/v1/jobs/${jobId}`)).json()).toMatchObject({
      accepted: 4,
      completed: 4,
    })
  })

  test('TSK-11 holds outputs of up to 1 MB in their lines, and names larger ones by their blob', async () => {
    await start({ program: (_, item) => 'x'.repeat(Number(item)) })
    const jobId = newJobId(http.key)
    const limits = { outputBytes: 4 * 1024 * 1024 }
    await post('/api/v1/jobs', await jobJson(http, jobId, [1_000_000, 2_000_000], { limits }))
    const [first, second] = (await ended(jobId, 2)).map((line) => JSON.parse(line))
    expect(first.output).toHaveLength(1_000_000)
    expect(second.outputBlob).toEqual({ hash: hashOf(`"${'x'.repeat(2_000_000)}"`), sizeBytes: 2_000_002 })
    const blob = await call('GET', `/api/v1/blobs/${second.outputBlob.hash}`)
    expect(await blob.text()).toHaveLength(2_000_002)
  })

  test('the results of a job end when the server closes, and leave nothing behind', async () => {
    await start({ workers: 0 })
    const jobId = newJobId(http.key)
    await post('/api/v1/jobs', await jobJson(http, jobId, [1]))
    const openAnswers = async () =>
      /^http_streams_open (\d+)$/m.exec(await (await fetch(`${http.server.url}/metrics`)).text())?.[1]
    const readers = await Promise.all([1, 2, 3].map(() => call('GET', `/api/v1/jobs/${jobId}/results`)))
    expect(await openAnswers()).toBe('3')
    await readers[0]!.body!.cancel()
    await expect.poll(openAnswers).toBe('2')
    await http.server.close()
    await Promise.all(readers.slice(1).map((each) => each.text().catch(() => 'cut')))
    expect(http.relay.listeners).toBe(0)
  })

  test('held answers are few for each reader', async () => {
    await start({ workers: 0 })
    const jobId = newJobId(http.key)
    await post('/api/v1/jobs', await jobJson(http, jobId, [1]))
    const path = `/api/v1/jobs/${jobId}/results`
    const open = await Promise.all(Array.from({ length: 16 }, () => call('GET', path)))
    expect(await problem(await call('GET', path))).toMatchObject({ status: 429, code: 'TooManyStreams' })
    await Promise.all(open.map((each) => each.body!.cancel()))
  })
})

describe('TSK-02 what is refused', () => {
  test('TSK-02 an unknown type, by its name', async () => {
    await start()
    const submission = await submissionJson(http, 1, { taskType: 'mind_reading' })
    const answer = await problem(await post('/api/v1/tasks', submission))
    expect(answer).toMatchObject({ status: 422, code: 'UnsupportedTaskType' })
    expect(answer.detail).toBe('Unsupported task type: mind_reading')
  })

  test.each<
    [
      string,
      string,
      { input?: { kind: string; sizeBytes?: number; bytes?: string }; programSizeBytes?: number },
    ]
  >([
    ['an input over 64 MB by reference', '64', { input: { kind: 'blob', sizeBytes: 64 * 1024 * 1024 + 1 } }],
    ['a program over 64 MB', '64', { programSizeBytes: 64 * 1024 * 1024 + 1 }],
    ['an inline input over 1 MB', '1', { input: { kind: 'inline', bytes: '20'.repeat(1024 * 1024 + 1) } }],
  ])('TSK-02 %s', async (_, limit, change) => {
    await start()
    const submission = await submissionJson(http, 1)
    const hash = submission.task.inputHash
    const input = {
      ...submission.input,
      ...change.input,
      ...(change.input?.kind === 'blob' ? { hash, bytes: undefined } : {}),
    }
    const answer = await problem(await post('/api/v1/tasks', { ...submission, ...change, input }))
    expect(answer).toMatchObject({
      status: 413,
      code: 'PayloadTooLarge',
      detail: `Task payload exceeds ${limit} MB limit`,
    })
  })

  test('TSK-02 a body over 4 MB', async () => {
    await start()
    const answer = await problem(
      await call('POST', '/api/v1/tasks', { body: ' '.repeat(4 * 1024 * 1024 + 1) }),
    )
    expect(answer).toMatchObject({ status: 413, detail: 'Task payload exceeds 1 MB limit' })
  })

  test('TSK-04 normal and low tasks while the queue is full, but not critical ones', async () => {
    await start({ workers: 0, coordinator: { queueMax: 2 } })
    const jobId = newJobId(http.key)
    const { items } = await (await post('/api/v1/jobs', await jobJson(http, jobId, [1, 2, 3]))).json()
    expect(items[2]).toMatchObject({
      ...{ accepted: false, code: 'QueueFull', message: 'Task queue full, try again later' },
    })
    const low = await post('/api/v1/tasks', await submissionJson(http, 4, { priority: 'low' }))
    expect(low.headers.get('retry-after')).toBe('10')
    expect(await problem(low)).toMatchObject({ status: 503, detail: 'Task queue full, try again later' })
    const key = http.relay.adminKey
    const critical = await submissionJson(http, 5, { priority: 'critical', key })
    expect((await post('/api/v1/tasks', critical, { key })).status).toBe(202)
  })

  test('TSK-01 critical priority for who is no Admin', async () => {
    await start()
    const submission = await submissionJson(http, 1, { priority: 'critical' })
    expect(await problem(await post('/api/v1/tasks', submission))).toMatchObject({
      status: 403,
      code: 'Forbidden',
    })
  })

  test('TSK-01 a task that is not signed by its submitter', async () => {
    await start()
    const { signature, ...rest } = await submissionJson(http, 1)
    const other = signature.replace(/^../, (two) => (two === '00' ? '01' : '00'))
    expect(await problem(await post('/api/v1/tasks', { ...rest, signature: other }))).toMatchObject({
      ...{ status: 403, code: 'BadSignature' },
    })
  })

  test('TSK-01 an input that is not what was signed', async () => {
    await start()
    const submission = await submissionJson(http, 1)
    const input = { kind: 'inline', bytes: '32' }
    expect(await problem(await post('/api/v1/tasks', { ...submission, input }))).toMatchObject({
      code: 'InputMismatch',
    })
  })

  test('TSK-01 another task under an id that is taken', async () => {
    await start()
    const submission = await submissionJson(http, 1)
    await post('/api/v1/tasks', submission)
    const other = await submissionJson(http, 2)
    const task = { ...other.task, taskId: submission.task.taskId }
    const { taskDigest, taskSigningBytes } = await import('../../../shared/task/digest.ts')
    const signed = taskSigningBytes(http.relay.networkId, taskDigest(task, checker.sha256))
    const signature = Buffer.from(await http.key.sign(signed)).toString('hex')
    expect(await problem(await post('/api/v1/tasks', { ...other, task, signature }))).toMatchObject({
      ...{ status: 409, code: 'TaskIdTaken' },
    })
  })

  test.each([
    ['the program', (hash: Hash) => ({ programHash: hash })],
    ['the input', () => ({})],
  ])('TSK-01 a task of which %s was not uploaded', async (what, planOf) => {
    await start()
    const missing = hashOf('nowhere') as Hash
    const large = 'y'.repeat(5_000)
    const submission = await submissionJson(http, what === 'the input' ? large : 1, planOf(missing))
    const answer = await problem(await post('/api/v1/tasks', submission))
    expect(answer).toMatchObject({ status: 409, code: 'BlobMissing' })
    expect(answer.detail).toContain(what === 'the input' ? submission.task.inputHash : missing)
  })

  test('TSK-09 a policy that is no quorum', async () => {
    await start()
    const verification = { replicas: 3, quorum: 1, comparator: 'exact' } as const
    const submission = await submissionJson(http, 1, { verification })
    expect(await problem(await post('/api/v1/tasks', submission))).toMatchObject({
      code: 'BadVerificationPolicy',
    })
  })
})
