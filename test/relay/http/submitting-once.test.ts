import { afterEach, beforeEach, describe, expect, test } from 'vitest'
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
import { GuestFault, type LoopbackOptions } from './loopback-relay.ts'
import { newKey } from './test-keys.ts'

let http: HttpFixture
let time: number
const start = async (options: LoopbackOptions = { workers: 0 }) => {
  http = await startHttp({ ...options, now: () => time })
}
beforeEach(() => {
  time = Date.now()
})
afterEach(() => http.close())

const post = (path: string, value: unknown, key: string, options: SignedOptions = {}) =>
  signedFetch(http, 'POST', path, {
    body: JSON.stringify(value),
    time: new Date(time).toISOString(),
    ...options,
    headers: { 'idempotency-key': key },
  })
const unfinished = async () => (await http.relay.status()).tasks.pending
const rejected = (code: string) => http.counters.of('tasks_rejected_total').get(code) ?? 0

describe('WEB-08 the header Idempotency-Key', () => {
  test.each(['tasks', 'jobs'])('WEB-08 gives the first answer to %s again, word for word', async (kind) => {
    await start()
    const value =
      kind === 'tasks' ? await submissionJson(http, 1) : await jobJson(http, newJobId(http.key), [1, 2])
    const first = await post(`/api/v1/${kind}`, value, 'once')
    expect(first.headers.get('idempotent-replayed')).toBeNull()
    const text = await first.text()
    const calls = http.relay.submitted.length
    // A new estimate would be another one by now.
    time += 60 * 60_000
    const second = await post(`/api/v1/${kind}`, value, 'once')
    expect([second.status, await second.text()]).toEqual([first.status, text])
    expect(second.headers.get('idempotent-replayed')).toBe('true')
    expect(second.headers.get('content-type')).toBe(first.headers.get('content-type'))
    expect(http.relay.submitted.length).toBe(calls)
  })

  test('WEB-08 gives the first answer again where a task was tried anew', async () => {
    await start({
      program: () => {
        throw new GuestFault('thrown', 'no')
      },
    })
    const failed = await submissionJson(http, 'x')
    await post('/api/v1/tasks', failed, 'one')
    await expect.poll(() => http.relay.finished(failed.task.taskId)).toBeDefined()
    const again = await submissionJson(http, 'x')
    const path = `/api/v1/tasks/${failed.task.taskId}/resubmit`
    const first = await post(path, again, 'two')
    expect(first.status).toBe(202)
    const second = await post(path, again, 'two')
    expect(await second.text()).toBe(await first.text())
    expect(second.headers.get('idempotent-replayed')).toBe('true')
  })

  test('WEB-08 refuses another request under the same key, and changes nothing', async () => {
    await start()
    await post('/api/v1/tasks', await submissionJson(http, 1), 'once')
    const other = await submissionJson(http, 2)
    const job = await jobJson(http, newJobId(http.key), [1])
    for (const [path, value] of [
      ['/api/v1/tasks', other],
      ['/api/v1/jobs', job],
    ] as const) {
      expect(await problem(await post(path, value, 'once'))).toMatchObject({
        ...{ status: 422, code: 'IdempotencyKeyReused' },
      })
    }
    expect(await unfinished()).toBe(1)
    expect(rejected('IdempotencyKeyReused')).toBe(2)
    // Of another sender it is another key.
    const key = await newKey()
    expect(
      (await post('/api/v1/tasks', await submissionJson(http, 2, { key }), 'once', { key })).status,
    ).toBe(202)
  })

  test('WEB-08 lets the second wait for the first while that is under way', async () => {
    await start()
    const value = await submissionJson(http, 1)
    const answers = await Promise.all([1, 2, 3, 4].map(() => post('/api/v1/tasks', value, 'once')))
    const texts = await Promise.all(answers.map((each) => each.text()))
    expect(new Set(texts).size).toBe(1)
    const replayed = answers.filter((each) => each.headers.get('idempotent-replayed') === 'true')
    expect(replayed.length).toBe(3)
    expect(http.relay.submitted.length).toBe(1)
  })

  test('WEB-08 keeps no refusal: the next try is looked at anew', async () => {
    await start({ workers: 0, coordinator: { queueMax: 1 } })
    const first = await submissionJson(http, 1)
    await post('/api/v1/tasks', first, 'one')
    const value = await submissionJson(http, 2)
    expect((await post('/api/v1/tasks', value, 'two')).status).toBe(503)
    await http.relay.cancel(http.key.self, [first.task.taskId])
    expect((await post('/api/v1/tasks', value, 'two')).status).toBe(202)
  })

  test('WEB-08 is forgotten after a day and with a restart, and the ids of tasks still hold', async () => {
    await start()
    const value = await submissionJson(http, 1)
    await post('/api/v1/tasks', value, 'once')
    const isAnew = async () => {
      const answer = await post('/api/v1/tasks', value, 'once')
      expect(await answer.json()).toMatchObject({ task_id: value.task.taskId, status: 'accepted' })
      return answer.headers.get('idempotent-replayed') === null
    }
    time += 23 * 60 * 60_000
    expect(await isAnew()).toBe(false)
    time += 2 * 60 * 60_000
    expect(await isAnew()).toBe(true)
    await http.server.close()
    http.relay.restart()
    http = { ...http, server: await http.listen() }
    expect(await isAnew()).toBe(true)
    expect(await unfinished()).toBe(1)
  })

  test.each([
    ['too long', 'x'.repeat(129)],
    ['of other letters', 'schlüssel'],
    ['empty', ''],
  ])('WEB-08 is refused where it is %s', async (_, key) => {
    await start()
    expect(await problem(await post('/api/v1/tasks', await submissionJson(http, 1), key))).toMatchObject({
      ...{ status: 400, code: 'BadIdempotencyKey' },
    })
    expect(rejected('BadIdempotencyKey')).toBe(1)
  })

  test('WEB-08 does not let one sender fill the memory with answers', async () => {
    await start()
    const { FirstAnswers } = await import('../../../relay/http/first-answers.ts')
    const answers = new FirstAnswers()
    let runs = 0
    const ask = async (key: string) => {
      const headers: Record<string, string> = {}
      const reply = {
        header: (name: string, value: string) => Object.assign(headers, { [name]: value }),
        code: () => reply,
        type: () => reply,
        send: () => reply,
      }
      const request = { headers: { 'idempotency-key': key }, sender: 'me', method: 'POST', url: '/x' }
      await answers.answer(request as never, reply as never, 200, async () => {
        runs++
        return 'x'.repeat(1_000_000)
      })
    }
    for (let n = 0; n < 40; n++) await ask(`key ${n}`)
    expect(runs).toBe(40)
    await ask('key 39')
    expect(runs).toBe(40)
    await ask('key 0')
    expect(runs).toBe(41)
  })
})

describe('OPS-01 a relay that is about to end', () => {
  test('OPS-01 is not ready, takes no new work, and says when to come again', async () => {
    await start({})
    const before = await submissionJson(http, 1)
    await post('/api/v1/tasks', before, 'one')
    http.server.drain()
    http.server.drain()
    const ready = await fetch(`${http.server.url}/readyz`)
    expect(await problem(ready)).toMatchObject({ status: 503, code: 'ShuttingDown' })
    const job = await jobJson(http, newJobId(http.key), [1])
    for (const [path, value] of [
      ['/api/v1/tasks', await submissionJson(http, 2)],
      ['/api/v1/jobs', job],
      [`/api/v1/tasks/${before.task.taskId}/resubmit`, await submissionJson(http, 3)],
    ] as const) {
      const answer = await post(path, value, 'two')
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(await problem(answer)).toMatchObject({ status: 503, code: 'ShuttingDown' })
    }
    expect(rejected('ShuttingDown')).toBe(3)
    expect((await fetch(`${http.server.url}/healthz`)).status).toBe(200)
    expect(http.relay.submitted).toEqual([[before.task.taskId]])
  })

  test('OPS-01 goes on telling results and taking cancellations until it is closed', async () => {
    await start({})
    http.relay.hold()
    const jobId = newJobId(http.key)
    await post('/api/v1/jobs', await jobJson(http, jobId, [1, 2]), 'one')
    const reading = await signedFetch(http, 'GET', `/api/v1/jobs/${jobId}/results`)
    http.server.drain()
    http.relay.release()
    const { value } = await reading.body!.getReader().read()
    expect(new TextDecoder().decode(value)).toContain('"index":0')
    expect((await signedFetch(http, 'DELETE', `/api/v1/jobs/${jobId}`)).status).toBe(204)
  })
})
