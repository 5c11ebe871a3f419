import { beforeAll, describe, expect, test } from 'vitest'
import { createGuestRuntime, type GuestRuntime } from '../../shared/runtime/guest-runtime.ts'
import { defaultLimits } from '../../shared/task/task.ts'
import { guestRuntime, quickJsModule, runOf } from '../support/program-run.ts'

/** Looks at everything a run before could have left behind. */
const probe = `
const own = (object) => Object.getOwnPropertyNames(object).sort().join()
export default async (input) => {
  await null
  return [
    input, own(globalThis), own(Array.prototype), own(Object.prototype), own(Math), String(Math.random()),
    [3, 1, 2].map((n) => n * 2), Object.isFrozen(Math), Symbol.for('left') in globalThis, /a/.exec('a').index,
    JSON.stringify({ a: 1 }), 'x'.repeat(5), [2, 1].sort(), 10n ** 30n + '', new Error('e').message,
  ]
}`

/** What a hostile program would leave. */
const hostile: Readonly<Record<string, string>> = {
  prototypes: `Array.prototype.map = () => 'mine'; Object.prototype.left = 1; String.prototype.repeat = () => 'mine';
    Promise.prototype.then = () => { throw 1 }; export default () => 1`,
  globals: `globalThis.JSON = { parse: () => 'mine', stringify: () => '"mine"' }; globalThis[Symbol.for('left')] = 1;
    globalThis.Math = undefined; export default () => 1`,
  'frozen things':
    'Object.freeze(Math); Object.freeze(Array.prototype); Object.freeze(globalThis); export default () => 1',
  'random numbers drawn': 'export default () => { for (let i = 0; i < 1e4; i++) Math.random(); return 1 }',
  'jobs that wait': `for (let i = 0; i < 1e4; i++) Promise.resolve().then(() => { globalThis.left = 1 });
    export default () => new Promise(() => {})`,
  'a throw': 'export default () => { throw { toString() { globalThis.left = 1; return "x" } } }',
  'no JSON': 'export default () => () => 1',
  'a syntax error': 'export default (',
  'much garbage':
    'export default () => { let a = []; for (let i = 0; i < 2e4; i++) a = [a, { i }, String(i)]; return 1 }',
  'atoms and shapes':
    'export default () => { const o = {}; for (let i = 0; i < 2e4; i++) o["key" + i] = i; return 1 }',
  'the end of its stack': 'export default () => { const f = () => f(); try { f() } catch {} return 1 }',
  'the end of its fuel': 'export default () => { for (;;); }',
  'the end of its log': 'export default () => { for (;;) console.log("x".repeat(1000)) }',
  'more memory': 'export default () => new Array(4e6).fill(1).length',
  'the end of its memory': 'export default () => { const a = []; for (;;) a.push(new Array(1e5).fill(a)) }',
}

let runtime: GuestRuntime
let fresh: unknown
const limits = { ...defaultLimits, fuel: 1e9 }
beforeAll(async () => {
  runtime = await guestRuntime()
  fresh = await createGuestRuntime(await quickJsModule()).run(runOf(probe, 7, { limits }))
})

describe('SBX-02 a run finds nothing of the run before', () => {
  test.each(Object.entries(hostile))('%s', async (_name, program) => {
    const left = runOf(program, null, { limits })
    await runtime.run(left)
    await runtime.prepare(left)
    const result = await runtime.run(runOf(probe, 7, { limits }))
    expect(result).toMatchObject({ kind: 'ok' })
    expect(result).toEqual(fresh)
  })

  test('nor of an engine with more or less memory', async () => {
    const other = createGuestRuntime(await quickJsModule())
    for (const memoryBytes of [2 ** 26, 2 ** 28, 2 ** 24, 2 ** 26]) {
      const run = (program: string) => runOf(program, 7, { limits: { ...limits, memoryBytes } })
      for (const program of [probe, hostile['prototypes']!, probe, hostile['much garbage']!, probe]) {
        const result = await other.run(run(program))
        if (program === probe) expect(result).toEqual(fresh)
      }
    }
  })

  test('nor how far its memory had grown: the limit is met at the same step', async () => {
    const tight = { ...limits, memoryBytes: 2 ** 25 }
    const end = runOf(hostile['the end of its memory']!, null, { limits: tight })
    const first = await createGuestRuntime(await quickJsModule()).run(end)
    expect(first).toMatchObject({ kind: 'error', error: 'memory' })
    const other = createGuestRuntime(await quickJsModule())
    const grows = runOf('export default () => new Array(1e6).fill(1).length', null, { limits: tight })
    for (let i = 0; i < 3; i++) expect(await other.run(grows)).toMatchObject({ kind: 'ok' })
    expect(await other.run(end)).toEqual(first)
  })

  test('nor of a thousand runs', async () => {
    const programs = Object.values(hostile).slice(0, 8)
    for (let i = 0; i < 1_000; i++) {
      const run = runOf(programs[i % programs.length]!, null, { limits })
      await runtime.run(run)
      await runtime.prepare(run)
    }
    expect(await runtime.run(runOf(probe, 7, { limits }))).toEqual(fresh)
  })
})
