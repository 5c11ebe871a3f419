import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../../shared/kernel/bytes.ts'
import { decodeCanonical, encodeCanonical } from '../../shared/kernel/codec.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'
import { cpuMsOf } from '../support/cpu-time.ts'

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
    [65504.5, 'fa477fe080'],
    [2 ** 53, 'fa5a000000'],
    [1.0e300, 'fb7e37e43c8800759c'],
    [2 ** -24, 'f90001'],
    [0.00006103515625, 'f90400'],
    [-4.1, 'fbc010666666666666'],
    ['\u{10151}', '64f0908591'],
    [24, '1818'],
    [255, '18ff'],
    [256, '190100'],
    [65_535, '19ffff'],
    [65_536, '1a00010000'],
    [0xffff_ffff, '1affffffff'],
    [Number.MAX_SAFE_INTEGER, '1b001fffffffffffff'],
    [Number.MIN_SAFE_INTEGER, '3b001ffffffffffffe'],
    [{}, 'a0'],
    [[], '80'],
    ['', '60'],
    [new Uint8Array(0), '40'],
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

  test('floats below 2^-14 have their shortest form, too', () => {
    // RFC 8949, 4.2.1. Three and 1,023 steps of 2^-24, the least half there is; half a step needs more bits.
    expect([hexOf(3 * 2 ** -24), hexOf(-1023 * 2 ** -24)]).toEqual(['f90003', 'f983ff'])
    expect([decodeHex('f90003'), decodeHex('f983ff')]).toEqual([3 * 2 ** -24, -1023 * 2 ** -24])
    expect(hexOf(2 ** -25)).toBe('fa33000000')
    expect(decodeHex('fa34400000')).toBeInstanceOf(Refusal)
  })

  test('texts of every length have the head that fits, whatever their characters take', () => {
    for (const character of ['a', 'ü', '水', '\u{10151}']) {
      for (const length of [
        0, 5, 7, 8, 11, 12, 23, 24, 63, 64, 85, 86, 127, 128, 129, 255, 256, 21_846, 65_536,
      ]) {
        const text = character.repeat(length)
        const bytes = encodeCanonical(text)
        expect(Buffer.from(bytes).toString('utf8').endsWith(text)).toBe(true)
        expect(decodeCanonical(bytes)).toBe(text)
      }
    }
  })

  test('half of a pair of surrogates becomes the character for what is none', () => {
    expect(hexOf('a\ud800b')).toBe('6561efbfbd62')
    expect(hexOf('\udc00')).toBe('63efbfbd')
  })

  test('a value of more than a few megabytes goes both ways', () => {
    const bytes = new Uint8Array(3_000_000).fill(9)
    const text = 'ab'.repeat(1_000_000)
    const decoded = decodeCanonical(encodeCanonical([bytes, text])) as readonly [Uint8Array, string]
    expect(Buffer.compare(decoded[0], bytes)).toBe(0)
    expect(decoded[1] === text).toBe(true)
    expect(hexOf({ a: 1 })).toBe('a1616101')
  })

  test('bytes are copied, so that a small part does not keep the whole', () => {
    const frame = Buffer.from(encodeCanonical([new Uint8Array([1, 2, 3])]))
    const [part] = decodeCanonical(frame) as [Uint8Array]
    frame.fill(0)
    expect([part, part.constructor, part.buffer.byteLength]).toEqual([
      new Uint8Array([1, 2, 3]),
      Uint8Array,
      3,
    ])
  })

  test('lists and maps go 64 deep, and no deeper', () => {
    const nested = (depth: number): unknown =>
      depth === 0 ? 1 : depth % 2 === 0 ? [nested(depth - 1)] : { a: nested(depth - 1) }
    expect(decodeCanonical(encodeCanonical(nested(64)))).toEqual(nested(64))
    expect(() => encodeCanonical(nested(65))).toThrow('64 lists and maps')
    expect(decodeHex(`${'81'.repeat(64)}01`)).not.toBeInstanceOf(Refusal)
    expect(decodeHex(`${'81'.repeat(65)}01`)).toBeInstanceOf(Refusal)
    expect(decodeHex(`${'a16161'.repeat(65)}01`)).toBeInstanceOf(Refusal)
    const circle: unknown[] = []
    circle.push(circle)
    expect(() => encodeCanonical(circle)).toThrow(RangeError)
  })

  test('objects of ever new forms are sorted as those of known ones', () => {
    for (let n = 0; n < 2_000; n++) {
      const given = { z: n, [`k${n}`]: 1, [`a${n % 7}`]: 2, ü: 3 }
      expect(hexOf(given)).toBe(hexOf(Object.fromEntries(Object.entries(given).reverse())))
    }
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`k${(n * 37) % 100}`, n]))
    const decoded = decodeCanonical(encodeCanonical(many)) as Record<string, number>
    const sorted = Object.keys(many).sort((a, b) => a.length - b.length || (a < b ? -1 : 1))
    expect(Object.keys(decoded)).toEqual(sorted)
    expect(decoded).toEqual(many)
  })

  test('what failed half-way leaves nothing behind', () => {
    expect(() => encodeCanonical({ a: 'x'.repeat(1_000), b: undefined })).toThrow(TypeError)
    expect(hexOf([1])).toBe('8101')
    expect(decodeHex('82016161ff')).toBeInstanceOf(Refusal)
    expect(decodeHex('8101')).toEqual([1])
  })

  test.each([
    ['a date', new Date(0)],
    ['a Map', new Map([['a', 1]])],
    ['a big number', 1n],
    ['a list of 16-bit numbers', new Uint16Array(2)],
    ['an error', new Error('no')],
  ])('%s has no place in it', (_name, value) => {
    expect(() => encodeCanonical({ value })).toThrow(TypeError)
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
    ['a text with a character in more bytes than it needs', '62c080'],
    ['the same in three bytes', '63e08080'],
    ['the same in four bytes', '64f0808080'],
    ['a character beyond Unicode', '64f4908080'],
    ['a text that ends within a character', '61c3'],
    ['a continuation alone', '6180'],
    ['a long text with one byte wrong', `7864${'61'.repeat(99)}ff`],
    ['a single that fits half the bytes', 'fa3fc00000'],
    ['a double that fits a single', 'fb40f86a0800000000'],
    ['a whole number as a double', 'fb3ff0000000000000'],
    ['an infinite single', 'fa7f800000'],
    ['a half that is no number', 'f97c01'],
    ['a number below -2^53', '3b001fffffffffffff'],
    ['an integer in three bytes that fits two', '1900ff'],
    ['an integer in five bytes that fits three', '1a0000ffff'],
    ['an integer in nine bytes that fits five', '1b00000000ffffffff'],
    ['a byte length longer than needed', '580101'],
    ['a list length longer than needed', '980101'],
    ['a map length longer than needed', 'b801616101'],
    ['a key twice with others between', 'a3616101616202616103'],
    ['a simple value in two bytes', 'f8f5'],
    ['a head cut short', '19'],
    ['a float cut short', 'f93e'],
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
    const spentMs = cpuMsOf(() => {
      expect(decodeHex('9affffffff')).toBeInstanceOf(Refusal)
      expect(decodeHex('5affffffff00')).toBeInstanceOf(Refusal)
    })
    expect(spentMs).toBeLessThan(500)
  })

  test('a key named __proto__ stays a field and changes no prototype', () => {
    const decoded = decodeHex('a1695f5f70726f746f5f5fa16161f5') as Record<string, unknown>
    if (decoded instanceof Refusal) return
    expect(Object.keys(decoded)).toEqual(['__proto__'])
    expect(decoded.a).toBeUndefined()
  })
})
