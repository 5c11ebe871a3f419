import { describe, expect, test } from 'vitest'
import {
  cars,
  meanOf,
  movies,
  near,
  numbers,
  penguins,
  quantileOf,
  type Row,
  spread,
  total,
  weather,
  weatherCsv,
} from './real-data.ts'
import { answerOf, runProgram } from './run-program.ts'

describe('TSK-02 describe', () => {
  const expected = (rows: readonly Row[], name: string) => {
    const values = numbers(rows, name)
    return {
      name,
      count: values.length,
      missing: rows.length - values.length,
      mean: near(meanOf(values)),
      sd: near(Math.sqrt(spread(values) / (values.length - 1))),
      min: Math.min(...values),
      q25: near(quantileOf(values, 0.25)),
      median: near(quantileOf(values, 0.5)),
      q75: near(quantileOf(values, 0.75)),
      max: Math.max(...values),
    }
  }

  test('tells the same of a CSV text and of its rows, as an independent count does', () => {
    const names = ['precipitation', 'temp_max', 'temp_min', 'wind']
    const wanted = {
      rows: 1461,
      columns: names.map((name) => expected(weather, name)),
      skipped: ['date', 'weather'],
    }
    expect(answerOf('describe', weatherCsv)).toEqual(wanted)
    expect(answerOf('describe', weather)).toEqual(wanted)
    expect(runProgram('describe', { data: weather }).output).toBe(runProgram('describe', weatherCsv).output)
  })

  test.each([
    ['penguins', penguins, ['Beak Length (mm)', 'Body Mass (g)']],
    ['cars', cars, ['Miles_per_Gallon', 'Horsepower']],
    ['movies', movies, ['IMDB Rating', 'Production Budget', 'Running Time min']],
  ])('counts what is missing from %s', (_, rows, columns) => {
    const described = answerOf('describe', { data: rows, columns }) as { columns: { missing: number }[] }
    expect(described.columns).toEqual(columns.map((name) => expected(rows, name)))
    expect(described.columns.some(({ missing }) => missing > 0)).toBe(true)
  })

  test('keeps digits that a plain sum loses', () => {
    const data = [1e16, 1, -1e16, 1, 1, 1]
    expect(answerOf('describe', data)).toMatchObject({ columns: [{ name: 'value', mean: 4 / 6 }] })
  })

  test.each([
    [
      [[1, 2], [3], [5, null]],
      [
        ['0', 3, 0],
        ['1', 1, 2],
      ],
    ],
    [
      [{ a: 1 }, { b: 2 }, {}],
      [
        ['a', 1, 2],
        ['b', 1, 2],
      ],
    ],
    ['a,b\r\n"1","x ""y""\n"\r\n+2.5e1,\r\n\r\n.5,NA', [['a', 3, 0]]],
    ['\ufeffa\n 7 \n', [['a', 1, 0]]],
    [[{ größe: '1.5' }], [['größe', 1, 0]]],
  ])('takes %j', (data, columns) => {
    const described = answerOf('describe', data) as {
      columns: { name: string; count: number; missing: number }[]
    }
    expect(described.columns.map(({ name, count, missing }) => [name, count, missing])).toEqual(columns)
  })

  test('takes a table of a megabyte', () => {
    const rows = Array.from({ length: 20_000 }, (_, row) => ({
      a: row,
      b: `${(row * 7919) % 1000}`,
      c: `text ${row}`,
    }))
    expect(JSON.stringify(rows).length).toBeGreaterThan(600_000)
    expect(answerOf('describe', rows)).toMatchObject({ columns: [expected(rows, 'a'), expected(rows, 'b')] })
  })

  test.each([
    [[], 'data has no rows'],
    ['', 'data is an empty text'],
    ['a,b\n', 'data has no rows'],
    [7, 'data has to be an array or a CSV text, and is a number'],
    [{}, 'the input is an object without "data"'],
    [{ data: [1], colums: 'a' }, 'there is no option "colums"; there are data, columns'],
    [{ data: [{ a: 1 }], columns: 'b' }, 'data has no column "b"; there are "a"'],
    [{ data: [{ a: 1 }], columns: ['a', 'a'] }, '"columns" names column "a" twice'],
    [{ data: [{ a: 1 }], columns: [] }, '"columns" names no column'],
    [{ data: [{ a: 1 }], columns: [true] }, '"columns" has to name columns, and has a boolean'],
    [{ data: [{ a: 1 }, { a: 'x' }], columns: 'a' }, 'data: row 2, column "a": "x" is not a number'],
    [[{ a: 'x' }], 'data has no column of numbers'],
    [[{ a: [1] }], 'data: row 1, column "a": an array is no value of a cell'],
    [[{ a: 1 }, [1]], 'data: row 2 is an array, and row 1 is an object'],
    ['a,b\n1\n', 'data: the record at line 2 of the CSV has 1 field, and the first 2'],
    ['a,a\n1,2\n', 'data: the CSV has two columns "a"'],
    ['a\n"1\n2', 'data: line 2 of the CSV has a quoted field that does not end'],
    ['a\n1"2"\n', 'data: line 2 of the CSV has a quote in a field that does not start with one'],
    ['a\n"1"2\n', 'data: line 2 of the CSV has text behind the end of a quoted field'],
    [utf8('[{"a":1,"a":2}]'), 'data: row 1 has two cells "a"'],
    [utf8('[{"a":1e999}]'), 'data: row 1, column "a": the number is too large'],
  ])('refuses %j', (input, message) => {
    expect(runProgram('describe', input)).toEqual({ exitCode: 1, output: '', message })
  })
})

describe('TSK-02 group_by', () => {
  test('agrees with grouping by hand', () => {
    const name = 'Body Mass (g)'
    const groups = Map.groupBy(penguins, (row) =>
      JSON.stringify({ Species: row['Species'], Sex: row['Sex'] }),
    )
    const wanted = [...groups].map(([key, rows]) => {
      const values = numbers(rows, name)
      return {
        key: JSON.parse(key) as unknown,
        rows: rows.length,
        columns: {
          [name]: {
            count: values.length,
            sum: values.length > 0 ? total(values) : 0,
            mean: values.length > 0 ? near(meanOf(values)) : null,
            min: values.length > 0 ? Math.min(...values) : null,
            max: values.length > 0 ? Math.max(...values) : null,
          },
        },
      }
    })
    expect(wanted.length).toBeGreaterThan(6)
    expect(answerOf('group_by', { data: penguins, by: ['Species', 'Sex'], columns: name })).toEqual(wanted)
  })

  test('takes every other column of numbers when none is named', () => {
    const groups = answerOf('group_by', { data: weatherCsv, by: 'weather' }) as { columns: object }[]
    expect(Object.keys(groups[0]!.columns)).toEqual(['precipitation', 'temp_max', 'temp_min', 'wind'])
    expect(groups).toHaveLength(5)
  })

  test('reads what CSV puts in quotes', () => {
    const data = 'a,"b ""c"""\r\n"x, ""y""\nz",1\r\n"",2'
    expect(answerOf('group_by', { data, by: 'a' })).toMatchObject([
      { key: { a: 'x, "y"\nz' }, columns: { 'b "c"': { sum: 1 } } },
      { key: { a: null }, columns: { 'b "c"': { sum: 2 } } },
    ])
  })

  test('keeps keys apart that look alike, and one where they are the same', () => {
    const data = [
      ['t1:', 'a'],
      ['t1', ':a'],
      [0, 'a'],
      [-0, 'a'],
      ['0', 'a'],
      [null, 'a'],
      ['', 'a'],
    ]
    const groups = answerOf('group_by', { data, by: [0, 1] }) as { rows: number }[]
    expect(groups.map(({ rows }) => rows)).toEqual([1, 1, 3, 2])
  })

  test.each([
    [[{ a: 1 }], '"by" has to name the column to group by, or an array of them'],
    [{ data: [{ a: 1 }], by: 'x' }, 'data has no column "x"; there are "a"'],
  ])('refuses %j', (input, message) => {
    expect(runProgram('group_by', input)).toEqual({ exitCode: 1, output: '', message })
  })
})

describe('TSK-02 histogram', () => {
  test('agrees with counting by hand', () => {
    const values = numbers(weather, 'temp_max')
    const answer = answerOf('histogram', { data: weatherCsv, column: 'temp_max', bins: 12 }) as {
      edges: number[]
      counts: number[]
    }
    const { edges, counts } = answer
    expect(edges).toHaveLength(13)
    expect([edges[0], edges[12]]).toEqual([Math.min(...values), Math.max(...values)])
    const within = (bin: number) => (value: number) =>
      value >= edges[bin]! && (bin === 11 ? value <= edges[12]! : value < edges[bin + 1]!)
    expect(counts).toEqual(counts.map((_, bin) => values.filter(within(bin)).length))
    expect(total(counts)).toBe(values.length)
    expect(answer).toMatchObject({ column: 'temp_max', below: 0, above: 0, missing: 0 })
  })

  test.each([
    [
      { data: [1, 2, 2, 3, null, 9], edges: [2, 3, 4] },
      { counts: [2, 1], below: 1, above: 1, missing: 1 },
    ],
    [
      { data: [5, 5], bins: 2 },
      { edges: [4.5, 5, 5.5], counts: [0, 2] },
    ],
    [[1, 2], { counts: [1, 0, 0, 0, 0, 0, 0, 0, 0, 1] }],
    [
      { data: [-1e308, 1e308], bins: 2 },
      { edges: [-1e308, 0, 1e308], counts: [1, 1] },
    ],
  ])('of %j', (input, wanted) => {
    expect(answerOf('histogram', input)).toMatchObject(wanted)
  })

  test.each([
    [{ data: [1], bins: 0 }, '"bins" has to be a whole number from 1 to 100000'],
    [{ data: [1], bins: 1.5 }, '"bins" has to be a whole number from 1 to 100000'],
    [{ data: [1], edges: [1] }, '"edges" has to be an array of 2 to 100001 numbers'],
    [{ data: [1], edges: [1, 1] }, '"edges" has to rise: place 2 does not'],
    [{ data: [1], edges: [1, 'a'] }, '"edges" has a string that is no edge at place 2'],
    [{ data: [1], edges: [1, 2], bins: 1 }, '"bins" and "edges" cannot both be given'],
    [{ data: [[1, 2]] }, '"column" has to name a column: data has more than one of numbers'],
    [{ data: [{ a: 'x' }], column: 'a' }, 'data: row 1, column "a": "x" is not a number'],
    [{ data: [1, 1 + 2 ** -52], bins: 9 }, '"bins" is too large: the numbers are too close to one another'],
  ])('refuses %j', (input, message) => {
    expect(runProgram('histogram', input)).toEqual({ exitCode: 1, output: '', message })
  })
})

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
