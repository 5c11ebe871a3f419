import { afterEach, describe, expect, test } from 'vitest'
import type { ConnectOptions } from '../../shared/client/client.ts'
import type { ItemResult } from '../../shared/client/result-line.ts'
import type { Hash } from '../../shared/kernel/ids.ts'
import { program } from '../relay/http/http-fixture.ts'
import type { LoopbackOptions } from '../relay/http/loopback-relay.ts'
import {
  all,
  type ClientFixture,
  failure,
  faultyFetch,
  javascript,
  outputs,
  quickClock,
  refusedConnection,
  startClient,
} from './client-fixture.ts'

let http: ClientFixture
afterEach(() => http?.close())

const start = async (options?: LoopbackOptions) => {
  http = await startClient(options)
}
const open = (options: Partial<ConnectOptions> = {}) => http.open(options)

describe('TSK-14 while the relay is away', () => {
  test('TSK-14 everything is done once, however often the connection is cut', {
    timeout: 60_000,
  }, async () => {
    await start()
    let calls = 0
    const cutting = faultyFetch((path, method) => {
      if (path === '/api/v1/network') return undefined
      if (++calls > 40) return undefined
      if (calls % 3 === 0) refusedConnection()
      if (calls % 7 === 0) return new Response('', { status: 503 })
      if (method === 'GET' && path.endsWith('/results') && calls % 2 === 0) http.relay.restart()
      return undefined
    })
    const client = await open({ fetch: cutting, clock: quickClock() })
    const inputs = [...Array(600).keys()]
    expect(outputs(await all(client, inputs))).toEqual(inputs)
    expect((await http.relay.status()).tasks.completed).toBe(600)
  })

  test('OPS-01 a relay that is about to end is waited for until another is in its place', async () => {
    await start()
    let refusals = 0
    const ending = faultyFetch((path, method) => {
      if (method !== 'POST' || path !== '/api/v1/jobs' || ++refusals > 3) return undefined
      const body = JSON.stringify({ code: 'ShuttingDown', detail: 'The relay is about to end' })
      return new Response(body, { status: 503, headers: { 'content-type': 'application/problem+json' } })
    })
    const client = await open({ fetch: ending, clock: quickClock() })
    expect(outputs(await all(client, [1, 2, 3]))).toEqual([1, 2, 3])
    expect(http.notices.map(({ type }) => type)).toEqual(['away', 'back'])
  })

  test('TSK-14 answers that are lost on their way are asked for again', async () => {
    await start()
    let lost = 0
    const losing: typeof fetch = async (input, init) => {
      const response = await fetch(input, init)
      if (init?.method !== 'POST' || ++lost > 3) return response
      await response.arrayBuffer()
      return refusedConnection()
    }
    const client = await open({ fetch: losing, clock: quickClock() })
    expect(outputs(await all(client, [1, 2, 3]))).toEqual([1, 2, 3])
    expect((await http.relay.status()).tasks.completed).toBe(3)
  })

  test('TSK-14 a job goes on where it was after the relay was restarted with its work lost', async () => {
    await start()
    http.relay.hold()
    const client = await open()
    let restarted = false
    const results = all(client, [...Array(50).keys()], {
      ...javascript,
      onProgress: ({ accepted }) => {
        if (accepted < 50 || restarted) return
        restarted = true
        http.relay.restart()
        http.relay.release()
      },
    })
    expect(outputs(await results)).toEqual([...Array(50).keys()])
  })

  test('TSK-14 a relay that lost its disk is given the job again, blobs and all', async () => {
    await start()
    const large = 'w'.repeat(10_000)
    http.relay.hold()
    const client = await open({ clock: quickClock() })
    let forgot = false
    const results = all(client, [large, 'b'], {
      ...javascript,
      onProgress: ({ accepted }) => {
        if (accepted < 2 || forgot) return
        forgot = true
        http.relay.forgetAll()
        http.relay.release()
      },
    })
    expect(outputs(await results)).toEqual([large, 'b'])
  })

  test('TSK-14 gives up after the wait, with what is done given out', async () => {
    await start()
    const client = await open({ waitSeconds: 20, clock: quickClock() })
    const given: ItemResult[] = []
    let gone = false
    const error = await failure(
      (async () => {
        for await (const result of client.map(program, [...Array(500).keys()], javascript)) {
          given.push(result)
          if (result.index === 20 && !gone) {
            gone = true
            http.relay.hold()
            await http.server.close()
          }
        }
      })(),
    )
    expect(error.code).toBe('Unreachable')
    expect(error.message).toContain('Gave up after 20 s.')
    expect(given.length).toBeGreaterThan(20)
  })

  test('TSK-14 another network under the same address is an error, not a silent loss', async () => {
    await start()
    http.relay.hold()
    const client = await open({ clock: quickClock() })
    const other = 'ab'.repeat(32) as Hash
    const replaced = faultyFetch((path) =>
      path === '/api/v1/network'
        ? Response.json({ ...client.network, networkId: other })
        : refusedConnection(),
    )
    let isReplaced = false
    const later = await open({
      clock: quickClock(),
      fetch: (input, init) => (isReplaced ? replaced(input, init) : fetch(input, init)),
    })
    const error = await failure(
      all(later, [1], {
        ...javascript,
        onProgress: ({ accepted }) => {
          if (accepted === 1 && !isReplaced) {
            isReplaced = true
            void http.server.close()
          }
        },
      }),
    )
    expect(error.code).toBe('NetworkChanged')
    expect(error.message).toContain('now serves another network (abababab, before ')
  })

  test('TSK-04 a full queue is tried again, and said', async () => {
    await start({ coordinator: { queueMax: 2 } })
    const clock = quickClock()
    const client = await open({ clock })
    http.relay.withdrawAll()
    const results = all(client, [1, 2, 3, 4, 5])
    await expect
      .poll(() => http.notices)
      .toContainEqual({ type: 'busy', message: 'Task queue full, try again later' })
    http.relay.offerAll()
    expect(outputs(await results)).toEqual([1, 2, 3, 4, 5])
  })

  test('TSK-04 items for which no room came in time fail with the words of the relay', async () => {
    await start({ coordinator: { queueMax: 0 } })
    const client = await open({ clock: quickClock(), waitSeconds: 20 })
    const message = 'Task queue full, try again later'
    expect(outputs(await all(client, [1, 2]))).toEqual(Array(2).fill({ kind: 'refused', message }))
    expect(http.notices).toEqual([{ type: 'busy', message }])
    expect(http.relay.submitted.length).toBeGreaterThan(3)
  })
})

describe('a relay that does not keep to the form', () => {
  const answering = (line: (taskId: string) => string) => {
    let taskId = ''
    const fetching: typeof fetch = async (input, init) => {
      const url = new URL(String(input))
      if (init?.method === 'POST' && init.body !== undefined) {
        const { tasks } = JSON.parse(new TextDecoder().decode(init.body as Uint8Array)) as {
          tasks: { task: { taskId: string } }[]
        }
        taskId = tasks[0]!.task.taskId
      }
      if (url.pathname.endsWith('/results')) return new Response(`${line(taskId)}\n`)
      return fetch(input, init)
    }
    return fetching
  }

  test.each<[string, (taskId: string) => string]>([
    ['no JSON', () => 'hello'],
    ['an empty line', () => ''],
    ['another item', (id) => `{"index":1,"taskId":"${id}","status":"completed","output":1}`],
    [
      'another task',
      () => `{"index":0,"taskId":"6f9619ff-8b86-4d01-b42d-00cf4fc964ff","status":"completed","output":1}`,
    ],
    ['an output that is no JSON', (id) => `{"index":0,"taskId":"${id}","status":"completed","output":x}`],
    ['two outputs', (id) => `{"index":0,"taskId":"${id}","status":"completed","output":1,"output":2}`],
    [
      'a completed error',
      (id) => `{"index":0,"taskId":"${id}","status":"completed","error":{"kind":"x","message":"y"}}`,
    ],
    ['a failed output', (id) => `{"index":0,"taskId":"${id}","status":"failed","output":1}`],
    ['an error without words', (id) => `{"index":0,"taskId":"${id}","status":"failed","error":{}}`],
    ['an unknown status', (id) => `{"index":0,"taskId":"${id}","status":"pending","output":1}`],
  ])('is not believed: %s', async (_, line) => {
    await start()
    const client = await open({ fetch: answering(line) })
    expect((await failure(all(client, [1]))).code).toBe('BadAnswer')
  })

  test('is not believed about what it admitted', async () => {
    await start()
    for (const answer of [null, {}, { items: [] }, { items: [{}] }, { items: 'x' }]) {
      const fetching = faultyFetch((_, method) => (method === 'POST' ? Response.json(answer) : undefined))
      const client = await open({ fetch: fetching })
      expect((await failure(all(client, [1]))).code).toBe('BadAnswer')
    }
  })
})
