import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../../shared/kernel/bytes.ts'
import { decodeCanonical, encodeCanonical } from '../../shared/kernel/codec.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'

const hexOf = (value: unknown) => toHex(encodeCanonical(value))
const decodeHex = (hex: string) => decodeCanonical(fromHex(hex))

/** What messages and rows are made of. */
const plainValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (Object.is(n, -0) ? 0 : n)),
    fc.string({ unit: 'grapheme' }),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(fc.string({ maxLength: 8 }), tie('value'), { maxKeys: 5, noNullPrototype: true }),
  ),
})).value

describe('SEC-01 one canonical encoding', () => {
  // RFC 8949, appendix A.
  const vectors: readonly (readonly [unknown, string])[] = [
    [0, '00'],
    [23, '17'],
    [24, '1818'],
    [1000, '1903e8'],
    [1_000_000_000_000, '1b000000e8d4a51000'],
    [-1, '20'],
    [-1000, '3903e7'],
    [1.1, 'fb3ff199999999999a'],
    [1.5, 'f93e00'],
    [100_000.5, 'fa47c35040'],
    [false, 'f4'],
    [null, 'f6'],
    [new Uint8Array([1, 2, 3, 4]), '4401020304'],
    ['ü', '62c3bc'],
    ['水', '63e6b0b4'],
    [[1, [2, 3], [4, 5]], '8301820203820405'],
    [{ a: 1, b: [2, 3] }, 'a26161016162820203'],
  ]
  test.each(vectors)('%j has the bytes of RFC 8949', (value, hex) => {
    expect(hexOf(value)).toBe(hex)
    expect(decodeHex(hex)).toEqual(value)
  })

  test('keys stand in bytewise order of their encodings, whatever order they were set in', () => {
    const expected = 'a46161016162026261610362c3bc04'
    expect(hexOf({ ü: 4, aa: 3, b: 2, a: 1 })).toBe(expected)
    expect(hexOf({ a: 1, b: 2, aa: 3, ü: 4 })).toBe(expected)
  })

  test('whatever is encoded decodes to an equal value and encodes to the same bytes again', () => {
    fc.assert(
      fc.property(plainValue, (value) => {
        const bytes = encodeCanonical(value)
        const decoded = decodeCanonical(bytes)
        expect(decoded).toEqual(value)
        expect(toHex(encodeCanonical(decoded))).toBe(toHex(bytes))
      }),
      { numRuns: 300 },
    )
  })

  test.each([
    ['undefined', undefined],
    ['a function', () => 0],
    ['a symbol', Symbol('s')],
    ['not a number', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
  ])('does not make bytes of %s that it would refuse to read', (_name, value) => {
    let bytes: Uint8Array
    try {
      bytes = encodeCanonical({ value })
    } catch {
      return
    }
    expect(decodeCanonical(bytes)).not.toBeInstanceOf(Refusal)
  })
})

describe('SEC-01 refuses whatever the canonical encoder would not have written', () => {
  test.each([
    ['nothing', ''],
    ['a byte too many', '0000'],
    ['a text cut short', '6361'],
    ['a list cut short', '8201'],
    ['a map without its last value', 'a16161'],
    ['an integer in two bytes that fits one', '1817'],
    ['an integer in nine bytes that fits one', '1b0000000000000001'],
    ['a text length longer than needed', '780161'],
    ['an indefinite list', '9f01ff'],
    ['an indefinite text', '7f6161ff'],
    ['an indefinite map', 'bf616101ff'],
    ['a stray break', 'ff'],
    ['undefined', 'f7'],
    ['an unknown simple value', 'f820'],
    ['not a number', 'f97e00'],
    ['infinity', 'f97c00'],
    ['a tag', 'c11a514b67b0'],
    ['a big number tag', 'c249010000000000000000'],
    ['a key twice', 'a2616101616102'],
    ['a key that is a number', 'a10102'],
    ['a reserved additional information', '1c'],
  ])('%s', (_name, hex) => {
    expect(decodeHex(hex)).toBeInstanceOf(Refusal)
  })

  test.each([
    ['keys out of order', 'a2616202616101'],
    ['longer keys first', 'a262616103616101'],
    ['a double that fits half the bytes', 'fb3ff8000000000000'],
    ['a whole number written as a float', 'f93c00'],
    ['a negative zero', 'f98000'],
    ['text that is not UTF-8', '62c328'],
    ['a text with a lone surrogate', '63eda080'],
    ['an integer beyond 2^53', '1b0020000000000001'],
  ])('%s', (_name, hex) => {
    expect(decodeHex(hex)).toBeInstanceOf(Refusal)
  })

  test('of mutated messages it reads only those that encode to the very same bytes', () => {
    const mutated = fc
      .tuple(plainValue, fc.nat(), fc.integer({ min: 1, max: 255 }))
      .map(([value, at, flip]) => {
        const bytes = Uint8Array.from(encodeCanonical(value))
        const position = at % bytes.length
        bytes[position] = bytes[position]! ^ flip
        return bytes
      })
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 60 })), (bytes) => {
        const decoded = decodeCanonical(bytes)
        if (!(decoded instanceof Refusal)) expect(toHex(encodeCanonical(decoded))).toBe(toHex(bytes))
      }),
      { numRuns: 2_000 },
    )
  })

  test('lists within lists without end are a refusal, not a stack overflow', () => {
    const deep = new Uint8Array(1_000_000).fill(0x81)
    expect(decodeCanonical(deep)).toBeInstanceOf(Refusal)
  })

  test('a list that claims four billion entries costs nothing', () => {
    const started = performance.now()
    expect(decodeHex('9affffffff')).toBeInstanceOf(Refusal)
    expect(decodeHex('5affffffff00')).toBeInstanceOf(Refusal)
    expect(performance.now() - started).toBeLessThan(500)
  })

  test('a key named __proto__ stays a field and changes no prototype', () => {
    const decoded = decodeHex('a1695f5f70726f746f5f5fa16161f5') as Record<string, unknown>
    if (decoded instanceof Refusal) return
    expect(Object.keys(decoded)).toEqual(['__proto__'])
    expect(decoded.a).toBeUndefined()
  })
})
