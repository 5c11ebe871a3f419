import { describe, expect, test } from 'vitest'
import type { VerificationPolicy } from '../../shared/task/task.ts'
import { AdaptiveModel, type ModelOptions, strategies } from './adaptive-model.ts'

const fixed: VerificationPolicy = { replicas: 3, quorum: 2, comparator: 'exact' }
const options = { seed: 7, tasks: 10_000, workers: 100, liars: 0.1, tasksPerDay: 20_000 }
const run = (over: Pick<ModelOptions, 'strategy' | 'policy'> & Partial<ModelOptions>) =>
  new AdaptiveModel({ ...options, ...over }).run()

describe.each([0.01, 0.001])('TSK-09 an adaptive policy with the error target %d', (errorTarget) => {
  const policy = { ...fixed, errorTarget }

  test.each(strategies)(
    'one worker in ten lies (%s): no larger share of what is accepted is wrong',
    (strategy) => {
      const { accepted, wrong, byCredibility, failed } = run({ strategy, policy })
      expect(accepted + failed).toBe(options.tasks)
      expect(failed).toBe(0)
      expect(wrong / accepted).toBeLessThanOrEqual(errorTarget)
      expect(byCredibility.accepted).toBeGreaterThan(0)
      expect(byCredibility.wrong / byCredibility.accepted).toBeLessThanOrEqual(errorTarget)
    },
  )
})

test('TSK-09 it takes fewer runs than two of three, the more its workers have shown', () => {
  const two = run({ strategy: 'turned', policy: fixed })
  const adaptive = run({ strategy: 'turned', policy: { ...fixed, errorTarget: 0.01 } })
  expect(two.executions).toBeGreaterThanOrEqual(3 * options.tasks)
  expect(adaptive.executions).toBeLessThan(0.8 * two.executions)
  expect(adaptive.executionsOfLastHalf).toBeLessThan(0.6 * two.executionsOfLastHalf)
})

test('TSK-09 the model tells when most workers lie alike, which no policy survives', () => {
  const { accepted, wrong } = run({
    strategy: 'always',
    policy: { ...fixed, errorTarget: 0.01 },
    liars: 0.7,
    tasks: 2_000,
  })
  expect(wrong / accepted).toBeGreaterThan(0.1)
})
