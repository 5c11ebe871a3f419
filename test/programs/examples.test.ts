import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Runtime } from '../../shared/runtime/serve-runs.ts'
import { guestRuntime, runOf } from '../support/program-run.ts'

const root = join(import.meta.dirname, '../../programs')
const dataFile = (name: string) =>
  readFileSync(join(root, '../node_modules/vega-datasets/data', name), 'utf8')
let runtime: Runtime
beforeAll(async () => {
  runtime = await guestRuntime()
})

/** What a program answers; its error, and the message, when it does not. */
async function answer(file: string, input: unknown): Promise<unknown> {
  const result = await runtime.run(runOf(new Uint8Array(readFileSync(file)), input))
  if (result.kind === 'ok') return JSON.parse(new TextDecoder().decode(result.output))
  return result.kind === 'error' ? { error: result.error, message: result.message } : result
}
const example = (name: string, input: unknown) => answer(join(root, 'examples', name), input)

describe('TSK-02 examples', () => {
  test.each(['count-primes.js', 'c/primes.wasm'])('%s counts primes', async (name) => {
    expect(await example(name, 100)).toEqual({ upTo: 100, primes: 25, largest: 97 })
    expect(await example(name, 1_000_000)).toEqual({ upTo: 1_000_000, primes: 78_498, largest: 999_983 })
    expect(await example(name, 1)).toEqual({ upTo: 1, primes: 0, largest: 0 })
    for (const bad of [-1, 'x', 1e9]) {
      expect(await example(name, bad)).toMatchObject({
        error: name.endsWith('.js') ? 'thrown' : 'exit',
        message: expect.stringContaining('the input has to be a whole number'),
      })
    }
  })

  test('monte-carlo-pi.js comes near pi, and gives the same for the same seed', async () => {
    const first = await example('monte-carlo-pi.js', { points: 20_000 })
    expect(first).toEqual({ points: 20_000, inside: expect.any(Number), pi: expect.closeTo(Math.PI, 1) })
    expect(await example('monte-carlo-pi.js', { points: 20_000 })).toEqual(first)
    expect(await example('monte-carlo-pi.js', { points: 0 })).toMatchObject({ error: 'thrown' })
  })

  test('clean-record.js makes tidy records of real rows', async () => {
    const [movie] = JSON.parse(dataFile('movies.json')) as Record<string, unknown>[]
    expect(await example('clean-record.js', movie)).toMatchObject({
      title: 'The Land Girls',
      usGross: 146083,
      releaseDate: '1998-06-12',
      mpaaRating: 'R',
    })
    expect(await example('clean-record.js', { a: ' 1.50 ', b: '', c: null, 'd e': true })).toEqual({
      a: 1.5,
      dE: true,
    })
    expect(await example('clean-record.js', [1])).toMatchObject({ error: 'thrown' })
  })

  test('c/mandelbrot.wasm draws', async () => {
    const { rows } = (await example('c/mandelbrot.wasm', 60)) as { rows: string[] }
    expect(rows).toHaveLength(30)
    expect(rows.every((row) => row.length === 60)).toBe(true)
    expect(rows[15]).toContain('@@@@@@')
    expect(await example('c/mandelbrot.wasm', 0)).toMatchObject({ error: 'exit' })
  })

  test('c/csv-sum.wasm sums the whole columns of a real file', async () => {
    const csv = dataFile('airports.csv')
      .split('\n')
      .filter((line) => !line.includes('"'))
      .slice(0, 50)
      .join('\r\n')
    expect(await example('c/csv-sum.wasm', csv)).toEqual({})
    expect(await example('c/csv-sum.wasm', 'a,b,c\n1,x,-5\n2,3,7\n')).toEqual({ a: 3, c: 2 })
    expect(await example('c/csv-sum.wasm', { a: 1 })).toMatchObject({ error: 'exit' })
  })

  test.each(readdirSync(join(root, 'examples/c')).filter((name) => name.endsWith('.wasm')))(
    '%s is small',
    (name) => {
      expect(readFileSync(join(root, 'examples/c', name)).length).toBeLessThan(60_000)
    },
  )
})

describe('SBX-02 kernels give the same in AssemblyScript, in C, in QuickJS and natively', () => {
  test.each([
    ['matrix-multiply', 30],
    ['mandelbrot', 40],
    ['n-body', 500],
    ['sieve', 20_000],
    ['quicksort', 5_000],
    ['sha-256', 100],
  ])('%s of %i', async (name, size) => {
    const source = join(root, 'bench', name, name)
    const { default: kernel } = (await import(/* @vite-ignore */ pathToFileURL(`${source}.js`).href)) as {
      default: (size: number) => { checksum: number }
    }
    const assembly = join(root, '../dist/programs/bench', `${name.replaceAll('-', '_')}.wasm`)
    for (const n of [size, 0, 1]) {
      const native = kernel(n)
      expect(native.checksum).toBeGreaterThan(0)
      for (const file of [assembly, `${source}.wasm`, `${source}.js`]) {
        expect({ file, ...((await answer(file, n)) as object) }).toEqual({ file, ...native })
      }
    }
    for (const file of [assembly, `${source}.wasm`]) {
      expect(await answer(file, 'x')).toMatchObject({ error: 'exit' })
    }
  })

  test('sha-256 is SHA-256', async () => {
    const blocks = 3
    const message = new Uint8Array(blocks * 64)
    const view = new DataView(message.buffer)
    let state = 1
    for (let at = 0; at < message.length; at += 4) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      view.setUint32(at, state)
    }
    const digest = createHash('sha256').update(message).digest()
    const file = join(root, '../dist/programs/bench/sha_256.wasm')
    expect(await answer(file, blocks)).toEqual({ checksum: digest.readUInt32BE(0) })
  })
})
