import { describe, expect, test } from 'vitest'
import { isAcceptablePoint, isAcceptableSignature } from '../../shared/host/ed25519-rule.ts'
import { fromHex } from '../../shared/kernel/bytes.ts'
import { smallOrderEncodings } from '../contract/ed25519-vectors.ts'

const fieldOrder = 2n ** 255n - 19n
const groupOrder = 2n ** 252n + 27742317777372353535851937790883648493n
const signBit = 2n ** 255n

function encoded(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n))
}

const goodR = encoded(3n)
const signature = (r: Uint8Array, s: bigint): Uint8Array => Uint8Array.of(...r, ...encoded(s))

describe('SEC-03 encodings of points', () => {
  test.each([2n, 3n, fieldOrder - 2n, signBit + 2n, signBit + fieldOrder - 2n])('takes y = %i', (y) => {
    expect(isAcceptablePoint(encoded(y))).toBe(true)
  })

  test('refuses every y from p to 2^255 - 1, with either sign', () => {
    for (let y = fieldOrder; y < signBit; y++) {
      expect(isAcceptablePoint(encoded(y))).toBe(false)
      expect(isAcceptablePoint(encoded(y + signBit))).toBe(false)
    }
  })

  test.each(smallOrderEncodings)('refuses %s, which is of small order', (point) => {
    expect(isAcceptablePoint(fromHex(point))).toBe(false)
  })

  test.each([0, 31, 33])('refuses %i bytes', (length) => {
    expect(isAcceptablePoint(new Uint8Array(length).fill(3))).toBe(false)
  })

  test('leaves the bytes as they were, Node buffers too', () => {
    const point = Buffer.from(encoded(signBit + 3n))
    isAcceptablePoint(point)
    expect(point.at(31)).toBe(0x80)
  })
})

describe('SEC-03 encodings of signatures', () => {
  test.each([0n, 1n, groupOrder - 1n])('takes S = %i', (s) => {
    expect(isAcceptableSignature(signature(goodR, s))).toBe(true)
  })

  test.each([groupOrder, groupOrder + 1n, 2n ** 253n, 2n ** 256n - 1n])('refuses S = %i', (s) => {
    expect(isAcceptableSignature(signature(goodR, s))).toBe(false)
  })

  test('refuses an R that may not be a point', () => {
    expect(isAcceptableSignature(signature(encoded(1n), 1n))).toBe(false)
    expect(isAcceptableSignature(signature(encoded(fieldOrder + 3n), 1n))).toBe(false)
  })

  test.each([0, 63, 65])('refuses %i bytes', (length) => {
    expect(isAcceptableSignature(new Uint8Array(length).fill(3))).toBe(false)
  })
})
