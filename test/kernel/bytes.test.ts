import fc from 'fast-check'
import { expect, test } from 'vitest'
import { asciiBytes, concatBytes, equalBytes, fromHex, toHex } from '../../shared/kernel/bytes.ts'

const someBytes = fc.uint8Array({ maxLength: 70 })

test('hex is lowercase, two digits a byte, and reads back', () => {
  expect(toHex(Uint8Array.of(0, 1, 0x7f, 0x80, 0xff))).toBe('00017f80ff')
  fc.assert(
    fc.property(someBytes, (bytes) => {
      expect(toHex(bytes)).toBe(Buffer.from(bytes).toString('hex'))
      expect(fromHex(toHex(bytes))).toEqual(bytes)
    }),
  )
})

test.each([
  ['an odd number of digits', '0'],
  ['an uppercase digit', 'AB'],
  ['a letter beyond f', '0g'],
  ['a space', ' 0'],
  ['a prefix', '0x00'],
  ['a full-width digit', '0０'],
])('hex with %s is refused', (_name, text) => {
  expect(() => fromHex(text)).toThrow(RangeError)
})

test('joined bytes stand in the order given', () => {
  expect(concatBytes()).toEqual(new Uint8Array(0))
  fc.assert(
    fc.property(fc.array(someBytes, { maxLength: 6 }), (parts) => {
      expect(concatBytes(...parts)).toEqual(new Uint8Array(Buffer.concat(parts)))
    }),
  )
})

test('bytes are equal when every byte and the length are', () => {
  fc.assert(
    fc.property(someBytes, someBytes, (a, b) => {
      expect(equalBytes(a, Uint8Array.from(a))).toBe(true)
      expect(equalBytes(a, b)).toBe(toHex(a) === toHex(b))
      expect(equalBytes(a, concatBytes(a, Uint8Array.of(0)))).toBe(false)
    }),
  )
})

test('signing contexts are ASCII or an error', () => {
  expect(asciiBytes('tabmesh/task/1')).toEqual(new Uint8Array(Buffer.from('tabmesh/task/1')))
  expect(() => asciiBytes('tabmèsh')).toThrow(RangeError)
})
