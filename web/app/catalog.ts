import type { JsonValue } from '../../shared/client/item-splitter.ts'
import { type BuiltIn, builtIns } from '../../shared/runtime/built-in.ts'
import type { ItemKind } from './items.ts'

/** An input that shows what a program does. */
export interface ExampleInput {
  readonly text: string
  readonly items: ItemKind
  /** As what the program takes a whole file, which is not JSON; absent when a file is many items. */
  readonly whole?: ItemKind
}

/** A program that the page offers. */
export interface CatalogEntry {
  readonly name: string
  readonly title: string
  readonly group: 'Text' | 'Tables' | 'Models'
  readonly taskType: string
  /** Where the relay has it. */
  readonly url: string
  /** What it does, then what its input looks like. */
  readonly summary: string
  readonly takes: string
  /** What the item is called beside options. */
  readonly subject?: string
  /** Options as JSON for a start, and what they say; absent when there are none. */
  readonly options?: string
  readonly optionsMean?: string
  readonly example: ExampleInput
}

interface Words {
  readonly title: string
  readonly options?: string
}

const words: Readonly<Record<string, Words>> = {
  word_count: { title: 'Count words' },
  ngram_count: {
    title: 'Count runs of words',
    options: 'n: how long a run is. unit: "word" or "character". top: how many to tell.',
  },
  keywords: { title: 'Find keywords', options: 'top: how many words for each text.' },
  language: { title: 'Guess the language', options: 'top: how many languages to tell.' },
  search: { title: 'Search', options: 'query: what to look for. ignoreCase: true or false.' },
  replace: {
    title: 'Search and replace',
    options: 'query: what to look for. replacement: what comes in its place. ignoreCase: true or false.',
  },
  describe: { title: 'Describe columns', options: 'columns: which ones; all of numbers when not told.' },
  group_by: { title: 'Group and sum up', options: 'by: the column of the groups. columns: what to sum up.' },
  histogram: { title: 'Histogram', options: 'column: which one. bins: how many; or edges: where they end.' },
  correlation: { title: 'Correlation', options: 'columns: which ones; all of numbers when not told.' },
  linear_regression: {
    title: 'Linear regression',
    options: 'target: the column to explain. features: the columns that explain it.',
  },
  kmeans: {
    title: 'Clusters (k-means)',
    options:
      'columns: what rows are compared by. k: how many clusters. seed: where chance begins. scale: true or false.',
  },
}

const aText = 'The input is a text: each line by itself, or all of it.'
const texts = 'The input is a list of texts in JSON, which are told from one another.'
const aTable = 'The input is a table: CSV whose first line names the columns, or a list of rows in JSON.'

const penguins: CatalogEntry = {
  name: 'penguins',
  title: 'Tell penguins apart',
  group: 'Models',
  taskType: 'model_inference',
  url: '/programs/penguins.onnx',
  summary:
    'Names the species of a penguin by its measures: a small neural network, trained on penguins that were measured.',
  takes:
    'The input is a list of penguins in JSON: length and depth of the beak and length of the flipper in mm, mass in g.',
  example: {
    text: '[\n  [[39.1, 18.7, 181, 3750]],\n  [[46.5, 17.9, 192, 3500]],\n  [[49.6, 16, 225, 5700]]\n]\n',
    items: 'json',
  },
}

export const catalog: readonly CatalogEntry[] = [...builtIns.map(entryOf), penguins]

/** A built-in program takes its subject alone, or in an object beside options: the page asks for the two apart. */
function entryOf({ name, type, summary, example }: BuiltIn): CatalogEntry {
  const isTable = type === 'data_analysis'
  const { title = name, options: optionsMean } = words[name] ?? {}
  const parts = partsOf(example)
  const common = { name, title, taskType: type, url: `/programs/${name}.wasm`, summary }
  const options =
    optionsMean === undefined
      ? {}
      : {
          subject: parts.subject,
          options: Object.keys(parts.options).length === 0 ? '' : pretty(parts.options),
          optionsMean,
        }
  if (isTable) {
    const text = csvOf(parts.value as readonly JsonRow[])
    return {
      ...common,
      ...options,
      group: 'Tables',
      takes: aTable,
      example: { text, items: 'text', whole: 'text' },
    }
  }
  if (typeof parts.value === 'string') {
    const text = `${parts.value}\n`
    return { ...common, ...options, group: 'Text', takes: aText, example: { text, items: 'lines' } }
  }
  const text = `${JSON.stringify(parts.value, null, 2)}\n`
  return {
    ...common,
    ...options,
    group: 'Text',
    takes: texts,
    example: { text, items: 'value', whole: 'value' },
  }
}

type JsonRow = Readonly<Record<string, JsonValue>>

/** The subject of an example comes first in it. */
function partsOf(example: JsonValue): { subject: string; value: JsonValue; options: JsonRow } {
  if (typeof example !== 'object' || example === null || Array.isArray(example)) {
    return { subject: 'text', value: example, options: {} }
  }
  const [[subject, value], ...rest] = Object.entries(example) as [
    [string, JsonValue],
    ...[string, JsonValue][],
  ]
  return { subject, value, options: Object.fromEntries(rest) }
}

/** On one line, with room between. */
function pretty(options: JsonRow): string {
  return JSON.stringify(options, null, 1)
    .replaceAll(/(?<=[[{])\n *|\n *(?=[\]}])/g, '')
    .replaceAll(/\n */g, ' ')
}

function csvOf(rows: readonly JsonRow[]): string {
  const names = Object.keys(rows[0]!)
  return [names, ...rows.map((row) => names.map((name) => String(row[name])))]
    .map((row) => `${row.join(',')}\n`)
    .join('')
}

/** What the program gets of an item. What the item says itself goes before the options. */
export function withOptions(item: JsonValue, subject: string, options: JsonRow): JsonValue {
  if (Object.keys(options).length === 0) return item
  const isWhole = typeof item === 'object' && item !== null && !Array.isArray(item) && subject in item
  return isWhole ? { ...options, ...(item as JsonRow) } : { [subject]: item, ...options }
}

/** Options as they were typed, or what is wrong with them. */
export function readOptions(text: string): JsonRow | string {
  if (text.trim() === '') return {}
  try {
    const options: JsonValue = JSON.parse(text)
    if (typeof options === 'object' && options !== null && !Array.isArray(options)) return options as JsonRow
    return 'The options have to be an object in JSON, such as {"top": 5}'
  } catch (error) {
    return `The options are not JSON: ${error instanceof Error ? error.message : String(error)}`
  }
}
