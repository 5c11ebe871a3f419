import { readFileSync } from 'node:fs'
import Papa from 'papaparse'
import { describe, expect, test } from 'vitest'
import { answerOf, runProgram } from './run-program.ts'

type Row = Readonly<Record<string, unknown>>

const dataFile = (name: string) =>
  readFileSync(new URL(`../../node_modules/vega-datasets/data/${name}`, import.meta.url), 'utf8')
const penguins = JSON.parse(dataFile('penguins.json')) as Row[]
const cars = JSON.parse(dataFile('cars.json')) as Row[]
const movies = JSON.parse(dataFile('movies.json')) as Row[]
const weatherCsv = dataFile('seattle-weather.csv')
const weather = Papa.parse<Row>(weatherCsv, { header: true, skipEmptyLines: true }).data

const numbers = (rows: readonly Row[], name: string) =>
  rows
    .map((row) => row[name])
    .filter((value) => value !== null && value !== '' && value !== undefined)
    .map(Number)
const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0)
const meanOf = (values: readonly number[]) => total(values) / values.length
const spread = (values: readonly number[]) => total(values.map((value) => (value - meanOf(values)) ** 2))
const quantileOf = (values: readonly number[], share: number) => {
  const sorted = [...values].sort((a, b) => a - b)
  const place = (sorted.length - 1) * share
  const low = sorted[Math.floor(place)]!
  return low + (place % 1) * ((sorted[Math.floor(place) + 1] ?? low) - low)
}
const near = (value: number) => expect.closeTo(value, 9 - Math.ceil(Math.log10(Math.abs(value) + 1)))

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

describe('TSK-02 correlation', () => {
  const columns = ['Miles_per_Gallon', 'Displacement', 'Horsepower', 'Weight_in_lbs', 'Acceleration']

  test('agrees with the formula over complete rows', () => {
    const complete = cars.filter((row) => columns.every((name) => typeof row[name] === 'number'))
    const pearson = (a: string, b: string) => {
      const x = numbers(complete, a)
      const y = numbers(complete, b)
      const products = x.map((value, row) => (value - meanOf(x)) * (y[row]! - meanOf(y)))
      return total(products) / Math.sqrt(spread(x) * spread(y))
    }
    const matrix = columns.map((a) => columns.map((b) => near(pearson(a, b))))
    expect(answerOf('correlation', { data: cars, columns })).toEqual({
      rows: complete.length,
      columns,
      matrix,
    })
    expect(complete.length).toBeLessThan(cars.length)
  })

  test.each([
    [
      [
        [1, 2, 5],
        [2, 4, 5],
        [3, 6, 5],
      ],
      [
        [1, 1, null],
        [1, 1, null],
        [null, null, null],
      ],
    ],
    [
      [
        [1e300, 1],
        [-1e300, -1],
      ],
      [
        [1, 1],
        [1, 1],
      ],
    ],
  ])('of %j', (data, matrix) => {
    const close = matrix.map((row) => row.map((value) => (value === null ? null : expect.closeTo(value, 12))))
    expect(answerOf('correlation', data)).toMatchObject({ matrix: close })
  })

  test('refuses fewer than two rows', () => {
    expect(
      runProgram('correlation', [
        [1, 2],
        [3, null],
      ]).message,
    ).toBe('data has 1 rows with a number in every column; it takes 2')
  })
})

describe('TSK-02 linear_regression', () => {
  test('agrees with the normal equations on real data', () => {
    const features = ['Displacement', 'Horsepower', 'Weight_in_lbs', 'Acceleration']
    const target = 'Miles_per_Gallon'
    const complete = cars.filter((row) =>
      [target, ...features].every((name) => typeof row[name] === 'number'),
    )
    const x = complete.map((row) => [1, ...features.map((name) => row[name] as number)])
    const y = complete.map((row) => row[target] as number)
    const solved = normalEquations(x, y)
    const left = total(x.map((row, i) => (y[i]! - total(row.map((value, j) => value * solved[j]!))) ** 2))
    const answer = answerOf('linear_regression', { data: cars, target, features }) as {
      coefficients: Record<string, number>
    }
    expect(answer).toEqual({
      rows: complete.length,
      skipped: cars.length - complete.length,
      intercept: expect.closeTo(solved[0]!, 6),
      coefficients: Object.fromEntries(features.map((name, i) => [name, expect.closeTo(solved[i + 1]!, 8)])),
      r2: expect.closeTo(1 - left / spread(y), 10),
      residualSd: expect.closeTo(Math.sqrt(left / (complete.length - 5)), 8),
    })
  })

  test('finds certified values where normal equations lose all digits (NIST Longley)', () => {
    const longley = `y,deflator,gnp,unemployed,forces,population,year
60323,83.0,234289,2356,1590,107608,1947
61122,88.5,259426,2325,1456,108632,1948
60171,88.2,258054,3682,1616,109773,1949
61187,89.5,284599,3351,1650,110929,1950
63221,96.2,328975,2099,3099,112075,1951
63639,98.1,346999,1932,3594,113270,1952
64989,99.0,365385,1870,3547,115094,1953
63761,100.0,363112,3578,3350,116219,1954
66019,101.2,397469,2904,3048,117388,1955
67857,104.6,419180,2822,2857,118734,1956
68169,108.4,442769,2936,2798,120445,1957
66513,110.8,444546,4681,2637,121950,1958
68655,112.6,482704,3813,2552,123366,1959
69564,114.2,502601,3931,2514,125368,1960
69331,115.7,518173,4806,2572,127852,1961
70551,116.9,554894,4007,2827,130081,1962
`
    expect(answerOf('linear_regression', { data: longley, target: 'y' })).toMatchObject({
      intercept: expect.closeTo(-3482258.63459582, 3),
      coefficients: {
        deflator: expect.closeTo(15.0618722713733, 8),
        gnp: expect.closeTo(-0.035819179292591, 10),
        unemployed: expect.closeTo(-2.02022980381683, 9),
        forces: expect.closeTo(-1.03322686717359, 9),
        population: expect.closeTo(-0.051104105653511, 9),
        year: expect.closeTo(1829.15146461355, 6),
      },
      r2: expect.closeTo(0.995479004577296, 11),
      residualSd: expect.closeTo(304.854073561965, 7),
    })
  })

  test.each([
    [{ data: [[1, 2]] }, '"target" has to name the column to explain'],
    [
      {
        data: [
          [1, 2],
          [2, 3],
        ],
        target: 1,
      },
      'data has 2 rows with every number; 1 features take at least 3',
    ],
    [
      {
        data: [
          [1, 2],
          [1, 3],
          [1, 4],
        ],
        target: 1,
      },
      'column "0" does not vary',
    ],
    [
      {
        data: [
          [1, 2, 1],
          [2, 4, 5],
          [3, 6, 2],
          [4, 8, 0],
          [9, 18, 1],
        ],
        target: 2,
      },
      'column "1" follows from the features before it',
    ],
    [{ data: [[1, 2]], target: 1, features: [1] }, '"features" names the target "1"'],
    [{ data: [[1], [2]], target: 0 }, 'data has no column of numbers but the target'],
  ])('refuses %j', (input, message) => {
    expect(runProgram('linear_regression', input)).toEqual({ exitCode: 1, output: '', message })
  })
})

function normalEquations(x: readonly (readonly number[])[], y: readonly number[]): number[] {
  const width = x[0]!.length
  const rows = Array.from({ length: width }, (_, i) => [
    ...Array.from({ length: width }, (_, j) => total(x.map((row) => row[i]! * row[j]!))),
    total(x.map((row, n) => row[i]! * y[n]!)),
  ])
  for (let i = 0; i < width; i++) {
    for (let j = 0; j < width; j++) {
      if (j === i) continue
      const share = rows[j]![i]! / rows[i]![i]!
      rows[j] = rows[j]!.map((value, column) => value - share * rows[i]![column]!)
    }
  }
  return rows.map((row, i) => row[width]! / row[i]!)
}

describe('TSK-02 kmeans', () => {
  const columns = ['Beak Length (mm)', 'Beak Depth (mm)', 'Flipper Length (mm)', 'Body Mass (g)']
  interface Answer {
    centres: number[][]
    clusters: (number | null)[]
    sizes: number[]
    inertia: number
    iterations: number
    settled: boolean
  }

  test('finds the three kinds of penguins, and ends where each row is with its nearest centre', () => {
    const answers = Array.from({ length: 10 }, (_, seed) =>
      answerOf('kmeans', { data: penguins, columns, k: 3, seed, scale: true }),
    ) as Answer[]
    expect(answers.every(({ settled }) => settled)).toBe(true)
    const answer = answers.reduce((best, other) => (other.inertia < best.inertia ? other : best))
    const kinds = answer.clusters.map((_, row) => penguins[row]!['Species'])
    const best = [0, 1, 2].map((cluster) => {
      const inside = kinds.filter((_, row) => answer.clusters[row] === cluster)
      return Math.max(...[...Map.groupBy(inside, (kind) => kind).values()].map((list) => list.length))
    })
    expect(total(best) / total(answer.sizes)).toBeGreaterThan(0.9)
    expect(answer.clusters.filter((cluster) => cluster === null)).toHaveLength(2)
  })

  test('agrees with Lloyd by hand from its own end', () => {
    const { centres, clusters, sizes, inertia } = answerOf('kmeans', {
      data: penguins,
      columns,
      k: 4,
      seed: 5,
    }) as Answer
    const rows = penguins.map((row) => columns.map((name) => row[name] as number | null))
    const far = (row: readonly (number | null)[], centre: readonly number[]) =>
      total(row.map((value, i) => (value! - centre[i]!) ** 2))
    let all = 0
    for (const [index, row] of rows.entries()) {
      if (row.includes(null)) continue
      const distances = centres.map((centre) => far(row, centre))
      expect(clusters[index]).toBe(distances.indexOf(Math.min(...distances)))
      all += Math.min(...distances)
    }
    expect(inertia).toBeCloseTo(all, 3)
    for (const [cluster, centre] of centres.entries()) {
      const members = rows.filter((_, index) => clusters[index] === cluster)
      expect(members).toHaveLength(sizes[cluster]!)
      expect(centre).toEqual(columns.map((_, i) => expect.closeTo(meanOf(members.map((row) => row[i]!)), 8)))
    }
  })

  test('gives the same for the same seed, and stops when told', () => {
    const run = (seed: number) => runProgram('kmeans', { data: penguins, columns, k: 5, seed }).output
    expect(run(3)).toBe(run(3))
    expect(new Set([1, 2, 3, 4, 5, 6].map(run)).size).toBeGreaterThan(1)
    expect(answerOf('kmeans', { data: penguins, columns, k: 5, iterations: 1 })).toMatchObject({
      iterations: 1,
      settled: false,
    })
  })

  test.each([
    [
      { data: [1, 1, 1], k: 2 },
      { sizes: [3, 0], inertia: 0 },
    ],
    [
      { data: [1, 2], k: 2 },
      { sizes: [1, 1], inertia: 0 },
    ],
    [{ data: [7], k: 1, scale: true }, { centres: [[7]] }],
  ])('of %j', (input, wanted) => {
    expect(answerOf('kmeans', input)).toMatchObject(wanted)
  })

  test.each([
    [[1, 2], '"k" has to say how many clusters'],
    [{ data: [1, 2], k: 3 }, '"k" is 3, and data has 2 rows with every number'],
    [{ data: [1], k: 0 }, '"k" has to be a whole number from 1 to 10000'],
    [{ data: [1], k: 1, seed: -1 }, '"seed" has to be a whole number from 0 to 9007199254740991'],
    [{ data: [1], k: 1, scale: 1 }, '"scale" has to be true or false'],
  ])('refuses %j', (input, message) => {
    expect(runProgram('kmeans', input)).toEqual({ exitCode: 1, output: '', message })
  })
})

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
