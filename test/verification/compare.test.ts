import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { inlineBytesMax } from '../../shared/task/payload.ts'
import { agrees, comparedBytesMax } from '../../shared/verification/compare.ts'
import { cpuMsOf } from '../support/cpu-time.ts'
import { answerOf, asBlob, errorOf, judged } from './judged-answers.ts'

const exact = { comparator: 'exact' } as const
const json = { comparator: 'json' } as const
const numeric = (tolerance: number) => ({ comparator: 'numeric', tolerance }) as const
type Comparison = typeof exact | typeof json | ReturnType<typeof numeric>

const same = (a: string | Uint8Array, b: string | Uint8Array, policy: Comparison) => {
  const [first, second] = [a, b].map((each) => (typeof each === 'string' ? judged(each) : answerOf(each)))
  const forth = agrees(first!, second!, policy)
  expect(agrees(second!, first!, policy)).toBe(forth)
  return forth
}

describe('TSK-09 exact: the same bytes', () => {
  test('and nothing else', () => {
    expect(same('{"a":1}', '{"a":1}', exact)).toBe(true)
    expect(same('{"a":1}', '{"a": 1}', exact)).toBe(false)
    expect(same('', ' ', exact)).toBe(false)
  })

  test.each([exact, json, numeric(0.5)])('errors are the same by their kind, under %j', (policy) => {
    expect(agrees(errorOf('fuel'), errorOf('fuel'), policy)).toBe(true)
    expect(agrees(errorOf('fuel'), errorOf('thrown'), policy)).toBe(false)
    expect(agrees(errorOf('fuel'), judged('null'), policy)).toBe(false)
  })
})

describe('TSK-09 json: the same JSON value', () => {
  test.each([
    ['{"a":1,"b":[true,null]}', ' { "b" : [ true ,\tnull ] ,\r\n"a" : 1 }\n'],
    ['{"b":{"y":1,"x":2},"a":0}', '{"a":0,"b":{"x":2,"y":1}}'],
    ['"é"', '"\\u00e9"'],
    ['"a/b"', '"a\\/b"'],
    ['"\ud83d\ude00"', '"\\uD83D\\uDE00"'],
    ['100', '1e2'],
    ['1', '1.0'],
    ['0.5', '5E-1'],
    ['0', '-0.0e7'],
    ['1e400', '10e399'],
    ['{"__proto__":1,"constructor":2}', '{"constructor":2,"__proto__":1}'],
    ['"%41"', '"\\u002541"'],
    ['[[],{},""]', '[ [ ] , { } , "" ]'],
  ])('%s is %s', (a, b) => {
    expect(same(a, b, json)).toBe(true)
    expect(same(a, b, exact)).toBe(false)
  })

  test.each([
    ['{"a":1,"b":2}', '{"a":2,"b":1}'],
    ['{"a":1}', '{"a":1,"b":null}'],
    ['[1,2]', '[2,1]'],
    ['[1,2]', '[[1],2]'],
    ['[[1],2]', '[[1,2]]'],
    ['1', '"1"'],
    ['null', '"null"'],
    ['"]"', '[]'],
    ['["a"]', '{"a":0}'],
    ['{"a":"b"}', '["a","b"]'],
    ['"a"', '"A"'],
    ['"é"', '"e\u0301"'],
    ['"\\u00e9"', '"\\u00c3\\u00a9"'],
    ['"%41"', '"A"'],
    ['true', 'false'],
    ['9007199254740993', '9007199254740992'],
    ['0.1', '0.10000000000000000001'],
    ['1', '-1'],
    ['1e400', '1e401'],
    ['{"__proto__":{"a":1}}', '{}'],
  ])('%s is not %s', (a, b) => {
    expect(same(a, b, json)).toBe(false)
  })

  test.each([
    ['a field given twice', '{"a":1,"a":2}', '{"a":2}'],
    ['a field given twice, spelled otherwise', '{"a":2,"\\u0061":2}', '{"a":2}'],
    ['NaN', 'NaN', ' NaN'],
    ['infinity', '-Infinity', ' -Infinity'],
    ['no JSON', 'hello', ' hello'],
    ['nothing', '', ' '],
    ['two values', '1 2', '1  2'],
    ['a comma too many', '[1,]', '[1, ]'],
    ['single quotes', "{'a':1}", "{ 'a':1}"],
    ['a leading zero', '01', '1'],
    ['a byte order mark', '\ufeff1', '1'],
    ['a no-break space', '\u00a01', '1'],
    ['an exponent without end', `1e${'9'.repeat(40)}`, ` 1e${'9'.repeat(40)}`],
  ])('%s is no value: it agrees with its own bytes only', (_, a, b) => {
    expect(same(a, a, json)).toBe(true)
    expect(same(a, b, json)).toBe(false)
    expect(same(a, b, numeric(0.9))).toBe(false)
  })

  test.each([
    ['a lone continuation byte', [0x22, 0x80, 0x22]],
    ['an overlong slash', [0x22, 0xc0, 0xaf, 0x22]],
    ['a surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['a text cut short', [0x22, 0xe2, 0x82]],
    ['zeros', [0, 0, 0]],
  ])('%s is no text', (_, bytes) => {
    const spaced = Uint8Array.from([0x20, ...bytes])
    expect(same(Uint8Array.from(bytes), spaced, json)).toBe(false)
  })

  test('values that are printed another way are the same, others are not', () => {
    const value = fc.jsonValue({ noUnicodeString: false })
    fc.assert(
      fc.property(value, value, (one, other) => {
        const [text, spaced] = [JSON.stringify(one), JSON.stringify(reversed(one), null, 1)]
        fc.pre(spaced.length <= 4_000)
        expect(same(text, spaced, json)).toBe(true)
        const isEqual = JSON.stringify(sorted(one)) === JSON.stringify(sorted(other))
        expect(same(text, JSON.stringify(other), json)).toBe(isEqual)
      }),
      { numRuns: 500 },
    )
  })
})

describe('TSK-09 numeric: numbers within a tolerance', () => {
  test.each([
    ['0', '0.001', 0.001, true],
    ['0', '0.0011', 0.001, false],
    ['1000', '1001', 0.001, true],
    ['1000', '1001.1', 0.001, false],
    ['-1000', '-1001', 0.001, true],
    ['1e300', '1.0009e300', 0.001, true],
    ['1e300', '1.0011e300', 0.001, false],
    ['1', '1.0', 0, true],
    ['1', '1.0000000000000002', 0, false],
    ['9007199254740993', '9007199254740992', 0, true],
    ['1e308', '-1e308', 0.999, false],
    ['1e400', '1e400', 0.999, true],
    ['1e400', '1e401', 0.999, false],
    ['1e400', '1', 0.999, false],
    ['1e-400', '0', 0, true],
    ['0', '1', 0.999, false],
    ['{"a":[1,2],"b":"x"}', '{"b":"x","a":[1.0001,2]}', 0.001, true],
    ['{"a":1,"b":2}', '{"b":1,"a":2}', 0.001, false],
    ['[1,2]', '[1,2,0]', 0.9, false],
    ['["1"]', '["1.0001"]', 0.9, false],
    ['[1]', '[true]', 0.9, false],
    ['[0]', '[null]', 0.9, false],
  ] as const)('%s and %s within %d: %s', (a, b, tolerance, expected) => {
    expect(same(a, b, numeric(tolerance))).toBe(expected)
  })

  test('it is the distance of two doubles against their size, whatever they are', () => {
    const double = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.double({ min: -10, max: 10, noNaN: true }),
    )
    const tolerance = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 0.999, noNaN: true }))
    fc.assert(
      fc.property(
        double,
        double,
        fc.double({ min: -1, max: 1, noNaN: true }),
        tolerance,
        (a, b, by, within) => {
          for (const other of [b, a + by * within]) {
            if (!Number.isFinite(other)) continue
            const isNear = Math.abs(a - other) <= within * Math.max(1, Math.abs(a), Math.abs(other))
            expect(same(`[${a}]`, `[${other}]`, numeric(within))).toBe(isNear || a === other)
          }
        },
      ),
      { numRuns: 1_000 },
    )
  })

  test('what is the same JSON value is so within any tolerance', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.double({ min: 0, max: 0.999, noNaN: true }), (value, within) => {
        const spaced = JSON.stringify(reversed(value), null, 1)
        fc.pre(spaced.length <= 4_000)
        expect(same(JSON.stringify(value), spaced, numeric(within))).toBe(true)
      }),
    )
  })
})

describe('TSK-09 outputs that nobody can look into', () => {
  test('agree by their hash only', () => {
    const [a, b] = [answerOf(Buffer.from('1')), answerOf(Buffer.from('1.0'))]
    expect(agrees(a, b, json)).toBe(true)
    expect(agrees(a, asBlob(b), json)).toBe(false)
    expect(agrees(asBlob(a), asBlob(b), numeric(0.9))).toBe(false)
    expect(agrees(a, asBlob(a), json)).toBe(true)
  })

  test('what is compared is what may stand in a message, and not a byte more', () => {
    expect(comparedBytesMax).toBe(inlineBytesMax)
    const of = (length: number, last: string) => `"${'x'.repeat(length - 3)}"${last}`
    expect(same(of(4_096, ' '), of(4_096, '\n'), json)).toBe(true)
    expect(same(of(4_097, ' '), of(4_097, '\n'), json)).toBe(false)
  })
})

describe('TSK-09 hostile outputs neither throw nor take long', () => {
  const long = (text: string) => text.repeat(Math.floor(4_000 / text.length))
  const deep = 2_000
  test.each<[string, string]>([
    ['lists within lists', '['.repeat(deep) + ']'.repeat(deep)],
    ['objects within objects', `${'{"":'.repeat(800)}1${'}'.repeat(800)}`],
    ['lists that never end', '['.repeat(4_000)],
    ['brackets that close nothing', `1${']'.repeat(4_000)}`],
    ['a number of zeros', `0.${'0'.repeat(4_000)}1`],
    ['a number of zeros before its end', `1${'0'.repeat(4_000)}.${'0'.repeat(50)}1`],
    ['a number of nines', '9'.repeat(4_000)],
    ['a text of backslashes', `"${'\\\\'.repeat(2_000)}"`],
    ['a text that does not end', `"${'\\"'.repeat(2_000)}`],
    ['many fields', `{${Array.from({ length: 400 }, (_, n) => `"${n}":0`).join()},"":1}`],
    ['many numbers', `[${long('1e9,')}0]`],
    ['minus signs', long('-')],
    ['numbers with many points', `[${long('1.2.3,')}0]`],
    ['__proto__ all the way', `${'{"__proto__":'.repeat(300)}null${'}'.repeat(300)}`],
    ['toString', '{"toString":{"call":1},"valueOf":null,"length":-1}'],
  ])('%s', (_, text) => {
    const spentMs = cpuMsOf(() => {
      for (let i = 0; i < 20; i++) {
        same(text, ` ${text}`, json)
        same(text, ` ${text}`, numeric(0.5))
      }
    })
    expect(spentMs).toBeLessThan(2_000)
  })

  test('whatever bytes there are', () => {
    const some = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string({ unit: fc.constantFrom(...'[]{}:,"\\-+.eE019tfn \u00e9') }).map((text) => Buffer.from(text)),
    )
    fc.assert(
      fc.property(some, some, (a, b) => {
        const isSame = Buffer.from(a).equals(Buffer.from(b))
        expect(same(a, b, exact)).toBe(isSame)
        for (const policy of [json, numeric(0.5)]) if (isSame) expect(same(a, b, policy)).toBe(true)
        if (same(a, b, json)) expect(same(a, b, numeric(0))).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })
})

/** The same value with the fields of every object in another order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, each]) => [name, reversed(each)]),
  )
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object') return value
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return ['{', ...fields.map(([name, each]) => [name, sorted(each)])]
}
