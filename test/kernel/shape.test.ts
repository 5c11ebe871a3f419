import { describe, expect, test } from 'vitest'
import { decodeCanonical, encodeCanonical } from '../../shared/kernel/codec.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'
import {
  boolean,
  bytes,
  hashText,
  integer,
  jobIdText,
  list,
  nullable,
  number,
  object,
  oneOf,
  parse,
  peerIdText,
  type Shape,
  tagged,
  taskIdText,
  text,
} from '../../shared/kernel/shape.ts'

const wrong = (shape: Shape<unknown>, value: unknown) => {
  const parsed = parse(shape, value, 'it')
  if (!(parsed instanceof Refusal)) return undefined
  expect(parsed.code).toBe('MalformedValue')
  return parsed.message
}

const point = object({ x: integer(-5, 5), label: text(3) }, { note: nullable(text(2)) })
const shapeOfMany = tagged('type', {
  point: object({ type: text(10), at: point }),
  none: object({ type: text(10) }),
})

describe('takes what fits', () => {
  test.each([
    ['a text', text(3), 'abc'],
    ['an empty text', text(3), ''],
    ['a text of the form', text(5, /^[a-z]+$/), 'abc'],
    ['bytes', bytes(2), new Uint8Array(2)],
    ['bytes of one length', bytes(64, 64), new Uint8Array(64)],
    ['the least integer', integer(-5, 5), -5],
    ['the greatest integer', integer(-5, 5), 5],
    ['a number', number(0, 1), 0.5],
    ['a boolean', boolean, false],
    ['a choice', oneOf(['a', null]), null],
    ['null where it may be', nullable(boolean), null],
    ['a list', list(boolean, 2), [true, false]],
    ['an object', point, { x: 0, label: 'abc' }],
    ['an object with the optional field', point, { x: 0, label: 'abc', note: null }],
    ['a tagged one', shapeOfMany, { type: 'point', at: { x: 0, label: '' } }],
    ['a hash', hashText, '0123456789abcdef'.repeat(4)],
    ['a task id', taskIdText, '0190a3f2-5b1c-7e57-8b7d-4c3b2a190807'],
  ] as [string, Shape<unknown>, unknown][])('%s', (_name, shape, value) => {
    expect(parse(shape, value, 'it')).toBe(value)
  })

  test('a real peer id', () => {
    expect(wrong(peerIdText, '12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf')).toBeUndefined()
  })
})

describe('says which part does not fit', () => {
  test.each([
    ['a number for a text', text(3), 1, 'it: expected a text'],
    ['a text too long', text(3), 'abcd', 'it: longer than 3 characters'],
    ['a text of another form', text(5, /^[a-z]+$/), 'a1', 'it: not of the form ^[a-z]+$'],
    ['a list for bytes', bytes(2), [1, 2], 'it: expected bytes'],
    ['too many bytes', bytes(2), new Uint8Array(3), 'it: longer than 2 bytes'],
    ['too few bytes', bytes(64, 64), new Uint8Array(63), 'it: expected 64 bytes'],
    ['an integer below', integer(0, 5), -1, 'it: expected a whole number from 0 to 5'],
    ['an integer above', integer(0, 5), 6, 'it: expected a whole number from 0 to 5'],
    ['a fraction', integer(0, 5), 0.5, 'it: expected a whole number from 0 to 5'],
    ['not a number', integer(0, 5), Number.NaN, 'it: expected a whole number from 0 to 5'],
    ['a number as a text', integer(0, 5), '1', 'it: expected a whole number from 0 to 5'],
    ['a big integer', integer(0, 5), 1n, 'it: expected a whole number from 0 to 5'],
    ['a number not a number', number(0, 5), Number.NaN, 'it: expected a number from 0 to 5'],
    ['an endless number', number(0, 5), Number.POSITIVE_INFINITY, 'it: expected a number from 0 to 5'],
    ['one for true', boolean, 1, 'it: expected true or false'],
    ['no choice of these', oneOf(['a', 'b']), 'c', 'it: expected one of a, b'],
    ['nothing for a choice', oneOf(['a', 'b']), undefined, 'it: expected one of a, b'],
    ['nothing where null may be', nullable(boolean), undefined, 'it: expected true or false'],
    ['an object for a list', list(boolean, 2), { length: 1 }, 'it: expected a list'],
    ['a list too long', list(boolean, 2), [true, true, true], 'it: more than 2 entries'],
    ['a bad entry', list(boolean, 2), [true, 0], 'it[1]: expected true or false'],
    ['null for an object', point, null, 'it: expected an object'],
    ['a list for an object', point, [], 'it: expected an object'],
    ['bytes for an object', point, new Uint8Array(1), 'it: expected an object'],
    ['a field missing', point, { x: 1 }, 'it.label: missing'],
    ['a field unknown', point, { x: 1, label: '', y: 1 }, 'it.y: unknown field'],
    ['a bad field', point, { x: 9, label: '' }, 'it.x: expected a whole number from -5 to 5'],
    ['a bad optional field', point, { x: 1, label: '', note: 'abc' }, 'it.note: longer than 2 characters'],
    ['an inherited field', point, Object.create({ x: 1, label: '' }), 'it.x: missing'],
    ['no tag', shapeOfMany, {}, 'it.type: expected one of point, none'],
    ['a tag of a prototype', shapeOfMany, { type: 'toString' }, 'it.type: expected one of point, none'],
    ['a tag that is no text', shapeOfMany, { type: 1 }, 'it.type: expected one of point, none'],
    ['nothing for a tagged one', shapeOfMany, null, 'it.type: expected one of point, none'],
    [
      'a deep field',
      shapeOfMany,
      { type: 'point', at: { x: '', label: '' } },
      'it.at.x: expected a whole number from -5 to 5',
    ],
  ] as [string, Shape<unknown>, unknown, string][])('%s', (_name, shape, value, message) => {
    expect(wrong(shape, value)).toBe(message)
  })

  test.each([
    ['an uppercase hash', hashText, 'A'.repeat(64)],
    ['a short hash', hashText, 'a'.repeat(63)],
    ['a hash with a line end', hashText, `${'a'.repeat(64)}\n`],
    ['an uppercase task id', taskIdText, '0190A3F2-5B1C-7E57-8B7D-4C3B2A190807'],
    ['a task id without dashes', taskIdText, '0190a3f25b1c7e578b7d4c3b2a190807'],
    ['a job id with a path', jobIdText, '../../../../../../../../../../etc/pw'],
    ['a peer id of another kind', peerIdText, 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'],
    ['a peer id with a forbidden letter', peerIdText, `12D3KooW${'0'.repeat(44)}`],
    ['a peer id cut short', peerIdText, `12D3KooW${'1'.repeat(43)}`],
  ] as [string, Shape<unknown>, unknown][])('%s', (_name, shape, value) => {
    expect(wrong(shape, value)).toBeDefined()
  })

  test('an unknown field of a megabyte is named in a few characters', () => {
    const message = wrong(point, { x: 1, label: '', ['y'.repeat(1_000_000)]: 1 })
    expect(message!.length).toBeLessThan(100)
  })

  test('a field named __proto__ that came over the wire is unknown', () => {
    const sent = encodeCanonical(JSON.parse('{"x":1,"label":"a","__proto__":{"x":2}}'))
    expect(wrong(point, decodeCanonical(sent))).toBe('it.__proto__: unknown field')
  })
})
