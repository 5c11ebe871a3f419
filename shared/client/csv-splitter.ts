import { Refusal, refuse } from '../kernel/refusal.ts'
import { type ItemSplitter, itemCharactersMax, type JsonValue } from './item-splitter.ts'

/** A record that is not whole yet is read anew at once while it is shorter than this, and later as it doubles. */
const smallCharacters = 65_536

interface CsvRecord {
  readonly fields: string[]
  /** Where it begins, from 1. */
  readonly line: number
}

/**
 * RFC 4180, with a bare line feed taken for a line break too. Items are objects of texts, named by the first row; each
 * row has as many fields as the first.
 */
export class CsvSplitter implements ItemSplitter {
  #names: readonly string[] | undefined
  /** From the beginning of the record that is not whole. */
  #rest = ''
  #line = 1
  /** Length of `#rest` from which on it is looked at again. */
  #lookFrom = 0

  push(text: string, items: JsonValue[]): Refusal | undefined {
    this.#rest += text
    if (this.#rest.length < this.#lookFrom) return undefined
    const wrong = this.#read(items, false)
    if (wrong !== undefined) return wrong
    const { length } = this.#rest
    this.#lookFrom = length < smallCharacters ? 0 : 2 * length
    if (length <= itemCharactersMax) return undefined
    return refuse('ItemTooLarge', `line ${this.#line}: longer than any item may be`)
  }

  end(items: JsonValue[]): Refusal | undefined {
    const wrong = this.#read(items, true)
    if (wrong !== undefined) return wrong
    return this.#names === undefined ? refuse('NoHeader', 'no first row that names the fields') : undefined
  }

  #read(items: JsonValue[], isLast: boolean): Refusal | undefined {
    const text = this.#rest
    let at = 0
    while (at < text.length) {
      const record = readRecord(text, at, this.#line, isLast)
      if (record instanceof Refusal) return record
      if (record === undefined) break
      const wrong = this.#take(record, items)
      if (wrong !== undefined) return wrong
      at = record.end
      this.#line = record.nextLine
    }
    this.#rest = text.slice(at)
    return undefined
  }

  #take({ fields, line }: CsvRecord, items: JsonValue[]): Refusal | undefined {
    const names = this.#names
    if (names === undefined) {
      const twice = fields.find((name, at) => fields.indexOf(name) !== at)
      if (twice !== undefined)
        return refuse('FieldNamedTwice', `two fields are named ${JSON.stringify(twice)}`)
      this.#names = fields
      return undefined
    }
    // An empty line is no row of a table with several columns; in a table with one it is an empty field.
    if (names.length > 1 && fields.length === 1 && fields[0] === '') return undefined
    if (fields.length !== names.length) {
      return refuse(
        'UnevenRow',
        `line ${line}: ${fields.length} fields where the first row names ${names.length}`,
      )
    }
    items.push(Object.fromEntries(fields.map((field, at) => [names[at]!, field])))
    return undefined
  }
}

const plainField = /[^",\r\n]*/y
const separator = /,|\r\n|\n|$/y

/** `undefined` when the record may go on behind what is there. */
function readRecord(
  text: string,
  start: number,
  firstLine: number,
  isLast: boolean,
): (CsvRecord & { readonly end: number; readonly nextLine: number }) | Refusal | undefined {
  const fields: string[] = []
  let line = firstLine
  for (let at = start; ; ) {
    const next = endOfField(text, at)
    if (next === undefined) {
      return isLast ? refuse('OpenQuote', `line ${line}: a quoted field does not end`) : undefined
    }
    // What comes next may be the second of two quotes, or the line feed after a carriage return.
    if (!isLast && (next === text.length || (text[next] === '\r' && next + 1 === text.length)))
      return undefined
    const raw = text.slice(at, next)
    fields.push(raw.startsWith('"') ? raw.slice(1, -1).replaceAll('""', '"') : raw)
    line += newlinesIn(raw)
    separator.lastIndex = next
    const end = separator.exec(text)
    if (end === null) return refuse('StrayCharacter', `line ${line}: ${strayAt(text, next)}`)
    at = separator.lastIndex
    if (end[0] !== ',') return { fields, line: firstLine, end: at, nextLine: line + 1 }
  }
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
