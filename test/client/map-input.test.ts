import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import Papa from 'papaparse'
import { describe, expect, test } from 'vitest'
import { inputBytes, type MapKind, mapInput } from '../../shared/client/map-input.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const map = (text: string, kind: MapKind, name = 'input') => mapInput(bytes(text), kind, name)
const refusal = (text: string | Uint8Array, kind: MapKind, name = 'input') => {
  const result = mapInput(typeof text === 'string' ? bytes(text) : text, kind, name)
  expect(result).toBeInstanceOf(Refusal)
  return (result as Refusal).message
}

describe('TSK-13 lines', () => {
  test.each([
    ['', []],
    ['\n', ['']],
    ['a', ['a']],
    ['a\n', ['a']],
    ['a\nb', ['a', 'b']],
    ['a\n\nb\n', ['a', '', 'b']],
    ['a\n\n', ['a', '']],
    ['a\r\nb\r\n', ['a', 'b']],
    ['a\r\r\nb', ['a\r', 'b']],
    ['a\rb\n', ['a\rb']],
    ['a\r', ['a\r']],
    ['\r\n', ['']],
    [' a \n\tb', [' a ', '\tb']],
    ['é\u2028x\u0085y\n', ['é\u2028x\u0085y']],
    ['\ufeffa\n', ['a']],
  ])('TSK-13 of %j are %j', (text, items) => {
    expect(map(text, 'lines')).toEqual(items)
  })

  test('TSK-13 come back as they were written, whatever they hold', () => {
    const line = fc.string({ unit: 'binary' }).map((text) => text.replace(/[\n\r\ufeff]/g, ''))
    fc.assert(
      fc.property(fc.array(line, { minLength: 1 }), fc.constantFrom('\n', '\r\n'), (lines, end) => {
        expect(map(lines.map((each) => each + end).join(''), 'lines')).toEqual(lines)
      }),
    )
  })
})

describe('TSK-13 csv', () => {
  test.each<[string, unknown]>([
    ['a,b\n1,2\n', [{ a: '1', b: '2' }]],
    [
      'a,b\r\n1,2\r\n3,4',
      [
        { a: '1', b: '2' },
        { a: '3', b: '4' },
      ],
    ],
    ['a,b\n"x,y","he said ""no"""\n', [{ a: 'x,y', b: 'he said "no"' }]],
    ['a,b\n"two\nlines","\r\n"\n', [{ a: 'two\nlines', b: '\r\n' }]],
    ['a,b\n,\n', [{ a: '', b: '' }]],
    ['a,b\n"",""\n', [{ a: '', b: '' }]],
    ['a\n\nx\n', [{ a: '' }, { a: 'x' }]],
    [
      'a,b\n1,2\n\n3,4\n\n',
      [
        { a: '1', b: '2' },
        { a: '3', b: '4' },
      ],
    ],
    ['a,b\n', []],
    ['a,b', []],
    ['"a","b c"\n 1 ,2\n', [{ a: ' 1 ', 'b c': '2' }]],
    ['\ufeffa\n1\n', [{ a: '1' }]],
    ['a,b\nNaN,007\n', [{ a: 'NaN', b: '007' }]],
    ['a;b\n1;2\n', [{ 'a;b': '1;2' }]],
  ])('TSK-13 of %j are %j', (text, items) => {
    expect(map(text, 'csv')).toEqual(items)
  })

  test('TSK-13 a field may have any name, __proto__ and the empty one too', () => {
    const [row] = map('__proto__,,constructor\n1,2,3\n', 'csv') as [object]
    expect(JSON.stringify(row)).toBe('{"__proto__":"1","":"2","constructor":"3"}')
  })

  test.each([
    ['', 'no first row that names the fields'],
    ['a,a\n1,2\n', 'two fields are named "a"'],
    ['a,b\n1\n', 'line 2: 1 fields where the first row names 2'],
    ['a,b\n1,2\n1,2,3\n', 'line 3: 3 fields where the first row names 2'],
    ['a,b\n"1\n2",x\n1,2,3\n', 'line 4: 3 fields where the first row names 2'],
    ['a,b\n"1,2\n3,4\n', 'line 2: a quoted field does not end'],
    ['a,b\n1,x"y\n', 'line 2: a quote inside a field that does not begin with one'],
    ['a,b\n1,"x"y\n', 'line 2: text after the closing quote of a field'],
    ['a,b\n1,2\r3,4\n', 'line 2: a carriage return without a line feed'],
  ])('TSK-13 %j is refused: %s', (text, message) => {
    expect(refusal(text, 'csv')).toBe(message)
  })

  test('TSK-13 are what another parser makes of them', () => {
    const field = fc.string({ unit: fc.constantFrom(...'ab,"\n é') })
    const table = fc
      .integer({ min: 2, max: 5 })
      .chain((width) =>
        fc.array(fc.array(field, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 10 }),
      )
    fc.assert(
      fc.property(table, fc.constantFrom('\n', '\r\n'), (rows, newline) => {
        const names = rows[0]!.map((_, at) => `f${at}`)
        const text = Papa.unparse([names, ...rows], { newline })
        const expected = Papa.parse<string[]>(text, { delimiter: ',', newline }).data.slice(1)
        const items = map(text, 'csv') as Record<string, string>[]
        expect(items.map((item) => Object.values(item))).toEqual(expected)
        expect(items.map((item) => Object.values(item))).toEqual(rows)
      }),
      { numRuns: 500 },
    )
  })

  test.each([
    'airports.csv',
    'birdstrikes.csv',
    'seattle-weather.csv',
    'github.csv',
    'stocks.csv',
    'la-riots.csv',
  ])('TSK-13 of real data are what another parser makes of them: %s', (name) => {
    const text = readFileSync(`node_modules/vega-datasets/data/${name}`, 'utf8')
    const expected = Papa.parse(text, { header: true, skipEmptyLines: true, delimiter: ',' }).data
    const items = map(text, 'csv')
    expect(items).toEqual(expected)
    expect(expected.length).toBeGreaterThan(60)
  })

  test('TSK-13 never throw, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'a,"\n\r;\t') }), (text) => {
        map(text, 'csv')
      }),
      { numRuns: 2_000 },
    )
  })

  test('TSK-13 with one field of many megabytes are read, and so is a quote without end', () => {
    const long = 'x'.repeat(20_000_000)
    expect(map(`a\n"${long}"\n`, 'csv')).toEqual([{ a: long }])
    expect(refusal(`a\n"${long}`, 'csv')).toBe('line 2: a quoted field does not end')
  })
})

describe('TSK-13 json', () => {
  test('TSK-13 items are the elements of an array', () => {
    expect(map('[1, "a", null, {"b": [2]}]', 'json')).toEqual([1, 'a', null, { b: [2] }])
    expect(map(' [] ', 'json')).toEqual([])
  })

  test.each([
    ['{"a":1}', 'not a JSON array'],
    ['null', 'not a JSON array'],
    ['7', 'not a JSON array'],
    ['"[1]"', 'not a JSON array'],
  ])('TSK-13 %j is refused: %s', (text, message) => {
    expect(refusal(text, 'json')).toBe(message)
  })

  test.each(['', '[1,', '[1,]', "['a']", 'NaN'])('TSK-13 %j is refused: not a JSON text', (text) => {
    expect(refusal(text, 'json')).toMatch(/^not a JSON text: ./)
  })
})

describe('TSK-13 without a map', () => {
  test('TSK-13 the file is one item: JSON by its name, else a text', () => {
    expect(map('[1, 2]', 'single', 'data.json')).toEqual([[1, 2]])
    expect(map('null', 'single', 'data.json')).toEqual([null])
    expect(map('[1, 2]', 'single', 'data.txt')).toEqual(['[1, 2]'])
    expect(map('a\nb\n', 'single', 'story')).toEqual(['a\nb\n'])
    expect(map('', 'single', 'empty.txt')).toEqual([''])
    expect(refusal('', 'single', 'empty.json')).toMatch(/^not a JSON text/)
  })
})

test.each<MapKind>(['lines', 'csv', 'json', 'single'])(
  'TSK-13 bytes that are no UTF-8 are refused: %s',
  (kind) => {
    expect(refusal(Uint8Array.of(0x61, 0xff, 0xfe), kind)).toBe('not UTF-8 text')
  },
)

test('TSK-13 what a program gets is the item as JSON', () => {
  expect(new TextDecoder().decode(inputBytes({ a: ['é', 1, null] }))).toBe('{"a":["é",1,null]}')
})
