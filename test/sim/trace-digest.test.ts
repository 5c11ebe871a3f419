import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TraceDigest } from './trace-digest.ts'

function digestOf(...values: readonly unknown[]): string {
  const digest = new TraceDigest()
  for (const value of values) digest.add(value)
  return digest.end()
}

test('equal values give equal digests', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue(), { maxLength: 6 }), (values) => {
      expect(digestOf(...structuredClone(values))).toBe(digestOf(...values))
    }),
  )
})

test.each([
  ['where one value ends and the next begins', ['ab', 'c'], ['a', 'bc']],
  ['a number and its text', [1], ['1']],
  ['null and undefined', [null], [undefined]],
  ['true and false', [true], [false]],
  ['nothing and an empty list', [], [[]]],
  ['a list and its items', [[1, 2]], [1, 2]],
  ['an empty object and an empty list', [{}], [[]]],
  ['a key and a value', [{ a: 'b' }], [{ b: 'a' }]],
  ['nesting', [[[1], 2]], [[1, [2]]]],
  ['bytes and numbers', [Uint8Array.of(1, 2)], [[1, 2]]],
  ['bytes', [Uint8Array.of(1, 2)], [Uint8Array.of(1, 3)]],
  ['order', [1, 2], [2, 1]],
  ['a field that is undefined', [{ a: undefined }], [{}]],
  ['zero and its negative', [0], [-0]],
  ['the last digit of a long time', [1_893_456_000_000.25], [1_893_456_000_000.5]],
] as [string, unknown[], unknown[]][])('tells apart %s', (_name, one, other) => {
  expect(digestOf(...one)).not.toBe(digestOf(...other))
})

test('sees every byte of values beyond its buffer', () => {
  const large = (at: number) => {
    const bytes = new Uint8Array(200_000)
    bytes[at] = 1
    return bytes
  }
  const text = (at: number) => `${'a'.repeat(at)}b${'a'.repeat(150_000 - at)}`
  expect(new Set([0, 70_000, 199_999].map((at) => digestOf(large(at)))).size).toBe(3)
  expect(new Set([0, 70_000, 150_000].map((at) => digestOf(text(at)))).size).toBe(3)
  const many = (at: number) => Array.from({ length: 50_000 }, (_, n) => (n === at ? 'x' : n))
  expect(new Set([0, 25_000, 49_999].map((at) => digestOf(many(at)))).size).toBe(3)
})

test('what has no place in a trace is an error', () => {
  expect(() => digestOf(() => 1)).toThrow(TypeError)
  expect(() => digestOf(1n)).toThrow(TypeError)
})
