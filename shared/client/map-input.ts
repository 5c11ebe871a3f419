import { type Refusal, refuse } from '../kernel/refusal.ts'

/** How a file becomes the items of a job; `single`: the file is one item. */
export type MapKind = 'lines' | 'csv' | 'json' | 'single'
export const mapKinds = ['lines', 'csv', 'json'] as const

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue }

/**
 * The items of a file (FORMATS, "CLI"). `name` is the file's: without a map one whose name ends in `.json` is parsed.
 * A refusal says what is wrong and where, without the file's name.
 */
export function mapInput(bytes: Uint8Array, map: MapKind, name: string): readonly JsonValue[] | Refusal {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return refuse('NotUtf8', 'not UTF-8 text')
  }
  switch (map) {
    case 'lines':
      return linesOf(text)
    case 'csv':
      return rowsOf(text)
    case 'json':
      return elementsOf(text)
    case 'single': {
      if (!name.endsWith('.json')) return [text]
      const value = parseJson(text)
      return value === undefined ? notJson(text) : [value]
    }
  }
}

/** What a program may be given: a JSON value, or bytes as they are. */
export type JobInput = JsonValue | Uint8Array

/** What the program gets of an item; `undefined` for what is neither JSON nor bytes. */
export function inputBytes(item: JobInput): Uint8Array
export function inputBytes(item: unknown): Uint8Array | undefined
export function inputBytes(item: unknown): Uint8Array | undefined {
  if (item instanceof Uint8Array) return item
  let text: string | undefined
  try {
    text = JSON.stringify(item)
  } catch {
    // In a circle, or a bigint.
  }
  return text === undefined ? undefined : new TextEncoder().encode(text)
}

/** A text of no bytes has no lines; a single newline is one empty line. */
function linesOf(text: string): string[] {
  if (text === '') return []
  const lines = text.split('\n')
  const last = lines.pop()!
  const ended = lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line))
  return last === '' ? ended : [...ended, last]
}

function elementsOf(text: string): readonly JsonValue[] | Refusal {
  const value = parseJson(text)
  if (value === undefined) return notJson(text)
  return Array.isArray(value) ? value : refuse('NotAnArray', 'not a JSON array')
}

function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function notJson(text: string): Refusal {
  let why = ''
  try {
    JSON.parse(text)
  } catch (error) {
    why = error instanceof Error ? `: ${error.message}` : ''
  }
  return refuse('NotJson', `not a JSON text${why}`)
}

/** Objects of texts, named by the first row; each row has as many fields as the first. */
function rowsOf(text: string): readonly JsonValue[] | Refusal {
  const records = parseCsv(text)
  if (!Array.isArray(records)) return records as Refusal
  const [header, ...rows] = records as CsvRecord[]
  if (header === undefined) return refuse('NoHeader', 'no first row that names the fields')
  const names = header.fields
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) return refuse('FieldNamedTwice', `two fields are named ${JSON.stringify(twice)}`)
  const items: JsonValue[] = []
  for (const { fields, line } of rows) {
    // An empty line is no row of a table with several columns; in a table with one it is an empty field.
    if (names.length > 1 && fields.length === 1 && fields[0] === '') continue
    if (fields.length !== names.length) {
      return refuse(
        'UnevenRow',
        `line ${line}: ${fields.length} fields where the first row names ${names.length}`,
      )
    }
    items.push(Object.fromEntries(fields.map((field, at) => [names[at]!, field])))
  }
  return items
}

interface CsvRecord {
  readonly fields: string[]
  /** Where it begins, from 1. */
  readonly line: number
}

const plainField = /[^",\r\n]*/y
const separator = /,|\r\n|\n|$/y

/** RFC 4180, with a bare line feed taken for a line break too. */
function parseCsv(text: string): CsvRecord[] | Refusal {
  const records: CsvRecord[] = []
  let at = 0
  let line = 1
  while (at < text.length) {
    const fields: string[] = []
    const record: CsvRecord = { fields, line }
    for (;;) {
      const next = endOfField(text, at)
      if (next === undefined) return refuse('OpenQuote', `line ${line}: a quoted field does not end`)
      const raw = text.slice(at, next)
      fields.push(raw.startsWith('"') ? raw.slice(1, -1).replaceAll('""', '"') : raw)
      line += newlinesIn(raw)
      at = next
      separator.lastIndex = at
      const end = separator.exec(text)
      if (end === null) return refuse('StrayCharacter', `line ${line}: ${strayAt(text, at)}`)
      at = separator.lastIndex
      if (end[0] === ',') continue
      line++
      break
    }
    records.push(record)
  }
  return records
}

/** By hand, since a regular expression would run out of stack on a field of many megabytes. */
function endOfField(text: string, start: number): number | undefined {
  if (text[start] !== '"') {
    plainField.lastIndex = start
    plainField.exec(text)
    return plainField.lastIndex
  }
  let quote = text.indexOf('"', start + 1)
  while (quote >= 0 && text[quote + 1] === '"') quote = text.indexOf('"', quote + 2)
  return quote < 0 ? undefined : quote + 1
}

function newlinesIn(text: string): number {
  let count = 0
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++
  return count
}

function strayAt(text: string, at: number): string {
  if (text[at] === '"') return 'a quote inside a field that does not begin with one'
  return text[at] === '\r'
    ? 'a carriage return without a line feed'
    : 'text after the closing quote of a field'
}
