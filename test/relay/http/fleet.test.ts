import { afterEach, describe, expect, test } from 'vitest'
import { ElsewhereError } from '../../../relay/fleet/elsewhere-error.ts'
import type { FleetView } from '../../../relay/http/relay-api.ts'
import type { TaskId } from '../../../shared/kernel/ids.ts'
import {
  type HttpFixture,
  jobJson,
  newJobId,
  problem,
  signedFetch,
  startHttp,
  submissionJson,
} from './http-fixture.ts'

const other = 'https://other.example'
const held = (id: string) =>
  new ElsewhereError(`The relay at ${other} has ${id}: ask there`, { relay: other })
const pending = (id: string) =>
  new ElsewhereError(`The relay that has ${id} is away`, { retryAfterSeconds: 3 })

let http: HttpFixture | undefined
afterEach(() => http?.close())

/** A relay of a fleet; `where` says of which jobs and tasks another has. */
async function relay(
  where: (id: string) => Error | undefined,
  over: Partial<FleetView> = {},
): Promise<HttpFixture> {
  http = await startHttp({
    fleet: {
      relays: () => ['http://self', other],
      ready: async () => undefined,
      mustBeHere: async (id) => {
        const error = where(id)
        if (error !== undefined) throw error
      },
      ...over,
    },
  })
  return http
}

describe('TSK-14 a relay of a fleet', () => {
  test('tells anyone, of whatever page, which relays there are', async () => {
    const { server } = await relay(() => undefined)
    const answer = await fetch(`${server.url}/api/v1/network`)
    expect(((await answer.json()) as { relays: unknown }).relays).toEqual(['http://self', other])
    expect(answer.headers.get('access-control-allow-origin')).toBe('*')
  })

  test.each(['', '/results', '/receipt'])('sends who asks for another’s job%s there', async (rest) => {
    const fixture = await relay(held)
    const id = newJobId(fixture.key)
    const answer = await signedFetch(fixture, 'GET', `/api/v1/jobs/${id}${rest}`)
    expect(await problem(answer)).toMatchObject({
      ...{ status: 409, title: 'Conflict', code: 'HeldElsewhere', relay: other },
      detail: `The relay at ${other} has ${id}: ask there`,
    })
  })

  test.each(['', '/receipt'])('sends who asks for another’s task%s there', async (rest) => {
    const fixture = await relay(held)
    const id = newJobId(fixture.key) as unknown as TaskId
    const answer = await signedFetch(fixture, 'GET', `/api/v1/tasks/${id}${rest}`)
    expect(await problem(answer)).toMatchObject({ status: 409, code: 'HeldElsewhere', relay: other })
  })

  test('asks for patience while a job is at no relay that lives', async () => {
    const fixture = await relay(pending)
    const id = newJobId(fixture.key)
    for (const method of ['GET', 'DELETE']) {
      const answer = await signedFetch(fixture, method, `/api/v1/jobs/${id}`)
      expect(answer.headers.get('retry-after')).toBe('3')
      const told = await problem(answer)
      expect(told).toMatchObject({ status: 503, code: 'TakeoverPending' })
      expect(told).not.toHaveProperty('relay')
    }
  })

  test('says nothing of a job that is half here: not before all of it is', async () => {
    let isHere = false
    const fixture = await relay((id) => (isHere ? undefined : pending(id)))
    const jobId = newJobId(fixture.key)
    const body = JSON.stringify(await jobJson(fixture, jobId, [1]))
    await signedFetch(fixture, 'POST', '/api/v1/jobs', { body })
    const path = `/api/v1/jobs/${jobId}`
    expect((await problem(await signedFetch(fixture, 'GET', path))).code).toBe('TakeoverPending')
    isHere = true
    expect((await signedFetch(fixture, 'GET', path)).status).toBe(200)
  })

  test.each([
    ['held', held, 409, 'HeldElsewhere'],
    ['pending', pending, 503, 'TakeoverPending'],
  ] as const)(
    'refuses as a whole what is submitted to a job that is %s',
    async (_kind, where, status, code) => {
      const fixture = await relay(() => undefined)
      fixture.relay.elsewhere = where
      const body = JSON.stringify(await jobJson(fixture, newJobId(fixture.key), [1, 2]))
      const job = await signedFetch(fixture, 'POST', '/api/v1/jobs', { body })
      expect(await problem(job)).toMatchObject({ status, code })
      const one = JSON.stringify(await submissionJson(fixture, 1))
      expect(await problem(await signedFetch(fixture, 'POST', '/api/v1/tasks', { body: one }))).toMatchObject(
        {
          status,
          code,
        },
      )
      expect(fixture.relay.submitted).toEqual([])
    },
  )

  test('says nothing at all while it may have lost its tasks to another', async () => {
    let isSure = Promise.withResolvers<void>()
    const fixture = await relay(() => undefined, { ready: () => isSure.promise })
    const answers: number[] = []
    const asked = ['/api/v1/network', '/api/v1/status'].map(async (path) => {
      answers.push((await fetch(fixture.server.url + path)).status)
    })
    expect((await fetch(`${fixture.server.url}/healthz`)).status).toBe(200)
    expect(answers).toEqual([])
    isSure.resolve()
    await Promise.all(asked)
    expect(answers).toEqual([200, 200])
    isSure = Promise.withResolvers()
    isSure.resolve()
  })
})
