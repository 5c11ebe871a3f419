import { expect, test } from 'vitest'
import { isShort, reportJson, reportTable } from './report.ts'
import { type BenchReport, resultOf, type Target } from './result.ts'

const machine = { cpus: 2, cpu: 'A processor', node: '24.0.0', platform: 'linux x64' }

function report(target: Target, missing: BenchReport['missing'] = []): BenchReport {
  const baseline = { name: 'plain', samples: [10] }
  const results = [
    resultOf({ name: 'sum of all', unit: 'ms', samples: [20], baseline, target }),
    resultOf({ name: 'sum', unit: 'MB/s', samples: [3] }),
  ]
  return { bench: 'sums', machine, runs: 3, results, missing }
}

test('JSON is one line and reads back as it was', () => {
  const given = report({ max: 30 }, [{ name: 'x', reason: 'a\nb' }])
  const text = reportJson(given)
  expect(text).not.toContain('\n')
  expect(JSON.parse(text)).toEqual(given)
})

test('the table has the machine, a line for each result, and what is missing', () => {
  const lines = reportTable(report({ max: 30 }, [{ name: 'product', reason: 'not built' }])).split('\n')
  expect(lines[0]).toBe('sums: medians of 3 runs on 2 × A processor, Node 24.0.0, linux x64')
  expect(lines[3]).toMatch(/^sum of all +20 +20 … 20 +ms +plain 10 +0\.50 +≤ 30 +met$/)
  expect(lines[4]).toMatch(/^sum +3 +3 … 3 +MB\/s$/)
  expect(lines[5]).toBe('missing: product: not built')
  expect(lines.at(-1)).toBe('')
})

test.each<[string, Target]>([
  ['ratio ≥ 0.9', { ratioMin: 0.9 }],
  ['≤ 19', { max: 19 }],
  ['≥ 21', { min: 21 }],
])('a missed target of %s is shown as such', (text, target) => {
  expect(reportTable(report(target))).toMatch(new RegExp(`${text} +MISSED`))
})

test('a report is short when a target was missed or something is missing', () => {
  expect(isShort(report({ max: 30 }))).toBe(false)
  expect(isShort(report({ max: 19 }))).toBe(true)
  expect(isShort(report({ max: 30 }, [{ name: 'product', reason: 'not built' }]))).toBe(true)
})
