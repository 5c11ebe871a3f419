import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Hash } from '../../shared/kernel/ids.ts'
import { judge } from '../../shared/verification/judge.ts'

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((digit) => digit.repeat(64)) as [Hash, Hash, Hash, Hash]
const twoOfThree = { replicas: 3, quorum: 2, comparator: 'exact' } as const

const verdict = (hashes: readonly Hash[], policy = twoOfThree as { replicas: number; quorum: number }) => {
  const found = judge(hashes, { ...policy, comparator: 'exact' })
  return found.kind === 'agreed' ? found.outcomeHash : found.kind
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]]
  return items.flatMap((item, at) =>
    permutations(items.filter((_, other) => other !== at)).map((rest) => [item, ...rest]),
  )
}

describe('TSK-09 two of three', () => {
  test.each([
    ['no answer', [], 'open'],
    ['one answer', [a], 'open'],
    ['two equal', [a, a], a],
    ['two different', [a, b], 'open'],
    ['three equal', [a, a, a], a],
    ['two equal and one other', [a, a, b], a],
    ['three different', [a, b, c], 'disagreed'],
  ] as const)('%s, in whatever order', (_name, hashes, expected) => {
    for (const order of permutations(hashes)) expect(verdict(order)).toBe(expected)
  })
})

test('TSK-09 a larger policy is decided as soon as nothing can change it, and not before', () => {
  const threeOfFive = { replicas: 5, quorum: 3 }
  for (const order of permutations([a, a, a])) expect(verdict(order, threeOfFive)).toBe(a)
  for (const order of permutations([a, a, b, b])) expect(verdict(order, threeOfFive)).toBe('open')
  for (const order of permutations([a, a, b, b, c])) expect(verdict(order, threeOfFive)).toBe('disagreed')
  for (const order of permutations([a, b, c, d])) expect(verdict(order, threeOfFive)).toBe('disagreed')
  for (const order of permutations([a, b, c])) expect(verdict(order, threeOfFive)).toBe('open')
})

test('TSK-09 what is decided stays decided whatever answers still come', () => {
  const policy = fc.integer({ min: 3, max: 7 }).chain((replicas) =>
    fc.record({
      replicas: fc.constant(replicas),
      quorum: fc.integer({ min: Math.floor(replicas / 2) + 1, max: replicas }),
    }),
  )
  const answers = fc.array(fc.constantFrom(a, b, c, d), { minLength: 7, maxLength: 7 })
  fc.assert(
    fc.property(policy, answers, (rule, all) => {
      let before = 'open'
      for (let count = 0; count <= rule.replicas; count++) {
        const now = verdict(all.slice(0, count), rule)
        if (before !== 'open') expect(now).toBe(before)
        const most = Math.max(
          0,
          ...[a, b, c, d].map((hash) => all.slice(0, count).filter((one) => one === hash).length),
        )
        expect(now !== 'open' && now !== 'disagreed').toBe(most >= rule.quorum)
        before = now
      }
      expect(before).not.toBe('open')
    }),
  )
})
