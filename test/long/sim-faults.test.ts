import { describe, expect, test, vi } from 'vitest'
import { faultsOf, runUnderFaults } from '../support/sim-faults.ts'
import { keepIfAsked } from './record.ts'

/** Each part takes some minutes and can be run alone: npm run test:long -- sim-faults -t "part 3" */
const parts = 5
const seedsPerPart = 200
vi.setConfig({ testTimeout: 20 * 60_000 })

/** 200 to 2,000, small ones more often: what goes wrong mostly does so in any. */
const peersOf = (seed: number): number => Math.round(200 * 10 ** (((seed * 0.618) % 1) ** 2))

describe('TSK-14 TSK-16 a thousand networks of 200 to 2,000 peers in which everything happens at once', () => {
  for (let part = 1; part <= parts; part++) {
    test(`part ${part} of ${parts}`, () => {
      const first = (part - 1) * seedsPerPart + 1
      const total = { submitted: 0, completed: 0, failed: 0, messages: 0 }
      const wrong: string[] = []
      const startedAt = performance.now()
      for (let seed = first; seed < first + seedsPerPart; seed++) {
        const peers = peersOf(seed)
        const report = runUnderFaults(faultsOf(seed, peers))
        for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += report[name]
        if (report.faults.length > 0)
          wrong.push(
            `npm run -s sim -- --faults --seed ${seed} --peers ${peers}: ${report.faults.slice(0, 5)}`,
          )
      }
      const seconds = Math.round((performance.now() - startedAt) / 1_000)
      const figures = { part, seeds: seedsPerPart, firstSeed: first, ...total, wrong: wrong.length, seconds }
      console.log(`sim-faults: ${JSON.stringify(figures)}`)
      keepIfAsked('sim-faults', figures)
      expect(wrong).toEqual([])
      expect(total.completed).toBeGreaterThan(100 * seedsPerPart)
      expect(total.failed).toBeLessThan(0.01 * total.completed)
    })
  }
})
