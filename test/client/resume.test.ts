import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { type JobState, parseJobState } from '../../shared/client/job-state.ts'
import type { JobInput } from '../../shared/client/map-input.ts'
import type { MapOptions } from '../../shared/client/map-run.ts'
import type { ItemResult } from '../../shared/client/result-line.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'
import { program } from '../relay/http/http-fixture.ts'
import { GuestFault, type LoopbackOptions } from '../relay/http/loopback-relay.ts'
import { newKey } from '../relay/http/test-keys.ts'
import {
  type ClientFixture,
  failure,
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

/** What another process would find: JSON that was written down. */
const kept = (state: JobState): JobState => {
  const read = parseJobState(JSON.parse(JSON.stringify(state)))
  if (read instanceof Refusal) throw new Error(read.message)
  return read
}

/** Takes so many results with a client of its own, and leaves; gives what it kept, as written before it asked for more. */
async function take(
  count: number,
  inputs: Iterable<JobInput>,
  options: Partial<MapOptions> = {},
): Promise<{ readonly results: ItemResult[]; readonly state: JobState }> {
  const client = await http.open({ clock: quickClock() })
  const run = client.map(program, inputs, { ...javascript, keep: true, ...options })
  const results: ItemResult[] = []
  let state = kept(run.state)
  if (count === 0) return { results, state }
  for await (const result of run) {
    results.push(result)
    state = kept(run.state)
    if (results.length === count) break
  }
  return { results, state }
}

const numbers = (count: number) => [...Array(count).keys()]

describe('TSK-13 a job that is gone on with', () => {
  test('TSK-13 gives the rest, and no task is made twice', async () => {
    await start()
    const first = await take(37, numbers(100))
    const second = await take(Number.POSITIVE_INFINITY, numbers(100), { job: first.state })
    expect(outputs([...first.results, ...second.results])).toEqual(numbers(100))
    expect(second.results[0]!.index).toBe(37)
    const { tasks } = await http.relay.status()
    expect([tasks.completed, tasks.cancelled]).toEqual([100, 0])
  })

  test('TSK-13 is whole wherever and however often it was left', async () => {
    await start()
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 60 }),
        fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 4 }),
        async (count, stops) => {
          const all: ItemResult[] = []
          let job: JobState | undefined
          for (const stop of [...stops, Number.POSITIVE_INFINITY]) {
            const { results, state } = await take(stop, numbers(count), job === undefined ? {} : { job })
            all.push(...results)
            job = state
          }
          expect(outputs(all)).toEqual(numbers(count))
          expect(all.map((each) => each.index)).toEqual(numbers(count))
          expect(job!.cursor.items).toBe(count)
        },
      ),
      { numRuns: 8 },
    )
  })

  test('TSK-13 can be gone on with from before its first item was handed in', async () => {
    await start()
    const { state } = await take(0, numbers(3))
    expect(state.cursor.items).toBe(0)
    const { results } = await take(Number.POSITIVE_INFINITY, numbers(3), { job: state })
    expect(outputs(results)).toEqual(numbers(3))
  })

  test('TSK-13 goes on from an old state too: what was given out since comes again, the same', async () => {
    await start()
    const first = await take(5, numbers(20))
    const second = await take(10, numbers(20), { job: first.state })
    const again = await take(Number.POSITIVE_INFINITY, numbers(20), { job: first.state })
    expect(again.results.slice(0, 10)).toEqual(second.results)
    expect((await http.relay.status()).tasks.completed).toBe(20)
  })

  test('TSK-13 tells how far it is of the whole', async () => {
    await start({
      program: (_, item) => {
        if (Number(item) % 10 === 3) throw new GuestFault('thrown', 'three')
        return item
      },
    })
    const { state } = await take(15, numbers(40))
    expect(state.cursor).toMatchObject({ items: 15, failed: 2 })
    const client = await http.open()
    const run = client.map(program, numbers(40), { ...javascript, job: state })
    expect(run.progress).toMatchObject({ completed: 13, failed: 2 })
    for await (const _ of run);
    expect(run.progress).toMatchObject({ accepted: 40, completed: 36, failed: 4 })
    expect(run.state.cursor).toMatchObject({ items: 40, failed: 4 })
  })

  test('TSK-14 goes on after the relay lost its disk meanwhile', async () => {
    await start()
    const { state } = await take(10, numbers(30))
    http.relay.forgetAll()
    const { results } = await take(Number.POSITIVE_INFINITY, numbers(30), { job: state })
    expect(outputs(results)).toEqual(numbers(30).slice(10))
  })

  test('TSK-13 that is over gives nothing', async () => {
    await start()
    const { state } = await take(Number.POSITIVE_INFINITY, numbers(5))
    const { results } = await take(Number.POSITIVE_INFINITY, numbers(5), { job: state })
    expect(results).toEqual([])
  })
})

describe('TSK-13 a job is not gone on with', () => {
  const changed: [string, (items: number[]) => number[]][] = [
    ['another first input', ([, ...rest]) => [99, ...rest]],
    ['an input less', ([, ...rest]) => rest],
    ['inputs in another order', ([a, b, ...rest]) => [b!, a!, ...rest]],
    ['fewer inputs than were done', (items) => items.slice(0, 4)],
    ['no inputs', () => []],
    ['another input among those under way', (items) => items.map((item) => (item === 15 ? 99 : item))],
  ]
  test.each(changed)('TSK-13 with %s', async (_, change) => {
    await start()
    http.relay.hold()
    http.relay.release()
    const { state } = await take(10, numbers(20))
    const error = await failure(take(20, change(numbers(20)), { job: state }))
    expect(error.code).toBe('OtherInputs')
    expect(error.message).toMatch(/^The inputs are not those that the job was begun with: /)
    // It is still there for the right ones.
    const { results } = await take(Number.POSITIVE_INFINITY, numbers(20), { job: state })
    expect(outputs(results)).toEqual(numbers(20).slice(10))
  })

  test('TSK-13 with another program, key or options', async () => {
    await start()
    const { state: job } = await take(3, numbers(5))
    const client = await http.open()
    const options = { ...javascript, job }
    const tries: [() => unknown, RegExp][] = [
      [() => client.map('export default () => 1', [], options), /another program$/],
      [
        () => client.map(program, [], { ...options, taskType: 'wasi' }),
        /another taskType \("javascript", now "wasi"\)$/,
      ],
      [
        () => client.map(program, [], { ...options, priority: 'low' }),
        /another priority \("normal", now "low"\)$/,
      ],
      [() => client.map(program, [], { ...options, limits: { fuel: 5 } }), /another limits .*"fuel":5/],
    ]
    for (const [attempt, message] of tries) {
      expect(attempt).toThrow(message)
      expect(attempt).toThrow(expect.objectContaining({ code: 'OtherJob' }))
    }
    const stranger = await http.open({ crypto: await newKey() })
    expect(() => stranger.map(program, [], options)).toThrow(/another key \(12D3.*, now 12D3/)
    const elsewhere = await startClient()
    const other = await elsewhere.open({ crypto: http.key })
    expect(() => other.map(program, [], options)).toThrow(/another network \(/)
    await elsewhere.close()
  })

  test('TSK-13 the defaults, said or not, are the same options', async () => {
    await start()
    const { state: job } = await take(3, numbers(5))
    const client = await http.open()
    const run = client.map(program, numbers(5), {
      ...{ ...javascript, job, priority: 'normal', limits: { fuel: 1e10 } },
    })
    const results: ItemResult[] = []
    for await (const result of run) results.push(result)
    expect(outputs(results)).toEqual([3, 4])
  })
})

test('TSK-13 a state with a field changed, gone or added is none', async () => {
  await start()
  const { state } = await take(1, numbers(2))
  for (const [name, wrong] of [
    ['secret', 'short'],
    ['jobId', 'x'],
    ['submittedAt', '2025-01-01'],
    ['cursor', { items: -1, failed: 0, inputs: state.cursor.inputs }],
    ['task', null],
    ['extra', 1],
  ] as const) {
    expect(parseJobState({ ...state, [name]: wrong })).toBeInstanceOf(Refusal)
    if (name === 'extra') continue
    const { [name]: _, ...rest } = state
    expect(parseJobState(rest)).toBeInstanceOf(Refusal)
  }
})
