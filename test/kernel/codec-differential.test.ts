import { decode, encode, rfc8949EncodeOptions } from 'cborg'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toHex } from '../../shared/kernel/bytes.ts'
import { decodeCanonical, encodeCanonical } from '../../shared/kernel/codec.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'
import { propertyRuns } from '../support/property-runs.ts'

/*
 * The codec against cborg, a general CBOR library: the same bytes for every value, and of all bytes only those are read that
 * cborg reads and writes again as they were. Below 2^-14 alone they differ: cborg has the bits of a half for powers of two
 * only, and takes a longer form for the rest.
 */

const options = {
  strict: true,
  allowIndefinite: false,
  allowBigInt: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  rejectDuplicateMapKeys: true,
}

const isOfBoth = (value: number): boolean =>
  Number.isFinite(value) && !Object.is(value, -0) && (value === 0 || Math.abs(value) >= 2 ** -14)

const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.integer({ min: -300, max: 300 }),
    fc.double().filter(isOfBoth),
    fc.float().filter(isOfBoth),
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('value'), { maxLength: 30 }),
    fc.dictionary(fc.string({ unit: 'binary', maxLength: 8 }), tie('value'), {
      maxKeys: 6,
      noNullPrototype: true,
    }),
    fc.dictionary(fc.string({ maxLength: 30 }), tie('value'), { maxKeys: 6, noNullPrototype: true }),
  ),
})).value

/** A value's bytes with some of them changed, lost or added. */
const damaged = fc
  .tuple(
    value,
    fc.array(fc.tuple(fc.constantFrom('flip', 'set', 'cut', 'add'), fc.nat(), fc.nat(255)), { maxLength: 3 }),
  )
  .map(([given, changes]) => {
    const bytes = [...encodeCanonical(given)]
    for (const [kind, place, byte] of changes) {
      const at = bytes.length === 0 ? 0 : place % bytes.length
      if (kind === 'flip') bytes[at] = (bytes[at] ?? 0) ^ (1 << (byte & 7))
      else bytes.splice(at, kind === 'add' ? 0 : 1, ...(kind === 'cut' ? [] : [byte]))
    }
    return Uint8Array.from(bytes)
  })

/** What cborg makes of the bytes, if it writes them as they were. */
function oracle(bytes: Uint8Array): { readonly value: unknown } | undefined {
  try {
    const read: unknown = decode(bytes, options)
    return toHex(encode(read, rfc8949EncodeOptions)) === toHex(bytes) ? { value: read } : undefined
  } catch {
    return undefined
  }
}

/** A half with a small exponent somewhere: what the two are known to differ in. */
const mayHaveSmallHalf = (bytes: Uint8Array): boolean =>
  bytes.some((byte, at) => byte === 0xf9 && at + 2 < bytes.length && (bytes[at + 1]! & 0x7c) === 0)

describe('SEC-01 the codec beside another', () => {
  test('the same bytes for every value', () => {
    fc.assert(
      fc.property(value, (given) => {
        expect(toHex(encodeCanonical(given))).toBe(toHex(encode(given, rfc8949EncodeOptions)))
      }),
      propertyRuns(1_000),
    )
  })

  test('the same values from the same bytes, and from no others', () => {
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 60 })), (bytes) => {
        const expected = oracle(bytes)
        if (expected === undefined && mayHaveSmallHalf(bytes)) return
        const found = decodeCanonical(bytes)
        if (expected === undefined) expect(found).toBeInstanceOf(Refusal)
        else expect(found).toEqual(expected.value)
      }),
      propertyRuns(3_000),
    )
  })
})
