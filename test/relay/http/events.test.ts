import { afterEach, describe, expect, test } from 'vitest'
import { atStart } from '../../../relay/http/event-cursor.ts'
import { taskEvents } from '../../../relay/http/task-events.ts'
import { TaskNews } from '../../../relay/http/task-news.ts'
import { Conformance, eventsOf, type SentEvent } from './conformance.ts'
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
import { GuestFault } from './loopback-relay.ts'
import { newKey } from './test-keys.ts'

let http: HttpFixture
afterEach(() => http?.close())

const call = (method: string, path: string, options?: SignedOptions) =>
  signedFetch(http, method, path, options)
const post = async (path: string, value: unknown, options: SignedOptions = {}) => {
  const response = await call('POST', path, { ...options, body: JSON.stringify(value) })
  expect(response.ok).toBe(true)
}

/** Reads an event stream up to where `isEnough`, or to its end, and leaves. */
async function eventsUntil(
  path: string,
  isEnough: (events: readonly SentEvent[]) => boolean,
  lastEventId?: string,
): Promise<SentEvent[]> {
  const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId }
  const response = await call('GET', path, { headers })
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  for (;;) {
    const { done, value } = await reader.read()
    text += value ?? ''
    const events = eventsOf(text).filter(({ event }) => event !== '')
    if (!done && !isEnough(events)) continue
    await reader.cancel()
    return events
  }
}

const count = (events: readonly SentEvent[], ...names: string[]) =>
  events.filter(({ event }) => names.includes(event)).length
const endedIn = (events: readonly SentEvent[]) =>
  events
    .filter(({ event }) => event === 'completed' || event === 'failed')
    .map(({ data }) => JSON.parse(data))

describe('WEB-08 events of a job', () => {
  test('WEB-08 tell of what is accepted, of progress and of each end, in the form of the document', async () => {
    http = await startHttp({
      program: (_, item) => {
        if (item === 2) throw new GuestFault('thrown', 'two')
        return item
      },
    })
    http.relay.hold()
    const jobId = newJobId(http.key)
    const body = await jobJson(http, jobId, [1, 2, 3])
    await post('/api/v1/jobs', { ...body, tasks: body.tasks.slice(0, 1) })
    const path = `/api/v1/jobs/${jobId}/events`
    const reading = eventsUntil(path, (events) => {
      if (count(events, 'accepted') === 3) http.relay.release()
      return count(events, 'completed', 'failed') === 3 && events.at(-1)!.event === 'progress'
    })
    await post('/api/v1/jobs', { ...body, tasks: body.tasks.slice(1) })
    const events = await reading
    const taskIds = body.tasks.map(({ task }) => task.taskId)
    expect(
      events
        .filter(({ event }) => event === 'accepted')
        .map(({ data }) => JSON.parse(data).taskId)
        .sort(),
    ).toEqual([...taskIds].sort())
    const ends = endedIn(events).sort((a, b) => a.index - b.index)
    expect(ends.map(({ taskId, status }) => [taskId, status])).toEqual([
      [taskIds[0], 'completed'],
      [taskIds[1], 'failed'],
      [taskIds[2], 'completed'],
    ])
    expect(ends[0]).toMatchObject({ outputSizeBytes: 1, verifications: 2, attempts: 3 })
    expect(ends[1].error).toEqual({ kind: 'thrown', message: 'two' })
    expect(JSON.parse(events.at(-1)!.data)).toMatchObject({ accepted: 3, completed: 2, failed: 1 })

    const api = await Conformance.of(http.server.url)
    const answer = api.operation('GET', path)!.responses['200']!.content!['text/event-stream']!
    const each = answer['x-each'] as Record<string, object>
    expect(Object.keys(each).sort()).toEqual(['accepted', 'completed', 'failed', 'progress'])
    for (const { event, data } of events) {
      const validate = api.validator(each[event]!)
      expect([event, validate(JSON.parse(data)), validate.errors]).toEqual([event, true, null])
    }
  })

  test('WEB-08 say what a job waits for', async () => {
    http = await startHttp({ workers: 1 })
    const jobId = newJobId(http.key)
    await post('/api/v1/jobs', await jobJson(http, jobId, [1]))
    const events = await eventsUntil(`/api/v1/jobs/${jobId}/events`, (all) => count(all, 'progress') > 0)
    expect(JSON.parse(events.at(-1)!.data)).toMatchObject({ accepted: 1, missing: { workers: 2 } })
  })

  test('WEB-08 lose nothing however often the connection breaks, while ends come', async () => {
    http = await startHttp()
    const jobId = newJobId(http.key)
    const { tasks } = await jobJson(http, jobId, [...Array(60).keys()])
    const told = new Map<string, number>()
    let lastEventId: string | undefined
    let connections = 0
    // Each connection sees two ends at most, then breaks; meanwhile others come, in and out of order.
    for (let at = 60; told.size < 60; connections++) {
      at -= 5
      if (at >= 0) await post('/api/v1/jobs', { jobId, tasks: tasks.slice(at, at + 5) })
      const events = await eventsUntil(
        `/api/v1/jobs/${jobId}/events`,
        (all) => count(all, 'completed') >= 2 || (at < 0 && count(all, 'progress') > 0),
        lastEventId,
      )
      // What came in the last piece of the text counts as seen, all of it.
      for (const { taskId } of endedIn(events)) told.set(taskId, (told.get(taskId) ?? 0) + 1)
      lastEventId = events.findLast(({ id }) => id !== undefined)?.id ?? lastEventId
      expect(connections).toBeLessThan(100)
    }
    expect([...told.keys()].sort()).toEqual(tasks.map(({ task }) => task.taskId).sort())
    const again = await eventsUntil(
      `/api/v1/jobs/${jobId}/events`,
      (all) => count(all, 'progress') > 0,
      lastEventId,
    )
    // At most what ended in the very millisecond of the last one.
    expect(count(again, 'completed')).toBeLessThan(20)
  })

  test('WEB-08 lose nothing of a restart of the relay in between', async () => {
    http = await startHttp()
    const jobId = newJobId(http.key)
    await post('/api/v1/jobs', await jobJson(http, jobId, [1, 2]))
    const path = `/api/v1/jobs/${jobId}/events`
    const before = await eventsUntil(path, (all) => count(all, 'completed') === 2)
    const lastEventId = before.findLast(({ id }) => id !== undefined)!.id!
    await post('/api/v1/jobs', await jobJson(http, jobId, [3], { first: 2 }))
    await eventsUntil(path, (all) => count(all, 'completed') === 3)
    http.relay.restart()
    await http.server.close()
    http = { ...http, server: await http.listen() }
    const after = await eventsUntil(path, (all) => count(all, 'progress') > 0, lastEventId)
    expect(endedIn(after).map(({ index }) => index)).toContain(2)
  })

  test('WEB-08 go on from the start after an id that says nothing', async () => {
    http = await startHttp()
    const jobId = newJobId(http.key)
    await post('/api/v1/jobs', await jobJson(http, jobId, [1]))
    for (const id of ['', 'x', '0', '000000000000.9.9.', `${'9'.repeat(90)}`, '../../etc']) {
      const events = await eventsUntil(
        `/api/v1/jobs/${jobId}/events`,
        (all) => count(all, 'completed') > 0,
        id,
      )
      expect(count(events, 'completed')).toBe(1)
    }
  })

  test('WEB-08 of more ends than are kept waiting come whole to a reader that is slower than they are', async () => {
    http = await startHttp()
    const { relay } = http
    const jobId = newJobId(http.key)
    const total = 1_500
    const { tasks } = await jobJson(http, jobId, [...Array(total).keys()])
    const news = new TaskNews()
    const stop = relay.onNews((each) => news.tell(each))
    const end = new AbortController()
    const events = taskEvents(
      { api: relay, news, signal: end.signal, progressMs: () => 1_000 },
      { kind: 'job', id: jobId, submitter: http.key.self },
      atStart,
    )
    await post('/api/v1/jobs', { jobId, tasks: tasks.slice(0, 1) })
    await events.next()
    await events.next()
    // Nothing is read while all the others end.
    for (let at = 1; at < total; at += 256)
      await post('/api/v1/jobs', { jobId, tasks: tasks.slice(at, at + 256) })
    await expect.poll(async () => (await relay.job(jobId))?.completed, { timeout: 15_000 }).toBe(total)
    const seen = new Map<string, number>()
    for await (const text of events) {
      for (const { taskId } of endedIn(eventsOf(text))) seen.set(taskId, (seen.get(taskId) ?? 0) + 1)
      if (seen.size >= total - 1) break
    }
    end.abort()
    stop()
  })

  test('WEB-08 and results are cut for a reader that takes nothing of them', async () => {
    http = await startHttp({ slowReaderMs: 300, program: (_, item) => 'x'.repeat(Number(item)) })
    const jobId = newJobId(http.key)
    const total = 40
    const limits = { outputBytes: 4 * 1024 * 1024 }
    await post('/api/v1/jobs', await jobJson(http, jobId, Array(total).fill(1_000_000), { limits }))
    await expect.poll(async () => (await http.relay.job(jobId))?.completed, { timeout: 15_000 }).toBe(total)
    // 40 MB of lines do not fit into what the sockets hold.
    const response = await call('GET', `/api/v1/jobs/${jobId}/results`)
    await expect.poll(openAnswers, { timeout: 10_000 }).toBe('0')
    await expect(response.text()).rejects.toThrow()
  })

  const openAnswers = async () =>
    /^http_streams_open (\d+)$/m.exec(await (await fetch(`${http.server.url}/metrics`)).text())?.[1]
})

describe('WEB-08 events of a task', () => {
  test('WEB-08 end with its end', async () => {
    http = await startHttp()
    http.relay.hold()
    const submission = await submissionJson(http, 'x')
    await post('/api/v1/tasks', submission)
    const { taskId } = submission.task
    const path = `/api/v1/tasks/${taskId}/events`
    const events = await eventsUntil(path, (all) => {
      if (count(all, 'progress') > 0) http.relay.release()
      return false
    })
    expect(events.map(({ event }) => event)).toEqual(['accepted', 'progress', 'completed'])
    expect(JSON.parse(events[1]!.data)).toMatchObject({ taskId, status: 'assigned', attempts: 3 })
    const late = await eventsUntil(path, () => false)
    expect(late.map(({ event }) => event)).toEqual(['completed'])
    expect((await call('GET', path, { headers: { 'last-event-id': late[0]!.id! } })).status).toBe(204)
  })

  test('TSK-12 are for its submitter and Admins', async () => {
    http = await startHttp()
    const submission = await submissionJson(http, 'x')
    await post('/api/v1/tasks', submission)
    const { taskId } = submission.task
    const key = await newKey()
    for (const path of [`tasks/${taskId}`, `jobs/${taskId}`]) {
      expect(await problem(await call('GET', `/api/v1/${path}/events`, { key }))).toMatchObject({
        ...{ status: 403, code: 'Forbidden' },
      })
    }
    const admin = await call('GET', `/api/v1/tasks/${taskId}/events`, { key: http.relay.adminKey })
    expect(admin.status).toBe(200)
    await admin.body!.cancel()
  })

  test.each(['tasks', 'jobs'])('TSK-12 that nobody knows are not found: %s', async (kind) => {
    http = await startHttp()
    const answer = await problem(await call('GET', `/api/v1/${kind}/${newJobId(http.key)}/events`))
    expect(answer).toMatchObject({ status: 404 })
  })
})

describe('WEB-08 the list of jobs', () => {
  interface Page {
    jobs: { jobId: string; accepted: number; completed: number; submittedAt: string; lastEndAt?: string }[]
    next?: string
  }
  const list = async (query = '', options?: SignedOptions) =>
    (await (await call('GET', `/api/v1/jobs${query}`, options)).json()) as Page

  test('WEB-08 has one own jobs, newest first, by pages, with counts and times, after a restart as well', async () => {
    http = await startHttp()
    const jobIds: string[] = []
    for (let n = 0; n < 5; n++) {
      const jobId = newJobId(http.key)
      jobIds.unshift(jobId)
      await post('/api/v1/jobs', await jobJson(http, jobId, [1, 2]))
      await expect.poll(async () => (await http.relay.job(jobId))?.completed).toBe(2)
    }
    const key = await newKey()
    await post('/api/v1/jobs', await jobJson(http, newJobId(key), [1], { key }), { key })
    for (let turn = 0; turn < 2; turn++) {
      const { jobs, next } = await list()
      expect(next).toBeUndefined()
      expect(jobs.map(({ jobId }) => jobId)).toEqual(jobIds)
      expect(jobs[0]).toMatchObject({ accepted: 2, completed: 2, failed: 0, executions: 6 })
      expect(Date.parse(jobs[0]!.lastEndAt!)).toBeGreaterThanOrEqual(Date.parse(jobs[0]!.submittedAt))
      const pages: string[][] = []
      for (let after: string | undefined = ''; after !== undefined; ) {
        const page = await list(`?limit=2${after === '' ? '' : `&after=${encodeURIComponent(after)}`}`)
        pages.push(page.jobs.map(({ jobId }) => jobId))
        after = page.next
      }
      expect(pages).toEqual([jobIds.slice(0, 2), jobIds.slice(2, 4), jobIds.slice(4)])
      http.relay.restart()
    }
  })

  test('TSK-12 of another is for Admins', async () => {
    http = await startHttp()
    const jobId = newJobId(http.key)
    await post('/api/v1/jobs', await jobJson(http, jobId, [1]))
    const query = `?submitter=${http.key.self}`
    expect((await list(query, { key: http.relay.adminKey })).jobs).toMatchObject([{ jobId }])
    expect((await list('', { key: http.relay.adminKey })).jobs).toEqual([])
    const refused = await call('GET', `/api/v1/jobs${query}`, { key: await newKey() })
    expect(await problem(refused)).toMatchObject({ status: 403, code: 'Forbidden' })
  })

  test.each(['limit=0', 'limit=1001', 'limit=x', 'after=x', 'submitter=me', 'other=1', 'limit=1&limit=2'])(
    'WEB-08 is refused with %s',
    async (query) => {
      http = await startHttp()
      expect(await problem(await call('GET', `/api/v1/jobs?${query}`))).toMatchObject({
        ...{ status: 400, code: 'MalformedRequest' },
      })
    },
  )
})
