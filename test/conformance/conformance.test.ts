import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { onnxDigests } from '../runtime/onnx/corpus-digests.ts'
import { guestRuntime, runOf } from '../support/program-run.ts'
import { type ConformanceCase, outcomeOf, conformanceSeed as seed } from './conformance-case.ts'
import { conformanceCases } from './conformance-cases.ts'
import { differences, expectedOutcomes, type Outcomes, recordOutcomes } from './expected-outcomes.ts'

let cases: readonly ConformanceCase[]
let expected: Outcomes
beforeAll(async () => {
  cases = await conformanceCases()
  expected = expectedOutcomes()
})

/** Each case twice, one right after the other: the second finds whatever the first left. */
async function runAll(): Promise<{ cold: Outcomes; warm: Outcomes }> {
  const runtime = await guestRuntime()
  const cold: Record<string, string> = {}
  const warm: Record<string, string> = {}
  for (const { name, program, input, limits } of cases) {
    const run = runOf(program, input, { seed, limits })
    cold[name] = outcomeOf(await runtime.run(run))
    await runtime.prepare(run)
    warm[name] = outcomeOf(await runtime.run(run))
  }
  return { cold, warm }
}

test('SBX-02 every program ends as it is on record, on a cold and a warm engine', async () => {
  const { cold, warm } = await runAll()
  if (process.env['TABMESH_RECORD_CONFORMANCE'] === '1') {
    recordOutcomes(cold)
    expected = cold
  }
  expect(differences(cold, expected)).toEqual([])
  expect(differences(warm, expected)).toEqual([])
}, 240_000)

test('SBX-02 the record has every case, no other, and none without a verdict', () => {
  expect(Object.keys(expected).sort()).toEqual(cases.map(({ name }) => name).sort())
  expect(
    Object.values(expected).filter((outcome) => !/^(ok [0-9a-f]{64}|error \w+) \d+$/.test(outcome)),
  ).toEqual([])
  const of = (runtime: string): number => cases.filter(({ name }) => name.startsWith(`${runtime}: `)).length
  expect(of('javascript')).toBeGreaterThanOrEqual(200)
  expect(of('wasi')).toBeGreaterThanOrEqual(100)
  expect(of('built-in')).toBeGreaterThanOrEqual(30)
  expect(Object.keys(onnxDigests).length).toBeGreaterThan(60)
})

test('a difference is one that is told', () => {
  expect(differences({ a: 'ok 1' }, { a: 'ok 2' })).toEqual(['a: ok 2, but was ok 1'])
  expect(differences({ a: 'ok 1' }, {})).toEqual(['a: not on record, but was ok 1'])
})

describe("SBX-02 WebAssembly gives the same by each of the engine's compilers", () => {
  const script = fileURLToPath(new URL('print-outcomes.ts', import.meta.url))
  test.each([['--liftoff-only'], ['--no-liftoff']])(
    '%s',
    async (flag) => {
      const args = ['--disable-warning=ExperimentalWarning', flag, script]
      const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 24 })
      expect(differences(JSON.parse(stdout) as Outcomes, expected)).toEqual([])
    },
    240_000,
  )
})
