import { describe, expect, test } from 'vitest'
import { cars, meanOf, near, numbers, penguins, spread, total } from './real-data.ts'
import { answerOf, runProgram } from './run-program.ts'

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
