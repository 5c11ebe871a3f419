import { describe, expect, test, vi } from 'vitest'
import { faultsOf, runUnderFaults } from '../../support/sim-faults.ts'
import { type RunOptions, run } from '../run.ts'

vi.setConfig({ testTimeout: 300_000 })

const seeds = 50
const peers = 200

describe('TSK-14 TSK-16 networks in which everything happens at once', () => {
  test(`${seeds} of ${peers} peers: loss, churn, doubling, reordering, frozen tabs, wrong clocks, liars, slow workers, dying relays`, () => {
    const total = { submitted: 0, completed: 0, failed: 0 }
    const wrong: string[] = []
    for (let seed = 1; seed <= seeds; seed++) {
      const report = runUnderFaults(faultsOf(seed, peers))
      total.submitted += report.submitted
      total.completed += report.completed
      total.failed += report.failed
      if (report.faults.length > 0)
        wrong.push(`npm run -s sim -- --faults --seed ${seed} --peers ${peers}: ${report.faults.slice(0, 5)}`)
    }
    expect(wrong).toEqual([])
    expect(total.completed).toBeGreaterThan(30 * seeds)
    expect(total.failed).toBeLessThan(0.01 * total.completed)
  })
})

describe('TSK-14 a relay that dies at any step of what it saves, sends and says', () => {
  const small: RunOptions = { ...{ seed: 5, peers: 8, minutes: 0.4, rate: 0.8 }, loss: 0, churn: 0 }
  const { relaySteps } = run(small)
  const every = 12

  test(`each ${every}th of all its steps`, () => {
    expect(relaySteps).toBeGreaterThan(200)
    const wrong: string[] = []
    let died = 0
    for (let step = 1; step <= relaySteps; step += every) {
      const report = runUnderFaults({ ...small, relayDiesBefore: [step, step + 40] })
      died++
      if (report.faults.length > 0) wrong.push(`step ${step}: ${report.faults.join(', ')}`)
    }
    expect(wrong).toEqual([])
    expect(died).toBeGreaterThan(15)
  })
})
