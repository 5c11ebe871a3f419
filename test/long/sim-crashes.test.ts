import { expect, test, vi } from 'vitest'
import { type RunOptions, run } from '../sim/run.ts'
import { runUnderFaults } from '../support/sim-faults.ts'
import { record } from './record.ts'

vi.setConfig({ testTimeout: 20 * 60_000 })

const networks: readonly RunOptions[] = [
  { ...{ seed: 5, peers: 8, minutes: 0.4, rate: 0.8 }, loss: 0, churn: 0 },
  {
    ...{ seed: 6, peers: 8, minutes: 0.4, rate: 0.8 },
    loss: 0.05,
    churn: 0.2,
    doubling: 0.05,
    reordering: 0.1,
  },
]

test('TSK-14 a relay that dies before every single step of what it saves, sends and says, and again soon after', () => {
  const wrong: string[] = []
  let deaths = 0
  let completed = 0
  const startedAt = performance.now()
  for (const network of networks) {
    const { relaySteps } = run(network)
    for (let step = 1; step <= relaySteps; step++) {
      const report = runUnderFaults({ ...network, relayDiesBefore: [step, step + 7 + (step % 90)] })
      deaths += 2
      completed += report.completed
      if (report.faults.length > 0)
        wrong.push(`seed ${network.seed}, step ${step}: ${report.faults.join(', ')}`)
    }
  }
  record('sim-crashes', {
    deaths,
    completed,
    wrong: wrong.length,
    seconds: Math.round((performance.now() - startedAt) / 1_000),
  })
  expect(wrong).toEqual([])
  expect(deaths).toBeGreaterThan(500)
})
