import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { VerificationPolicy } from '../../shared/task/task.ts'
import { withoutCredibility } from '../../shared/verification/credibility.ts'
import { judge } from '../../shared/verification/judge.ts'
import { cpuMsOf } from '../support/cpu-time.ts'
import { type Judged, judged, permutations } from './judged-answers.ts'

const twoOfThree: VerificationPolicy = { replicas: 3, quorum: 2, comparator: 'exact' }
const threeOfFive: VerificationPolicy = { replicas: 5, quorum: 3, comparator: 'exact' }
const numeric: VerificationPolicy = { ...twoOfThree, comparator: 'numeric', tolerance: 0.1 }

/** What was agreed on, as text; or the verdict's kind, with how many answers it wants. */
const verdict = (said: readonly Judged[], policy = twoOfThree): string => {
  const found = judge(said.map(judged), policy)
  if (found.kind === 'open') return `open, ${found.wanted} wanted`
  return found.kind === 'agreed' ? `agreed on ${textOf(said[found.outcome]!)}` : 'disagreed'
}
const textOf = (said: Judged): string => (typeof said === 'string' ? said : said.output)
const votes = (said: readonly Judged[], policy: VerificationPolicy) => {
  const found = judge(said.map(judged), policy)
  return found.kind === 'agreed' ? found : undefined
}

describe('TSK-09 two of three', () => {
  test.each([
    ['no answer', [], 'open, 2 wanted'],
    ['one answer', ['a'], 'open, 1 wanted'],
    ['two equal', ['a', 'a'], 'agreed on a'],
    ['two different', ['a', 'b'], 'open, 1 wanted'],
    ['three equal', ['a', 'a', 'a'], 'agreed on a'],
    ['two equal and one other', ['a', 'a', 'b'], 'agreed on a'],
    ['three different', ['a', 'b', 'c'], 'disagreed'],
  ] as const)('%s, in whatever order', (_name, said, expected) => {
    for (const order of permutations(said)) expect(verdict(order)).toBe(expected)
  })

  test('the votes are those that agree, and the others are told', () => {
    expect(votes(['a', 'b', 'a'], twoOfThree)).toMatchObject({ outcome: 0, votes: [0, 2], dissent: [1] })
    expect(votes(['a', 'a', 'a'], twoOfThree)).toMatchObject({ outcome: 0, votes: [0, 1, 2], dissent: [] })
  })
})

test('TSK-09 a larger policy is decided as soon as nothing can change it, and not before', () => {
  const cases = [
    ['aaa', 'agreed on a'],
    ['aab', 'open, 1 wanted'],
    ['abc', 'open, 2 wanted'],
    ['aabb', 'open, 1 wanted'],
    ['aabbc', 'disagreed'],
    ['abcd', 'disagreed'],
  ] as const
  for (const [said, expected] of cases) {
    for (const order of permutations([...said])) expect(verdict(order, threeOfFive)).toBe(expected)
  }
})

test('TSK-15 copies beyond the replicas decide nothing that the first answers left undecided', () => {
  expect(verdict(['a', 'b', 'c', 'c', 'c'])).toBe('disagreed')
  expect(verdict(['a', 'b', 'b', 'a', 'a'])).toBe('agreed on b')
  expect(votes(['a', 'b', 'b', 'a', 'b', 'b', 'b'], twoOfThree)).toMatchObject({
    ...{ outcome: 1, votes: [1, 2, 4], dissent: [0, 3] },
  })
})

describe('TSK-09 answers that are close', () => {
  test('are a quorum when each is close to each, not when one is between the others', () => {
    expect(verdict(['0', '0.05'], numeric)).toBe('agreed on 0')
    const between = votes(['0', '0.09', '0.18'], numeric)
    expect(between).toMatchObject({ outcome: 0, votes: [0, 1], dissent: [2] })
    const all: VerificationPolicy = { ...numeric, quorum: 3 }
    expect(verdict(['0', '0.09', '0.18'], all)).toBe('disagreed')
    expect(verdict(['0', '0.09', '0.1'], all)).toBe('agreed on 0')
  })

  test('who is close to the outcome dissents from nothing, vote or not', () => {
    const policy: VerificationPolicy = { replicas: 4, quorum: 3, comparator: 'numeric', tolerance: 0.1 }
    const found = votes(['0', '-0.08', '0.08', '0.04'], policy)
    expect(found).toMatchObject({ outcome: 0, votes: [0, 2, 3], dissent: [] })
  })

  test('the outcome is what most of them gave to the byte, then what came first', () => {
    expect(verdict(['0', '0.05', '0.05'], { ...numeric, quorum: 3 })).toBe('agreed on 0.05')
    expect(verdict(['0.05', '0', '0.01'], { ...numeric, quorum: 3 })).toBe('agreed on 0.05')
    expect(verdict(['{"a":1,"b":2}', '{"b":2,"a":1}'], { ...twoOfThree, comparator: 'json' })).toBe(
      'agreed on {"a":1,"b":2}',
    )
  })
})

describe('TSK-09 an adaptive policy', () => {
  const adaptive: VerificationPolicy = { ...twoOfThree, errorTarget: 0.01 }
  const by = (output: string, errorRate?: number): Judged =>
    errorRate === undefined ? { output } : { output, errorRate }

  test.each([
    ['nobody', [], 'open, 1 wanted'],
    ['one who is believed', [by('a', 0.01)], 'agreed on a'],
    ['one who is believed a little less', [by('a', 0.0101)], 'open, 1 wanted'],
    ['two who are believed together', [by('a', 0.09), by('a', 0.09)], 'agreed on a'],
    ['two who are not', [by('a', 0.1), by('a', 0.1)], 'open, 1 wanted'],
    ['two newcomers, though they are a quorum', [by('a'), by('a')], 'open, 1 wanted'],
    ['two newcomers and one who is believed', [by('a'), by('a'), by('a', 0.01)], 'agreed on a'],
    ['three newcomers, who are all replicas', [by('a'), by('a'), by('a')], 'agreed on a'],
    ['one who is believed against another', [by('a', 0.0001), by('b', 0.5)], 'open, 1 wanted'],
    ['a quorum against one who is believed', [by('a'), by('a'), by('b', 0.0001)], 'agreed on a'],
    ['three who all differ', [by('a', 0.0001), by('b'), by('c')], 'disagreed'],
  ] as const)('%s', (_name, said, expected) => {
    for (const order of permutations(said)) expect(verdict(order, adaptive)).toBe(expected)
  })

  test('says which part of it is met', () => {
    expect(votes([by('a', 0.01)], adaptive)).toMatchObject({ by: 'credibility', votes: [0] })
    expect(votes([by('a'), by('b', 0.01), by('a')], adaptive)).toMatchObject({ by: 'quorum', votes: [0, 2] })
    expect(votes([by('a'), by('a'), by('a')], adaptive)).toMatchObject({ by: 'quorum', votes: [0, 1, 2] })
  })

  test.each([Number.NaN, -1, 2, Number.POSITIVE_INFINITY])(
    'takes a rate of %d for no belief at all',
    (rate) => {
      expect(verdict([by('a', rate)], adaptive)).toBe('open, 1 wanted')
      expect(verdict([by('a', rate), by('a', 0.01)], adaptive)).toBe('agreed on a')
    },
  )
})

const policies = fc
  .record({
    replicas: fc.integer({ min: 3, max: 7 }),
    more: fc.nat(3),
    comparator: fc.constantFrom('exact' as const, 'json' as const, 'numeric' as const),
    errorTarget: fc.option(fc.double({ min: 1e-6, max: 0.1, noNaN: true }), { nil: undefined }),
  })
  .map(
    ({ replicas, more, comparator, errorTarget }): VerificationPolicy => ({
      replicas,
      quorum: Math.min(replicas, Math.floor(replicas / 2) + 1 + more),
      comparator,
      ...(comparator === 'numeric' ? { tolerance: 0.1 } : {}),
      ...(errorTarget === undefined ? {} : { errorTarget }),
    }),
  )
const outputs = ['0', '0.05', '0.1', '0.15', '1', ' 1 ', 'x']
const someAnswers = fc.array(
  fc.record({
    output: fc.constantFrom(...outputs),
    errorRate: fc.double({ min: 0, max: 0.5, noNaN: true }),
  }),
  { maxLength: 9 },
)

describe('TSK-09 whatever is answered', () => {
  test('what is decided stays decided whatever answers still come', () => {
    fc.assert(
      fc.property(policies, someAnswers, (policy, said) => {
        const fixed = withoutCredibility(policy)
        let before = 'open'
        for (let count = 0; count <= said.length; count++) {
          const now = verdict(said.slice(0, count), fixed)
          if (!before.startsWith('open')) expect(now).toBe(before)
          before = now
        }
        if (said.length >= policy.replicas) expect(before).not.toMatch(/^open/)
      }),
    )
  })

  test('whether the replicas come to a verdict does not depend on their order', () => {
    fc.assert(
      fc.property(policies, someAnswers, fc.infiniteStream(fc.nat()), (policy, said, keys) => {
        const some = said.slice(0, policy.replicas)
        const shuffled = some
          .map((each) => ({ each, key: keys.next().value as number }))
          .sort((a, b) => a.key - b.key)
          .map(({ each }) => each)
        const kind = (list: readonly Judged[]) => judge(list.map(judged), policy).kind
        expect(kind(shuffled)).toBe(kind(some))
      }),
    )
  })

  test('nothing is agreed below the policy, and under no policy against dissent but by the quorum', () => {
    fc.assert(
      fc.property(policies, someAnswers, (policy, said) => {
        const answers = said.map(judged)
        const found = judge(answers, policy)
        if (found.kind !== 'agreed') return
        const pairwise = { ...policy, quorum: found.votes.length, replicas: found.votes.length }
        const alone = judge(
          found.votes.map((at) => answers[at]!),
          withoutCredibility(pairwise),
        )
        expect(alone.kind).toBe('agreed')
        expect(found.votes).toContain(found.outcome)
        expect(found.votes.length).toBeLessThanOrEqual(policy.replicas)
        if (found.by === 'quorum') expect(found.votes.length).toBeGreaterThanOrEqual(policy.quorum)
        else {
          expect(policy.errorTarget).toBeDefined()
          expect(found.dissent).toEqual([])
          expect(found.votes).toEqual([...answers.keys()])
        }
      }),
      { numRuns: 500 },
    )
  })

  test('what is wanted is enough where all of it agrees, and one less is not', () => {
    fc.assert(
      fc.property(policies, someAnswers, (policy, said) => {
        const fixed = withoutCredibility(policy)
        const found = judge(said.map(judged), fixed)
        if (found.kind !== 'open') return
        const more = (count: number) =>
          outputs.map((output) => verdict([...said, ...Array(count).fill({ output })], fixed))
        expect(more(found.wanted - 1).some((each) => each.startsWith('agreed'))).toBe(false)
        if (said.length > 0 && policy.comparator !== 'numeric') {
          expect(more(found.wanted).some((each) => each.startsWith('agreed'))).toBe(true)
        }
      }),
    )
  })
})

test('TSK-09 seven answers that are all near to some are judged at once', () => {
  const policy: VerificationPolicy = { replicas: 7, quorum: 7, comparator: 'numeric', tolerance: 0.1 }
  const said = Array.from({ length: 60 }, (_, n) => `[${`${n * 0.02},`.repeat(300)}0]`)
  const spentMs = cpuMsOf(() => {
    for (let i = 0; i < 20; i++) expect(judge(said.map(judged), policy).kind).toBe('disagreed')
  })
  expect(spentMs).toBeLessThan(2_000)
})
