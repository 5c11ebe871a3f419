import { describe, expect, test } from 'vitest'
import { Refusal } from '../../shared/kernel/refusal.ts'
import { integer, parse } from '../../shared/kernel/shape.ts'
import type { VerificationPolicy } from '../../shared/task/task.ts'
import { faultOfAskedPolicy, faultOfPolicy, policyShape } from '../../shared/task/verification-policy.ts'

const twoOfThree = { replicas: 3, quorum: 2, comparator: 'exact' } as const
const shape = policyShape(integer(1, 100))
const refused = (value: unknown) => {
  const parsed = parse(shape, value, 'policy')
  return parsed instanceof Refusal ? parsed.message : undefined
}

describe('TSK-09 a policy', () => {
  test.each<[string, VerificationPolicy]>([
    ['plain', twoOfThree],
    ['of JSON values', { ...twoOfThree, comparator: 'json' }],
    ['of equal numbers', { ...twoOfThree, comparator: 'numeric', tolerance: 0 }],
    ['of numbers that are near', { ...twoOfThree, comparator: 'numeric', tolerance: 0.999 }],
    ['that is adaptive', { ...twoOfThree, errorTarget: 0.1 }],
    [
      'that is adaptive and looks at numbers',
      { ...twoOfThree, comparator: 'numeric', tolerance: 1e-9, errorTarget: 1e-6 },
    ],
    ['that asks for all', { replicas: 7, quorum: 7, comparator: 'exact' }],
  ])('%s is one', (_, policy) => {
    expect(refused(policy)).toBeUndefined()
    expect(faultOfAskedPolicy(policy)).toBeUndefined()
  })

  test.each<[string, object, RegExp]>([
    ['an unknown comparator', { comparator: 'fuzzy' }, /comparator: expected one of exact, json, numeric/],
    [
      'numbers without a tolerance',
      { comparator: 'numeric' },
      /policy: the comparator numeric needs a tolerance/,
    ],
    ['a tolerance of bytes', { tolerance: 0.1 }, /goes with the comparator numeric, not with exact/],
    ['a tolerance of JSON values', { comparator: 'json', tolerance: 0 }, /not with json/],
    ['a tolerance of 1', { comparator: 'numeric', tolerance: 1 }, /tolerance 1 is not from 0 to below 1/],
    ['a tolerance below 0', { comparator: 'numeric', tolerance: -1e-9 }, /tolerance: expected a number/],
    [
      'a tolerance that is no number',
      { comparator: 'numeric', tolerance: Number.NaN },
      /tolerance: expected a number/,
    ],
    ['a tolerance in a text', { comparator: 'numeric', tolerance: '0.1' }, /tolerance: expected a number/],
    ['a tolerance of null', { tolerance: null }, /tolerance: expected a number/],
    ['an undefined tolerance', { tolerance: undefined }, /tolerance: expected a number/],
    ['an error target of 0', { errorTarget: 0 }, /error target 0 is not over 0 and at most 0.1/],
    [
      'an error target that a newcomer meets',
      { errorTarget: 0.25 },
      /errorTarget: expected a number from 0 to 0.1/,
    ],
    ['an error target of null', { errorTarget: null }, /errorTarget: expected a number/],
    ['an unknown field', { mode: 'adaptive' }, /mode: unknown field/],
  ])('with %s is none, and says why', (_, over, expected) => {
    expect(refused({ ...twoOfThree, ...over })).toMatch(expected)
  })

  test.each([
    [3, 1, /1 of 3 is no quorum/],
    [4, 2, /2 of 4 is no quorum/],
    [3, 4, /4 of 3 is no quorum/],
    [2, 2, /2 replicas are not from 3 to 7/],
    [8, 5, /8 replicas are not from 3 to 7/],
  ])('of %i replicas and %i that agree is not taken', (replicas, quorum, expected) => {
    expect(faultOfAskedPolicy({ replicas, quorum, comparator: 'exact' })).toMatch(expected)
  })

  test('whoever takes a task looks at all of it, be its form checked or not', () => {
    const fault = (over: object) => faultOfPolicy({ ...twoOfThree, ...over })
    expect(fault({ comparator: 'numeric', tolerance: 5 })).toMatch(/tolerance 5/)
    expect(fault({ comparator: 'numeric', tolerance: Number.NaN })).toMatch(/tolerance NaN/)
    expect(fault({ errorTarget: 0.5 })).toMatch(/error target 0.5/)
    expect(fault({ errorTarget: Number.POSITIVE_INFINITY })).toMatch(/error target Infinity/)
  })
})
