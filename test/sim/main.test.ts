import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

function sim(...args: readonly string[]) {
  const command = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'main.ts'), ...args]
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' })
  return { status, stdout, stderr }
}

const small = ['--seed', '7', '--peers', '12', '--minutes', '0.5', '--rate', '1']

test('LOD-01 sim --json prints one line with the fields of the format', { timeout: 60_000 }, () => {
  const { status, stdout, stderr } = sim(...small, '--loss', '0.05', '--churn', '0.2', '--json')
  expect([status, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(/^\{.*\}\n$/)
  const report = JSON.parse(stdout) as Record<string, unknown>
  expect(Object.keys(report)).toEqual(
    expect.arrayContaining([
      ...['seed', 'peers', 'minutes', 'loss', 'churn', 'rate', 'submitted', 'completed', 'failed', 'lost'],
      ...['duplicated', 'wrong', 'joins', 'leaves', 'messages', 'busyShare', 'digest', 'wallSeconds'],
      'memoryMiB',
    ]),
  )
  expect(report).toMatchObject({ seed: 7, peers: 12, minutes: 0.5, loss: 0.05, churn: 0.2, rate: 1 })
  expect(report.digest).toMatch(/^[0-9a-f]{64}$/)
  for (const [name, value] of Object.entries(report)) {
    if (name !== 'digest') expect([name, Number.isFinite(value)]).toEqual([name, true])
  }
})

test('LOD-01 without --json it prints one field a line', { timeout: 60_000 }, () => {
  const { status, stdout } = sim(...small)
  expect(status).toBe(0)
  expect(stdout.split('\n').find((line) => line.startsWith('completed'))).toMatch(/^completed\s+\d+$/)
})

test.each([
  ['no seed', ['--peers', '1', '--minutes', '1'], '--seed is missing'],
  [
    'a seed that is no number',
    ['--seed', 'x', '--peers', '1', '--minutes', '1'],
    '--seed x: expected a number',
  ],
  ['an empty value', ['--seed', '', '--peers', '1', '--minutes', '1'], '--seed : expected a number'],
  ['a loss over one', [...small, '--loss', '1.5'], '--loss 1.5: expected a number from 0 to 1'],
  ['a negative churn', [...small, '--churn=-1'], '--churn -1: expected a number from 0 to 1'],
  ['an unknown option', [...small, '--shape', 'ring'], '--shape'],
  ['a stray word', [...small, 'please'], 'please'],
])('LOD-01 %s is said to be wrong, with the usage, and ends with 2', (_name, args, reason) => {
  const { status, stdout, stderr } = sim(...args)
  expect([status, stdout]).toEqual([2, ''])
  expect(stderr).toContain(reason)
  expect(stderr).toContain('usage: ')
})
