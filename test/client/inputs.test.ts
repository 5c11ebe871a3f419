import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, test } from 'vitest'
import { type Client, connect } from '../../shared/client/client.ts'
import { systemClock } from '../../shared/client/clock.ts'
import type { JobInput } from '../../shared/client/map-input.ts'
import { windowMax } from '../../shared/client/map-run.ts'
import { program } from '../relay/http/http-fixture.ts'
import type { LoopbackOptions } from '../relay/http/loopback-relay.ts'
import { newKey } from '../relay/http/test-keys.ts'
import { all, type ClientFixture, failure, javascript, outputs, startClient } from './client-fixture.ts'
import { type ScriptedRelay, scriptedRelay } from './scripted-relay.ts'

let http: ClientFixture | undefined
afterEach(async () => {
  await http?.close()
  http = undefined
})

const open = async (options?: LoopbackOptions): Promise<Client> => {
  http = await startClient(options)
  return http.open()
}

async function scripted(): Promise<{ readonly relay: ScriptedRelay; readonly client: Client }> {
  const relay = scriptedRelay()
  // Signatures cost more than all the rest, and nobody looks at these.
  const crypto = { ...(await newKey()), sign: async () => new Uint8Array(64) }
  const client = await connect({ relay: 'http://localhost:1', crypto, fetch: relay.fetch })
  return { relay, client }
}

/** Counts what is taken of it. */
function countedInputs(count: number, input: (index: number) => JobInput = (index) => index) {
  const counted = {
    taken: 0,
    isClosed: false,
    *inputs() {
      try {
        for (let index = 0; index < count; index++) {
          counted.taken++
          yield input(index)
        }
      } finally {
        counted.isClosed = true
      }
    },
  }
  return counted
}

const mib = 2 ** 20
setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

function heapMib(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed / mib
}

describe('TSK-13 inputs without end', () => {
  test('TSK-13 are taken a window ahead of the reader, however many there are', async () => {
    const { client } = await scripted()
    const source = countedInputs(1_000_000)
    let given = 0
    let aheadMost = 0
    for await (const result of client.map(program, source.inputs(), javascript)) {
      expect(result.index).toBe(given++)
      aheadMost = Math.max(aheadMost, source.taken - given)
      if (given === 6_000) break
    }
    expect(aheadMost).toBeLessThanOrEqual(windowMax)
    expect(source.taken).toBeLessThanOrEqual(6_000 + windowMax)
    expect(source.isClosed).toBe(true)
  })

  test('TSK-13 are not taken on while nobody reads', async () => {
    const { client, relay } = await scripted()
    const source = countedInputs(1_000_000)
    const run = client.map(program, source.inputs(), javascript)[Symbol.asyncIterator]()
    await run.next()
    // Whatever is not bounded would go on and on now.
    const clock = systemClock
    const never = new AbortController().signal
    for (let before = -1; before !== source.taken; ) {
      before = source.taken
      await clock.sleep(50, never)
    }
    expect(source.taken).toBeLessThanOrEqual(windowMax + 1)
    expect(relay.taken()).toBe(source.taken)
    await run.return?.(undefined)
  })

  test('TSK-13 take no more memory than their window', async () => {
    const { client } = await scripted()
    const text = 'x'.repeat(1_000)
    const source = countedInputs(1_000_000, (index) => `${index} ${text}`)
    let given = 0
    let early = 0
    for await (const _ of client.map(program, source.inputs(), javascript)) {
      given++
      if (given === 1_000) early = heapMib()
      if (given === 5_000) break
    }
    // 4,000 of these are 4 MB as inputs, 8 MB as they are sent, and more as what they are made of.
    expect(heapMib() - early).toBeLessThan(4)
  })

  test('TSK-13 large ones are held back by their bytes', async () => {
    const { client } = await scripted()
    const large = new Uint8Array(8 * mib)
    const source = countedInputs(1_000, () => large)
    const run = client.map(program, source.inputs(), javascript)[Symbol.asyncIterator]()
    await run.next()
    await systemClock.sleep(200, new AbortController().signal)
    expect(source.taken).toBeLessThanOrEqual(10)
    await run.return?.(undefined)
  })
})

describe('TSK-13 inputs that come slowly', () => {
  test('TSK-13 are handed in as they come, without waiting for more', async () => {
    const client = await open()
    const coming = [7, 8, 9].map((item) => ({ item, ...Promise.withResolvers<number>() }))
    async function* inputs() {
      for (const { promise } of coming) yield await promise
      await new Promise(() => {})
    }
    const run = client.map(program, inputs(), javascript)[Symbol.asyncIterator]()
    for (const { item, resolve } of coming) {
      resolve(item)
      expect((await run.next()).value).toMatchObject({ status: 'completed', output: item })
    }
    await run.return?.(undefined)
  })

  test('TSK-12 do not hold up the end of a job that is cancelled', async () => {
    const client = await open()
    const stop = new AbortController()
    const never = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) }
    const run = all(client, never, { ...javascript, signal: stop.signal })
    setTimeout(() => stop.abort(), 50)
    expect((await failure(run)).code).toBe('Cancelled')
  })

  test('TSK-13 that break off give the results of those before first', async () => {
    const client = await open()
    const given: unknown[] = []
    async function* inputs() {
      yield* [1, 2, 3]
      throw new Error('the disk is gone')
    }
    const run = async () => {
      for await (const result of client.map(program, inputs(), javascript)) given.push(result)
    }
    await expect(run()).rejects.toThrow('the disk is gone')
    expect(outputs(given as never)).toEqual([1, 2, 3])
  })
})

describe('TSK-13 inputs that cannot be', () => {
  const circle: Record<string, unknown> = {}
  circle['self'] = circle
  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['a bigint', 5n],
    ['a circle', circle],
  ])('TSK-13 %s is refused by its place', async (_, wrong) => {
    const client = await open()
    const given: unknown[] = []
    const run = async () => {
      for await (const result of client.map(program, [1, wrong as JobInput, 3], javascript))
        given.push(result)
    }
    expect(await failure(run())).toMatchObject({
      code: 'BadInput',
      message: 'Input 1 is neither a JSON value nor bytes',
    })
    expect(outputs(given as never)).toEqual([1])
  })
})

describe('WEB-08 bytes', () => {
  const bytes = Uint8Array.from([...Array(256).keys()])

  test('WEB-08 go in as they are', async () => {
    const client = await open({ program: (_, input) => input })
    const json = new TextEncoder().encode('{"a": 1}')
    expect(outputs(await all(client, [json]))).toEqual([{ a: 1 }])
  })

  test('WEB-08 are those of their moment, whatever becomes of the buffer', async () => {
    const client = await open()
    const buffer = new Uint8Array(1)
    function* inputs() {
      for (const digit of '123') {
        buffer[0] = digit.charCodeAt(0)
        yield buffer
      }
    }
    expect(outputs(await all(client, inputs()))).toEqual([1, 2, 3])
  })

  test.each<[string, Uint8Array]>([
    ['no bytes', new Uint8Array(0)],
    ['every byte', bytes],
    ['a text', new TextEncoder().encode('text')],
    ['a text in quotes', new TextEncoder().encode('"text"')],
    ['a line', new TextEncoder().encode('line\n')],
    ['JSON', new TextEncoder().encode('{"base64":"AAAA"}')],
    ['over 4 KiB', new Uint8Array(5_000).fill(0xfe)],
    ['over 1 MiB', new Uint8Array(mib + 1).fill(0xfe)],
  ])('WEB-08 come out as they are: %s', async (_, output) => {
    const client = await open({ program: () => output })
    const options = { ...javascript, output: 'bytes', limits: { outputBytes: 4 * mib } } as const
    for await (const result of client.map(program, [1, 2], options)) {
      expect(result.status).toBe('completed')
      if (result.status === 'completed') expect(Buffer.from(result.output).equals(output)).toBe(true)
    }
  })
})
