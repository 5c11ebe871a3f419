import { expect, test } from 'vitest'
import { limitsOf } from '../../../relay/cli/limit-options.ts'
import { defaultLimits } from '../../../shared/task/task.ts'

test('SBX-03 limits are the defaults where nothing is asked', () => {
  expect(limitsOf({})).toEqual(defaultLimits)
})

test('SBX-03 what is asked comes in the units it is asked in', () => {
  expect(limitsOf({ fuel: 5, memoryMib: 2, outputMib: 3, maxDuration: 7 })).toEqual({
    ...defaultLimits,
    ...{ fuel: 5, memoryBytes: 2_097_152, outputBytes: 3_145_728, maxDurationSeconds: 7 },
  })
})
