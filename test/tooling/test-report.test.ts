import { expect, test } from 'vitest'
import {
  exitCodeOf,
  failureList,
  failuresOfPlaywright,
  failuresOfVitest,
  notesOf,
  nothing,
  summary,
  tallyPlaywright,
  tallyVitest,
  timesOfPlaywright,
  timesOfVitest,
  timeTable,
  withExitCode,
} from '../../scripts/test-report.ts'

const file = { name: '/a.test.ts', startTime: 1_000, endTime: 3_500 }
const tests = (...states: string[]) => states.map((status) => ({ status, title: 'a test' }))

test('counts the tests of every file', () => {
  const report = {
    testResults: [
      { ...file, status: 'passed', assertionResults: tests('passed', 'passed', 'skipped') },
      { ...file, status: 'failed', assertionResults: tests('passed', 'failed', 'todo') },
    ],
  }
  expect(tallyVitest(report)).toEqual({ passed: 3, failed: 1, skipped: 2 })
})

test('passes on, once each, what the tests say cannot be run here', () => {
  const note = (name: string) => ({ status: 'skipped', title: `not run: ${name} (${name}-server not found)` })
  const report = {
    testResults: [
      { ...file, status: 'passed', assertionResults: [...tests('passed'), note('redis')] },
      { ...file, status: 'passed', assertionResults: [note('redis'), note('other')] },
    ],
  }
  expect(notesOf(report)).toEqual([
    'not run: redis (redis-server not found)',
    'not run: other (other-server not found)',
  ])
})

test('counts a file that did not load as one failure', () => {
  const report = { testResults: [{ ...file, status: 'failed', assertionResults: [] }] }
  expect(tallyVitest(report)).toEqual({ passed: 0, failed: 1, skipped: 0 })
})

test('counts a file whose teardown failed as one failure', () => {
  const report = { testResults: [{ ...file, status: 'failed', assertionResults: tests('passed') }] }
  expect(tallyVitest(report)).toEqual({ passed: 1, failed: 1, skipped: 0 })
})

test('counts a test state it does not know as a failure', () => {
  const report = { testResults: [{ ...file, status: 'passed', assertionResults: tests('vanished') }] }
  expect(tallyVitest(report).failed).toBe(1)
})

test('counts a flaky browser test and an error outside tests as failures', () => {
  const report = { stats: { expected: 4, unexpected: 1, flaky: 1, skipped: 2 }, errors: [{}] }
  expect(tallyPlaywright(report)).toEqual({ passed: 4, failed: 3, skipped: 2 })
})

test('counts a failing exit code that no test explains as a failure', () => {
  expect(withExitCode({ passed: 3, failed: 0, skipped: 0 }, 1).failed).toBe(1)
  expect(withExitCode({ passed: 3, failed: 0, skipped: 0 }, null).failed).toBe(1)
  expect(withExitCode({ passed: 3, failed: 2, skipped: 0 }, 1).failed).toBe(2)
})

test('counts a run that found no test as a failure', () => {
  expect(withExitCode(nothing, 0).failed).toBe(1)
})

test('says skipped only when something was', () => {
  expect(summary({ passed: 3, failed: 0, skipped: 0 })).toBe('3 passed, 0 failed')
  expect(summary({ passed: 3, failed: 1, skipped: 2 })).toBe('3 passed, 1 failed, 2 skipped')
})

test('exits 0 only when something ran and nothing failed', () => {
  expect(exitCodeOf({ passed: 1, failed: 0, skipped: 0 })).toBe(0)
  expect(exitCodeOf({ passed: 1, failed: 1, skipped: 0 })).toBe(1)
  expect(exitCodeOf({ passed: 0, failed: 0, skipped: 4 })).toBe(1)
})

test('knows how long each file took', () => {
  expect(timesOfVitest({ testResults: [{ ...file, status: 'passed', assertionResults: [] }] })).toEqual([
    { path: '/a.test.ts', seconds: 2.5 },
  ])
  const spec = (...durations: number[]) => ({
    tests: [{ results: durations.map((duration) => ({ duration })) }],
  })
  const group = { file: 'a.spec.ts', specs: [spec(500)] }
  const suites = [{ file: 'a.spec.ts', specs: [spec(1_000), spec(2_000, 250)], suites: [group] }]
  const report = { stats: { expected: 1, unexpected: 0, flaky: 0, skipped: 0 }, errors: [], suites }
  expect(timesOfPlaywright(report)).toEqual([{ path: 'a.spec.ts', seconds: 3.75 }])
})

test('shows the fifteen slowest files, the slowest first, and every suite', () => {
  const files = Array.from({ length: 20 }, (_, i) => ({ path: `${i}.test.ts`, seconds: i }))
  const table = timeTable(files, [{ path: 'unit', seconds: 190 }]).split('\n')
  expect(table.slice(0, 2)).toEqual(['slowest files:', '   19.0 s  19.test.ts'])
  expect(table.slice(15)).toEqual(['    5.0 s  5.test.ts', 'suites:', '  190.0 s  unit'])
})

test('names what failed, with the first lines of why', () => {
  const why = Array.from({ length: 40 }, (_, line) => `line ${line}`).join('\n')
  const testResults = [
    {
      ...file,
      status: 'failed',
      assertionResults: [
        ...tests('passed'),
        { status: 'failed', title: 'a', fullName: 'group a', failureMessages: [why] },
      ],
    },
    { ...file, name: '/b.test.ts', status: 'failed', message: 'cannot be loaded', assertionResults: [] },
  ]
  const list = failureList(failuresOfVitest({ testResults })).split('\n')
  expect(list.slice(0, 3)).toEqual(['failed:', '  /a.test.ts: group a', '      line 0'])
  expect(list.slice(-3)).toEqual([
    '      line 11',
    '  /b.test.ts: the file as a whole',
    '      cannot be loaded',
  ])
})

test('names the browser tests that failed, those of groups too', () => {
  const result = { duration: 1, errors: [{ message: 'no button' }] }
  const failed = { title: 'deep', ok: false, tests: [{ results: [result] }] }
  const passed = { title: 'fine', ok: true, tests: [{ results: [{ duration: 1 }] }] }
  const group = { file: 'a.spec.ts', specs: [failed] }
  const report = {
    stats: { expected: 1, unexpected: 1, flaky: 0, skipped: 0 },
    errors: [{ message: 'no server' }],
    suites: [{ file: 'a.spec.ts', specs: [passed], suites: [group] }],
  }
  expect(failuresOfPlaywright(report)).toEqual([
    { path: '', title: 'the run', messages: ['no server'] },
    { path: 'a.spec.ts', title: 'deep', messages: ['no button'] },
  ])
})
