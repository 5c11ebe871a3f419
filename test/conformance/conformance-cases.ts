import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { builtIns } from '../../shared/runtime/built-in.ts'
import { corpus } from '../runtime/corpus.ts'
import { assemble } from '../runtime/wasi/wat-program.ts'
import { callPrograms } from './call-programs.ts'
import type { ConformanceCase } from './conformance-case.ts'
import { floatPrograms } from './float-programs.ts'
import { refusedPrograms } from './refused-programs.ts'

const utf8 = new TextEncoder()
const json = (value: unknown): Uint8Array => utf8.encode(JSON.stringify(value))
const root = join(import.meta.dirname, '../..')

const javascriptCases: readonly ConformanceCase[] = corpus.map(({ name, program, input, limits = {} }) => ({
  name: `javascript: ${name}`,
  program: utf8.encode(program),
  input: json(input ?? null),
  limits,
}))

/** Modules written as text, put together by wabt. */
async function textCases(): Promise<ConformanceCase[]> {
  const texts = [
    ...floatPrograms.map(([name, text]) => ({ name, text, input: '', limits: {} })),
    ...callPrograms,
    ...refusedPrograms,
  ]
  return Promise.all(
    texts.map(async ({ name, text, input = '', limits = {} }) => ({
      name: `wasi: ${name}`,
      program: typeof text === 'string' ? await assemble(text) : text,
      input: utf8.encode(input),
      limits,
    })),
  )
}

type Row = Readonly<Record<string, unknown>>

async function readData(name: string): Promise<unknown> {
  const text = await readFile(join(root, 'node_modules/vega-datasets/data', name), 'utf8')
  return name.endsWith('.json') ? JSON.parse(text) : text
}

/** The programs that come with the network, on real data. */
async function builtInCases(): Promise<ConformanceCase[]> {
  const penguins = (await readData('penguins.json')) as Row[]
  const cars = (await readData('cars.json')) as Row[]
  const movies = (await readData('movies.json')) as Row[]
  const weather = await readData('seattle-weather.csv')
  const plots = movies.map((row) => String(row['Title'])).join('\n')
  const inputs: readonly (readonly [name: string, about: string, input: unknown])[] = [
    ...builtIns.map(({ name, example }) => [name, 'its example', example] as const),
    ...builtIns.map(({ name }) => [name, 'an input that is none', { nothing: [null, 1e308] }] as const),
    ['word_count', 'titles', plots],
    ['ngram_count', 'titles', { text: plots, n: 3 }],
    ['keywords', 'titles', { documents: plots.split('\n').slice(0, 200), top: 5 }],
    ['language', 'titles', plots],
    ['search', 'titles', { text: plots, query: 'the', ignoreCase: true }],
    ['replace', 'titles', { text: plots, query: 'the', replacement: 'Σ😀' }],
    ['describe', 'penguins', { data: penguins }],
    ['describe', 'cars', { data: cars }],
    ['describe', 'weather as CSV', { data: weather }],
    [
      'group_by',
      'penguins',
      { data: penguins, by: 'Species', columns: ['Body Mass (g)', 'Beak Length (mm)'] },
    ],
    ['histogram', 'cars', { data: cars, column: 'Horsepower', bins: 12 }],
    [
      'correlation',
      'cars',
      { data: cars, columns: ['Horsepower', 'Weight_in_lbs', 'Acceleration', 'Displacement'] },
    ],
    [
      'linear_regression',
      'cars',
      { data: cars, target: 'Miles_per_Gallon', features: ['Horsepower', 'Weight_in_lbs'] },
    ],
    [
      'kmeans',
      'penguins',
      { data: penguins, columns: ['Beak Length (mm)', 'Beak Depth (mm)'], k: 3, seed: 7 },
    ],
  ]
  return Promise.all(
    inputs.map(async ([name, about, input]) => ({
      name: `built-in: ${name} on ${about}`,
      program: new Uint8Array(await readFile(join(root, 'dist/programs', `${name}.wasm`))),
      input: json(input),
      limits: { outputBytes: 2 ** 22 },
    })),
  )
}

/** The examples in C, as their modules are checked in. */
async function exampleCases(): Promise<ConformanceCase[]> {
  const weather = await readData('seattle-weather.csv')
  const inputs: readonly (readonly [name: string, about: string, input: unknown])[] = [
    ['primes', 'a hundred', 100],
    ['primes', 'two million', 2_000_000],
    ['primes', 'no number', 'x'],
    ['mandelbrot', '60', 60],
    ['mandelbrot', '200', 200],
    ['csv-sum', 'two rows', 'a,b\n1,x\n2,y\n'],
    ['csv-sum', 'weather', weather],
    ['csv-sum', 'nothing', ''],
  ]
  return Promise.all(
    inputs.map(async ([name, about, input]) => ({
      name: `example: ${name} of ${about}`,
      program: new Uint8Array(await readFile(join(root, 'programs/examples/c', `${name}.wasm`))),
      input: json(input),
      limits: {},
    })),
  )
}

/** Every pair of a program and an input; those of models are in test/runtime/onnx/corpus.ts. */
export async function conformanceCases(): Promise<readonly ConformanceCase[]> {
  const cases = [
    ...javascriptCases,
    ...(await textCases()),
    ...(await builtInCases()),
    ...(await exampleCases()),
  ]
  const names = cases.map(({ name }) => name)
  const twice = names.filter((name, i) => names.indexOf(name) !== i)
  if (twice.length > 0) throw new Error(`Two cases have one name: ${twice.join(', ')}`)
  return cases
}
