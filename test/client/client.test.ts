import { afterEach, describe, expect, test } from 'vitest'
import type { ConnectOptions } from '../../shared/client/client.ts'
import type { Progress } from '../../shared/client/job-progress.ts'
import { windowMax } from '../../shared/client/map-run.ts'
import { hasEnded, type Report } from '../../shared/client/reports.ts'
import type { ItemResult } from '../../shared/client/result-line.ts'
import { readReceiptText, verifyReceipt } from '../../shared/client/verify-receipt.ts'
import { program } from '../relay/http/http-fixture.ts'
import { GuestFault, type LoopbackOptions } from '../relay/http/loopback-relay.ts'
import { checker, newKey } from '../relay/http/test-keys.ts'
import {
  all,
  type ClientFixture,
  failure,
  faultyFetch,
  javascript,
  outputs,
  quickClock,
  startClient,
} from './client-fixture.ts'

let http: ClientFixture
afterEach(() => http?.close())

const start = async (options?: LoopbackOptions) => {
  http = await startClient(options)
}
const open = (options: Partial<ConnectOptions> = {}) => http.open(options)

describe('WEB-08 connect', () => {
  test('WEB-08 learns the network of the relay', async () => {
    await start()
    const { network } = await open()
    expect(network).toMatchObject({
      networkId: http.relay.networkId,
      peerId: http.relay.peerId,
      policy: 'open',
    })
  })

  test.each(['localhost:8080', 'ftp://localhost', '', 'http://', 'javascript:alert(1)'])(
    'WEB-08 refuses %j for an address',
    async (relay) => {
      await start()
      const error = await failure(open({ relay }))
      expect(error).toMatchObject({ code: 'BadUrl' })
      expect(error.message).toContain('is not the address of a relay, as http://localhost:8080')
    },
  )

  test('WEB-08 gives up after the wait, and says why', async () => {
    await start()
    const { url } = http.server
    await http.server.close()
    const clock = quickClock()
    const error = await failure(open({ clock, waitSeconds: 60 }))
    expect(error.code).toBe('Unreachable')
    expect(error.message).toBe(
      `The relay at ${url} cannot be reached: connection refused. Gave up after 60 s.`,
    )
    expect(clock.slept.length).toBeGreaterThan(10)
    expect(Math.max(...clock.slept)).toBeLessThanOrEqual(6_000)
    expect(http.notices).toEqual([{ type: 'away', reason: 'connection refused', waitSeconds: 60 }])
  })

  test('WEB-08 tries once when it is not to wait', async () => {
    await start()
    await http.server.close()
    const clock = quickClock()
    const error = await failure(open({ clock, waitSeconds: 0 }))
    expect(error.message).toContain('cannot be reached: connection refused.')
    expect(clock.slept).toEqual([])
  })

  test('WEB-08 does not wait for a name that nobody has', async () => {
    await start()
    const notFound = Object.assign(new Error('getaddrinfo ENOTFOUND no-such-host'), { code: 'ENOTFOUND' })
    const fetching = faultyFetch(() => {
      throw new TypeError('fetch failed', { cause: notFound })
    })
    const error = await failure(open({ fetch: fetching, relay: 'http://no-such-host:8080' }))
    expect(error.code).toBe('UnknownHost')
    expect(error.message).toBe(
      'The relay at http://no-such-host:8080 cannot be reached: no machine of that name is known',
    )
  })

  test.each([
    ['a page', () => new Response('<html></html>', { headers: { 'content-type': 'text/html' } })],
    ['an empty object', () => Response.json({})],
    [
      'another network id',
      () => Response.json({ networkId: 'x', peerId: 'y', multiaddrs: [], policy: 'open' }),
    ],
    ['a 404', () => new Response('', { status: 404 })],
  ])('WEB-08 takes no %s for a relay', async (_, answer) => {
    await start()
    const error = await failure(open({ fetch: faultyFetch(answer) }))
    expect(error.code).toBe('NotARelay')
    expect(error.message).toBe(`What answers at ${http.server.url} is not a Tabmesh relay`)
  })

  test('WEB-08 waits behind a proxy for the relay to come', async () => {
    await start()
    let tries = 0
    const fetching = faultyFetch(() => (++tries < 4 ? new Response('', { status: 502 }) : undefined))
    const client = await open({ fetch: fetching, clock: quickClock() })
    expect(client.network.networkId).toBe(http.relay.networkId)
    expect(http.notices[0]).toMatchObject({ type: 'away', reason: 'it answered 502' })
  })
})

describe('TSK-13 map', () => {
  test('TSK-13 gives the results in the order of the inputs', async () => {
    await start({ program: (_, item) => ({ got: item }) })
    const inputs = Array.from({ length: 300 }, (_, index) => index)
    const results = await all(await open(), inputs)
    expect(outputs(results)).toEqual(inputs.map((got) => ({ got })))
    expect(results.map((each) => each.index)).toEqual(inputs)
    expect(results[7]).toMatchObject({ status: 'completed', outputText: '{"got":7}' })
  })

  test('TSK-13 keeps at most a window of items under way, and takes inputs only as it moves', async () => {
    await start()
    let taken = 0
    function* inputs() {
      for (let index = 0; index < 1_500; index++) {
        taken++
        yield index
      }
    }
    const client = await open()
    let given = 0
    for await (const result of client.map(program, inputs(), javascript)) {
      expect(result.index).toBe(given++)
      expect(taken - given).toBeLessThanOrEqual(windowMax)
    }
    expect(given).toBe(1_500)
    expect(Math.max(...http.relay.submitted.map((ids) => ids.length))).toBeLessThanOrEqual(256)
  })

  test('TSK-13 takes inputs that come over time', async () => {
    await start()
    async function* inputs() {
      for (const item of ['a', 'b', 'c']) {
        await new Promise((resolve) => setImmediate(resolve))
        yield item
      }
    }
    expect(outputs(await all(await open(), inputs()))).toEqual(['a', 'b', 'c'])
  })

  test('TSK-13 of nothing gives nothing', async () => {
    await start()
    expect(await all(await open(), [])).toEqual([])
  })

  test('TSK-13 passes on a failure of the inputs', async () => {
    await start()
    const inputs = (function* () {
      yield 1
      throw new Error('the file ended early')
    })()
    await expect(all(await open(), inputs)).rejects.toThrow('the file ended early')
  })

  test('TSK-08 gives an item that failed its error, and the others their results', async () => {
    await start({
      program: (_, item) => {
        if (item === 'bad') throw new GuestFault('fuel', 'out of fuel')
        return item
      },
    })
    const results = await all(await open(), ['a', 'bad', 'c'])
    expect(outputs(results)).toEqual(['a', { kind: 'fuel', message: 'out of fuel' }, 'c'])
  })

  test('TSK-02 refused items fail with the words of the relay, and hold up none', async () => {
    await start()
    const results = await all(await open(), [1, 'x'.repeat(64 * 1024 * 1024), 4])
    const refused = { kind: 'refused', message: 'Task payload exceeds 64 MB limit' }
    expect(outputs(results)).toEqual([1, refused, 4])
  })

  test('TSK-02 refuses a program over 64 MB', async () => {
    await start()
    const client = await open()
    const error = await failure(client.submit(new Uint8Array(64 * 1024 * 1024 + 1), 1, javascript))
    expect(error).toMatchObject({ code: 'Refused', message: 'Task payload exceeds 64 MB limit' })
  })

  test('TSK-02 large inputs and outputs go and come as blobs', async () => {
    await start({ program: (_, item) => `${item}${item}` })
    const large = 'é'.repeat(100_000)
    expect(outputs(await all(await open(), [large, 'small']))).toEqual([large + large, 'smallsmall'])
  })

  test('TSK-11 fetches an output over 1 MB, and checks it', async () => {
    await start({ program: (_, item) => 'z'.repeat(Number(item)) })
    const options = { ...javascript, limits: { outputBytes: 4_000_000 } }
    const [result] = await all(await open(), [2_000_000], options)
    expect(result).toMatchObject({ status: 'completed', outputText: `"${'z'.repeat(2_000_000)}"` })
  })

  test('TSK-13 tells how far it is', async () => {
    await start()
    const seen: Progress[] = []
    const client = await open()
    const run = client.map(program, [1, 2, 3], { ...javascript, onProgress: (each) => seen.push(each) })
    for await (const _ of run);
    expect(run.progress).toEqual({ accepted: 3, completed: 3, failed: 0, missingWorkers: 0, executions: 9 })
    expect(seen.map((each) => each.completed)).toEqual(expect.arrayContaining([1, 2, 3]))
  })

  test('TSK-13 tells what the job waits for, and goes on when it is there', async () => {
    await start()
    http.relay.withdrawAll()
    const client = await open({ clock: quickClock() })
    const missing: number[] = []
    const results = all(client, ['x'], {
      ...javascript,
      onProgress: ({ missingWorkers }) => {
        missing.push(missingWorkers)
        if (missingWorkers === 3) http.relay.offerAll()
      },
    })
    expect(outputs(await results)).toEqual(['x'])
    expect(missing).toContain(3)
  })

  test('TSK-12 ends what is not wanted any more', async () => {
    await start()
    http.relay.hold()
    const stop = new AbortController()
    const client = await open()
    const run = client.map(program, [1, 2, 3], {
      ...javascript,
      signal: stop.signal,
      onProgress: ({ accepted }) => {
        if (accepted === 3) stop.abort()
      },
    })
    const error = await failure(
      (async () => {
        for await (const _ of run);
      })(),
    )
    expect(error.code).toBe('Cancelled')
    expect((await http.relay.status()).tasks.cancelled).toBe(3)
  })

  test('TSK-12 ends what is left when the reader has seen enough', async () => {
    await start()
    const client = await open()
    for await (const result of client.map(program, [...Array(2_000).keys()], javascript))
      if (result.index === 10) break
    const { tasks } = await http.relay.status()
    expect(tasks.pending + tasks.assigned + tasks.running + tasks.pending_verification).toBe(0)
  })

  test('WEB-08 submits one task, and gives its result when it is there', async () => {
    await start({ program: (_, item) => [item] })
    http.relay.hold()
    const client = await open({ clock: quickClock() })
    const task = await client.submit(program, 'one', javascript)
    expect(hasEnded(await client.status(task.taskId))).toBe(false)
    http.relay.release()
    const result = { taskId: task.taskId, status: 'completed', output: ['one'], outputText: '["one"]' }
    expect(await task.result()).toMatchObject(result)
    expect(await client.result(task.taskId)).toMatchObject(result)
    expect((await http.relay.status()).tasks.completed).toBe(1)
  })

  test('WEB-08 a task that is refused is not submitted', async () => {
    await start()
    const error = await failure((await open()).submit(program, 'x'.repeat(65 * 2 ** 20), javascript))
    expect(error).toMatchObject({ code: 'Refused', message: 'Task payload exceeds 64 MB limit' })
  })

  test('TSK-14 a task that its relay has lost is given to it again', async () => {
    await start()
    http.relay.hold()
    const client = await open({ clock: quickClock() })
    const task = await client.submit(program, 'one', javascript)
    http.relay.forgetAll()
    http.relay.release()
    expect(await task.result()).toMatchObject({ taskId: task.taskId, output: 'one' })
  })
})

describe('WEB-08 status, cancel, receipt', () => {
  test('WEB-08 gives the status of the network and of a task', async () => {
    await start()
    const client = await open()
    expect(await client.status()).toMatchObject({ networkId: http.relay.networkId, workers: { count: 3 } })
    const [result] = await all(client, [5])
    expect(await client.status(result!.taskId)).toMatchObject({ status: 'completed', output: 5 })
    const error = await failure(client.status('6f9619ff-8b86-4d01-b42d-00cf4fc964ff'))
    expect(error.message).toBe('Neither a task nor a job 6f9619ff-8b86-4d01-b42d-00cf4fc964ff is known here')
  })

  test('TSK-11 gives a receipt that holds for the job', async () => {
    await start({ program: (_, item) => ({ n: item }) })
    const client = await open()
    const run = client.map(program, [...Array(20).keys()], javascript)
    for await (const _ of run);
    const receipt = readReceiptText(await client.receipt(run.jobId))
    expect(await verifyReceipt(receipt, { crypto: checker })).toMatchObject({ valid: true, tasks: 20 })
  })

  test('WEB-08 tells of a job by its id, and of one of another nothing', async () => {
    await start()
    const client = await open()
    const run = client.map(program, [1, 2], javascript)
    for await (const _ of run);
    expect(await client.status(run.jobId)).toEqual(
      expect.objectContaining({ jobId: run.jobId, accepted: 2, completed: 2, failed: 0, executions: 6 }),
    )
    const stranger = await open({ crypto: await newKey() })
    expect((await failure(stranger.status(run.jobId))).message).toContain('of another submitter')
    expect((await failure(stranger.cancel(run.jobId))).message).toContain('of another submitter')
  })

  test('WEB-08 gives what has ended of a job, wherever from', async () => {
    await start({
      program: (_, item) => {
        if (item === 2) throw new GuestFault('thrown', 'two')
        return item
      },
    })
    const client = await open()
    const run = client.map(program, [0, 1, 2, 3], javascript)
    for await (const _ of run);
    const from = async (index?: number) => {
      const results: ItemResult[] = []
      for await (const result of client.results(run.jobId, index)) results.push(result)
      return outputs(results)
    }
    expect(await from()).toEqual([0, 1, { kind: 'thrown', message: 'two' }, 3])
    expect(await from(3)).toEqual([3])
    expect(await from(9)).toEqual([])
  })

  test('WEB-08 results that break off are gone on with, and not without end', async () => {
    await start()
    let cut = 2
    const cutting: typeof fetch = async (input, init) => {
      const response = await fetch(input, init)
      if (!String(input).includes('held=false')) return response
      const lines = (await response.text()).split(/(?<=\n)/)
      const head = lines.slice(0, cut).join('')
      const body = new ReadableStream(
        {
          pull(controller) {
            if (lines.length <= cut) return controller.close()
            controller.error(new TypeError('cut'))
          },
          start: (controller) => controller.enqueue(new TextEncoder().encode(head)),
        },
        { highWaterMark: 0 },
      )
      return new Response(body)
    }
    const client = await open({ fetch: cutting, clock: quickClock() })
    const run = client.map(program, [0, 1, 2, 3, 4], javascript)
    for await (const _ of run);
    const read = async () => {
      const results: ItemResult[] = []
      for await (const result of client.results(run.jobId)) results.push(result)
      return outputs(results)
    }
    expect(await read()).toEqual([0, 1, 2, 3, 4])
    cut = 0
    expect((await failure(read())).message).toBe('The relay breaks off every answer')
  })

  test('WEB-08 watches a task and a job until they have ended', async () => {
    await start()
    http.relay.hold()
    const client = await open({ clock: quickClock() })
    const task = await client.submit(program, 1, javascript)
    for (const id of [task.taskId, task.jobId]) {
      http.relay.hold()
      const other = await client.submit(program, 2, javascript)
      const watched = id === task.taskId ? other.taskId : other.jobId
      const seen: Report[] = []
      for await (const report of client.watch(watched)) {
        seen.push(report)
        http.relay.release()
      }
      expect(seen.length).toBeGreaterThan(1)
      expect(hasEnded(seen[0]!)).toBe(false)
      expect(hasEnded(seen.at(-1)!)).toBe(true)
    }
  })

  test('TSK-12 cancels a task by its id, and leaves the others', async () => {
    await start()
    http.relay.hold()
    const client = await open()
    const [one, two] = [
      await client.submit(program, 1, javascript),
      await client.submit(program, 2, javascript),
    ]
    await client.cancel(one.taskId)
    http.relay.release()
    expect(await client.result(one.taskId)).toMatchObject({ status: 'failed', error: { kind: 'cancelled' } })
    expect(await client.result(two.taskId)).toMatchObject({ status: 'completed', output: 2 })
  })

  test('TSK-11 gives the receipt of a task, and of a job in parts', async () => {
    await start()
    const client = await open()
    const task = await client.submit(program, 1, javascript)
    await task.result()
    const one = readReceiptText(await client.receipt(task.taskId))
    expect(await verifyReceipt(one, { crypto: checker })).toMatchObject({ valid: true, tasks: 1 })
    const parts: Uint8Array[] = []
    for await (const part of client.receiptParts(task.jobId)) parts.push(part)
    expect(Buffer.concat(parts).toString()).toBe(await client.receipt(task.jobId))
  })

  test('TSK-12 cancels a job by its id', async () => {
    await start()
    http.relay.hold()
    const client = await open()
    const run = client.map(program, [1, 2], {
      ...javascript,
      onProgress: ({ accepted, failed }) => {
        if (accepted === 2 && failed === 0) void client.cancel(run.jobId)
      },
    })
    const results: ItemResult[] = []
    for await (const result of run) results.push(result)
    expect(outputs(results)).toEqual(
      Array(2).fill({ kind: 'cancelled', message: 'cancelled by its submitter' }),
    )
  })
})
