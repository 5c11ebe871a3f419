import { expect, test } from 'vitest'
import { Recent } from '../../shared/kernel/recent.ts'

test('keeps the values used last', () => {
  const recent = new Recent<string, number>(2)
  recent.set('a', 1)
  recent.set('b', 2)
  expect(recent.get('a')).toBe(1)
  recent.set('c', 3)
  expect(['a', 'b', 'c'].map((key) => recent.get(key))).toEqual([1, undefined, 3])
})

test('a value set again counts as used', () => {
  const recent = new Recent<string, number>(2)
  recent.set('a', 1)
  recent.set('b', 2)
  recent.set('a', 4)
  recent.set('c', 3)
  expect(['a', 'b', 'c'].map((key) => recent.get(key))).toEqual([4, undefined, 3])
})

test('holds as much as it may weigh', () => {
  const recent = new Recent<string, number>(10, (value) => value)
  for (const [key, weight] of [
    ['a', 4],
    ['b', 4],
    ['c', 5],
    ['d', 11],
    ['e', 6],
  ] as const)
    recent.set(key, weight)
  expect(['a', 'b', 'c', 'd', 'e'].map((key) => recent.get(key))).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
    6,
  ])
  recent.set('e', 3)
  recent.set('f', 7)
  expect(['e', 'f'].map((key) => recent.get(key))).toEqual([3, 7])
})
