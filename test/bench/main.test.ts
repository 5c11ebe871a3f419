import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { expect, test } from 'vitest'
import { redisProgram } from '../support/servers/redis-process.ts'
import { mayBeMissing } from '../support/servers/server-process.ts'

/** FORMATS, "bench NAME --json", with what may be missing besides. */
const report = Type.Object(
  {
    bench: Type.String({ minLength: 1 }),
    machine: Type.Object(
      {
        cpus: Type.Integer({ minimum: 1 }),
        cpu: Type.String(),
        node: Type.String(),
        platform: Type.String(),
      },
      { additionalProperties: false },
    ),
    runs: Type.Integer({ minimum: 1 }),
    results: Type.Array(
      Type.Object(
        {
          name: Type.String({ minLength: 1 }),
          unit: Type.String({ minLength: 1 }),
          median: Type.Number(),
          min: Type.Number(),
          max: Type.Number(),
          baseline: Type.Union([
            Type.Object({ name: Type.String(), median: Type.Number() }, { additionalProperties: false }),
            Type.Null(),
          ]),
          ratio: Type.Union([Type.Number(), Type.Null()]),
          target: Type.Union([
            Type.Object({ ratioMin: Type.Number() }, { additionalProperties: false }),
            Type.Object({ min: Type.Number() }, { additionalProperties: false }),
            Type.Object({ max: Type.Number() }, { additionalProperties: false }),
            Type.Null(),
          ]),
          met: Type.Union([Type.Boolean(), Type.Null()]),
        },
        { additionalProperties: false },
      ),
      { minItems: 1 },
    ),
    missing: Type.Array(
      Type.Object({ name: Type.String(), reason: Type.String() }, { additionalProperties: false }),
    ),
  },
  { additionalProperties: false },
)

function bench(...args: readonly string[]) {
  return benchWith({}, ...args)
}

function benchWith(env: NodeJS.ProcessEnv, ...args: readonly string[]) {
  const command = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'main.ts'), ...args]
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
  return { status, stdout, stderr }
}

test('bench NAME --json prints one object of the documented form and nothing else', () => {
  const { status, stdout, stderr } = bench('timer', '--json', '--runs', '20')
  expect([status, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(/^\{.*\}\n$/)
  const given: unknown = JSON.parse(stdout)
  expect([...Value.Errors(report, given)]).toEqual([])
  expect(given).toMatchObject({ bench: 'timer', runs: 20, missing: [] })
})

test('a part of the runtime bench measures what a task costs', { timeout: 60_000 }, () => {
  const { status, stdout, stderr } = bench('runtime', '--only', 'node', '--json', '--runs', '1')
  expect([status, stderr]).toEqual([0, ''])
  const given = JSON.parse(stdout) as Static<typeof report>
  expect([...Value.Errors(report, given)]).toEqual([])
  expect(given.missing).toEqual([])
  expect(
    given.results.filter(({ target }) => target !== null).map(({ name, target }) => [name, target]),
  ).toEqual([
    ['node task wasi p50', { max: 5 }],
    ['node task javascript p50', { max: 5 }],
  ])
})

test('every kernel gives the same instrumented, as it was given, and in JavaScript', {
  timeout: 120_000,
}, () => {
  const { status, stdout } = bench('runtime', '--only', 'wasi', '--json', '--runs', '1')
  expect(status).toBe(0)
  const { results, missing } = JSON.parse(stdout) as Static<typeof report>
  expect(missing).toEqual([])
  const kernels = ['matrix-multiply', 'mandelbrot', 'n-body', 'sieve', 'quicksort', 'sha-256']
  const against = (baseline: string) =>
    results.filter((one) => one.baseline?.name === baseline).map(({ name }) => name)
  const programs = kernels.flatMap((name) => [`wasi ${name} AssemblyScript`, `wasi ${name} C`])
  expect(against('native JavaScript')).toEqual(programs.map((name) => `${name} vs native`))
  expect(against('uninstrumented')).toEqual([...programs, 'wasi geometric mean of all'])
  expect(results.at(-1)).toMatchObject({ name: 'wasi geometric mean of all', target: { ratioMin: 0.5 } })
})

test('a part of the store bench measures small writes, and names the server that is not installed', {
  timeout: 60_000,
}, () => {
  const parts = ['--only', 'sqlite', '--runs', '1', '--scale', '0.1']
  const { status, stdout } = benchWith({ PATH: '' }, 'store', ...parts, '--json')
  expect(status).toBe(0)
  const { results, missing } = JSON.parse(stdout) as Static<typeof report>
  expect(missing).toEqual([{ name: 'plainRedis', reason: 'redis-server not found' }])
  expect(results.map(({ name, unit, target }) => [name, unit, target])).toEqual([
    ['sqlite 64 under way vs write-file-atomic', 'writes/s', { ratioMin: 10 }],
    ['sqlite 1 under way vs write-file-atomic', 'writes/s', null],
  ])
})

test('TSK-16 the tasks bench measures a whole network beside BullMQ, and a long queue beside a short one', {
  timeout: 180_000,
}, () => {
  const parts = ['--only', 'wasi', '--only', 'queue', '--scale', '0.005', '--runs', '1']
  const { status, stdout, stderr } = bench('tasks', ...parts, '--json')
  expect([status, stderr]).toEqual([0, ''])
  const { results, missing } = JSON.parse(stdout) as Static<typeof report>
  if (redisProgram === undefined && mayBeMissing()) return
  expect(missing).toEqual([])
  const judged = results.filter(({ target }) => target !== null)
  expect(judged.map(({ name, baseline, target }) => [name, baseline?.name, target])).toEqual([
    ['wasi verified tasks', undefined, { min: 1_000 }],
    ['wasi executions', 'BullMQ jobs', { ratioMin: 0.5 }],
    ['queue processor time of a task among 100000', 'among 1000', { ratioMin: 0.8 }],
  ])
  const rate = (name: string) => results.find((one) => one.name === name)!.median
  expect(rate('wasi executions') / rate('wasi verified tasks')).toBeCloseTo(3, 1)
})

test('without --json it prints a table', () => {
  const { status, stdout } = bench('timer', '--runs', '20', '--strict')
  expect(status).toBe(0)
  expect(stdout).toMatch(/^timer: medians of 20 runs on /)
  expect(stdout).toMatch(/^timer empty turn +[\d.]+/m)
})

test('an unknown bench ends with 2 and the list', () => {
  const { status, stdout, stderr } = bench('running', '--json')
  expect([status, stdout]).toEqual([2, ''])
  expect(stderr).toContain('there is no bench running')
  expect(stderr).toMatch(/^ {2}runtime /m)
})

test('what cannot be measured is named, and fails with --strict only', () => {
  const none = { TABMESH_CHROMIUM: '/no/such/browser' }
  const lenient = benchWith(none, 'runtime', '--only', 'chromium', '--json')
  expect(lenient.status).toBe(0)
  expect(JSON.parse(lenient.stdout)).toMatchObject({
    results: [],
    missing: [{ name: 'chromium', reason: expect.stringContaining('/no/such/browser') }],
  })
  expect(benchWith(none, 'runtime', '--only', 'chromium', '--strict').status).toBe(1)
})
