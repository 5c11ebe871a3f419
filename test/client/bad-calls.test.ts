import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect, openKey } from '../../relay/client/tabmesh.ts'
import type { Client } from '../../shared/client/client.ts'
import { ClientError } from '../../shared/client/client-error.ts'
import { defaultLimits } from '../../shared/task/task.ts'
import { program } from '../relay/http/http-fixture.ts'
import { type ClientFixture, faultyFetch, javascript, startClient } from './client-fixture.ts'

let http: ClientFixture
let client: Client
let folder: string

beforeAll(async () => {
  http = await startClient()
  client = await http.open()
  folder = await mkdtemp(join(tmpdir(), 'tabmesh-calls-'))
})
afterAll(async () => {
  await http.close()
  await rm(folder, { recursive: true })
})

/** What a call from plain JavaScript throws or rejects with. */
async function thrownBy(call: () => unknown): Promise<ClientError> {
  try {
    const value = await call()
    if (typeof value === 'object' && value !== null && Symbol.asyncIterator in value) {
      for await (const _ of value as AsyncIterable<unknown>);
    }
  } catch (error) {
    expect(error).toBeInstanceOf(ClientError)
    return error as ClientError
  }
  expect.fail('nothing was thrown')
}

const jobId = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff'

/** What TypeScript would not let one write. */
const map = (...given: unknown[]): unknown => client.map(...(given as [string, number[], typeof javascript]))
const submit = (...given: unknown[]): unknown =>
  client.submit(...(given as [string, string, typeof javascript]))

const submitBy = (by: Client): unknown => by.submit(program, 1, javascript)

describe('WEB-08 a wrong call of map or submit is a ClientError before anything is sent', () => {
  test.each<[string, unknown, RegExp]>([
    ['no options', undefined, /options are missing.*taskType/],
    ['null', null, /options are missing/],
    ['no task type', {}, /taskType is missing: give text_processing, .*javascript/],
    ['an unknown task type', { taskType: 'python' }, /Unsupported task type: python; give .*wasi/],
    ['an unknown option', { ...javascript, colour: 'red' }, /no option colour/],
    [
      'an option of the policy at the top',
      { ...javascript, replicas: 9 },
      /no option replicas.*verification/,
    ],
    ['an unknown option of the policy', { ...javascript, verification: { votes: 3 } }, /no option votes/],
    ['an unknown limit', { ...javascript, limits: { time: 3 } }, /no option time/],
    ['too many replicas', { ...javascript, verification: { replicas: 9 } }, /9 replicas are not from 3 to 7/],
    ['half a replica', { ...javascript, verification: { replicas: 3.5 } }, /3\.5/],
    ['a quorum of a third', { ...javascript, verification: { quorum: 1 } }, /1 of 3 is no quorum/],
    ['an unknown comparator', { ...javascript, verification: { comparator: 'near' } }, /near.*exact, json/],
    ['a limit that is no number', { ...javascript, limits: { fuel: 'much' } }, /limits\.fuel "much"/],
    ['an unknown priority', { ...javascript, priority: 'high' }, /high.*critical, normal, low/],
    ['an unknown form of output', { ...javascript, output: 'text' }, /text.*json or bytes/],
    ['a signal that is none', { ...javascript, signal: {} }, /AbortSignal/],
    ['a task type that is no text', { taskType: Symbol('js') }, /Unsupported task type: Symbol\(js\)/],
    ['a priority in big', { ...javascript, priority: 1n }, /priority 1: give/],
    ['replicas in big', { ...javascript, verification: { replicas: 5n } }, /replicas 5 is no whole number/],
    [
      'a tolerance as text',
      { ...javascript, verification: { comparator: 'numeric', tolerance: '0.1' } },
      /tolerance "0\.1" is no number/,
    ],
    [
      'an error target as text',
      { ...javascript, verification: { errorTarget: '0.05' } },
      /errorTarget "0\.05"/,
    ],
    ['an id in place of a job', { ...javascript, job: jobId }, /job: give what a run's state was/],
    ['half a job', { ...javascript, job: { jobId } }, /job: give what a run's state was/],
    ['no job', { ...javascript, job: null }, /job: give what a run's state was/],
  ])('%s', async (_, options, message) => {
    for (const call of [() => map(program, [1], options), () => submit(program, 1, options)]) {
      expect(await thrownBy(call)).toMatchObject({
        code: 'BadOptions',
        message: expect.stringMatching(message),
      })
    }
    expect(http.relay.submitted).toEqual([])
  })

  test.each<[string, unknown]>([
    ['a text', 'ab'],
    ['nothing', undefined],
    ['a number', 5],
    ['an object', { a: 1 }],
  ])('inputs that are %s', async (_, inputs) => {
    const error = await thrownBy(() => map(program, inputs, javascript))
    expect(error).toMatchObject({ code: 'BadOptions', message: expect.stringMatching(/\[input\]/) })
  })

  test('a program that is none', async () => {
    const error = await thrownBy(() => map(5, [1], javascript))
    expect(error).toMatchObject({ code: 'BadOptions', message: expect.stringMatching(/bytes.*JavaScript/) })
  })

  test("a built-in's name says how its bytes are had", async () => {
    for (const name of ['word_count', 'word-count']) {
      const error = await thrownBy(() => map(name, ['a b'], { taskType: 'text_processing' }))
      expect(error.code).toBe('BadOptions')
      expect(error.message).toContain(`await client.builtIn('${name}')`)
    }
  })
})

describe('WEB-08 what is left out of a policy follows from the rest', () => {
  test('TSK-09 the quorum is just over half, the comparator exact', async () => {
    const five = await startClient({ workers: 5 })
    try {
      const run = (await five.open()).map(program, [1], { ...javascript, verification: { replicas: 5 } })
      expect(run.state.task.verification).toEqual({ replicas: 5, quorum: 3, comparator: 'exact' })
      for await (const result of run) expect(result).toMatchObject({ status: 'completed', output: 1 })
    } finally {
      await five.close()
    }
  })
})

describe('WEB-08 what is unusual and right is taken', () => {
  test('a limit that is undefined is the default', async () => {
    const run = client.map(program, [1], { ...javascript, limits: { fuel: undefined } as object })
    expect(run.state.task.limits).toEqual(defaultLimits)
    for await (const result of run) expect(result).toMatchObject({ status: 'completed', output: 1 })
  })

  test('a URL for the address of a relay, alone or in a list', async () => {
    const { networkId } = client.network
    for (const relay of [new URL(http.server.url), [new URL(http.server.url)]]) {
      expect((await connect({ relay })).network.networkId).toBe(networkId)
    }
  })
})

describe('WEB-08 a client that is stopped says so', () => {
  test('while it looks for the relay, and afterwards', async () => {
    const relay = 'http://127.0.0.1:1/'
    const early = await thrownBy(() => connect({ relay, signal: AbortSignal.abort() }))
    expect(early.code).toBe('Cancelled')
    const stop = new AbortController()
    const stopped = await http.open({ signal: stop.signal })
    stop.abort()
    for (const call of [() => stopped.status(jobId), () => stopped.jobs(), () => submitBy(stopped)]) {
      expect((await thrownBy(call)).code).toBe('Cancelled')
    }
  })
})

describe('WEB-08 a wrong id', () => {
  const calls: [string, (id: string) => unknown][] = [
    ['status', (id) => client.status(id)],
    ['watch', (id) => client.watch(id)],
    ['cancel', (id) => client.cancel(id)],
    ['result', (id) => client.result(id)],
    ['results', (id) => client.results(id)],
    ['receipt', (id) => client.receipt(id)],
    ['receiptParts', (id) => client.receiptParts(id)],
  ]

  test.each(calls)('%s of what can be no id', async (_, call) => {
    for (const id of ['bogus', '', '../jobs', 5 as never, null as never, Object.create(null)]) {
      const error = await thrownBy(() => call(id))
      expect(error).toMatchObject({
        code: 'BadId',
        message: expect.stringMatching(/is no id of a task or a job/),
      })
    }
  })

  test.each(calls)("%s of what is unknown has the relay's own code", async (_, call) => {
    const error = await thrownBy(() => call('6f9619ff-8b86-4d01-b42d-00cf4fc964ff'))
    expect(error).toMatchObject({ code: 'Refused', problem: expect.stringMatching(/^(Job|Task)NotFound$/) })
  })

  test('results from what is no place', async () => {
    const error = await thrownBy(() => client.results('6f9619ff-8b86-4d01-b42d-00cf4fc964ff', -1))
    expect(error.code).toBe('BadOptions')
  })
})

describe('WEB-08 a wrong call of connect', () => {
  test.each<[string, unknown, string, RegExp]>([
    ['nothing', undefined, 'BadOptions', /connect\(\{ relay: 'http/],
    ['a text', 'http://localhost:8080', 'BadOptions', /connect\(\{ relay: 'http/],
    ['no relay', {}, 'BadUrl', /Which relay\?/],
    ['a relay that is no text', { relay: 8080 }, 'BadUrl', /Which relay\?/],
    ['no address', { relay: 'localhost' }, 'BadUrl', /"localhost"/],
    ['an unknown option', { relay: 'http://localhost:1', timeout: 5 }, 'BadOptions', /no option timeout/],
    [
      'a key that was not waited for',
      { relay: 'http://localhost:1', key: Promise.resolve() },
      'BadOptions',
      /await/,
    ],
    ['a wait that is none', { relay: 'http://localhost:1', waitSeconds: -1 }, 'BadOptions', /waitSeconds -1/],
  ])('%s', async (_, options, code, message) => {
    const error = await thrownBy(() => connect(options as never))
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) })
  })
})

describe('IDN-01 a key file that cannot be used', () => {
  test.each<[string, () => string | Promise<string>, RegExp]>([
    [
      'in a folder that is not there',
      () => '/nope/x',
      /\/nope\/x cannot be made: no such file or directory$/,
    ],
    ['that is a folder', () => folder, /cannot be read: it is a directory$/],
    [
      'that holds something else',
      async () => {
        await writeFile(join(folder, 'other'), 'hello')
        return join(folder, 'other')
      },
      /holds no key, or the passphrase is another$/,
    ],
  ])('%s', async (_, path, message) => {
    const at = await path()
    const error = await thrownBy(() => openKey(at))
    expect(error).toMatchObject({ code: 'BadKey', message: expect.stringMatching(message) })
  })
})

describe('TSK-02 a built-in program', () => {
  const wasm = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)

  test('is had from the relay by its name, hyphens or not', async () => {
    const asked: string[] = []
    const served = faultyFetch((path) => {
      if (!path.startsWith('/programs/')) return undefined
      asked.push(path)
      return new Response(wasm)
    })
    const other = await http.open({ fetch: served })
    expect(await other.builtIn('word_count')).toEqual(wasm)
    expect(await other.builtIn('word-count')).toEqual(wasm)
    expect(asked).toEqual(['/programs/word_count.wasm', '/programs/word_count.wasm'])
  })

  test.each(['../../etc', '', 'nothing_like_it', 1n as never])('that there is not: %s', async (name) => {
    const error = await thrownBy(() => client.builtIn(name))
    expect(error).toMatchObject({ code: 'BadOptions', message: expect.stringMatching(/built-in program/) })
  })

  test('that something else stands in place of', async () => {
    const fetch = faultyFetch((path) => (path.startsWith('/programs/') ? new Response('<p>') : undefined))
    const other = await http.open({ fetch })
    const error = await thrownBy(() => other.builtIn('word_count'))
    expect(error).toMatchObject({ code: 'BadAnswer', message: expect.stringMatching(/word_count/) })
  })
})
