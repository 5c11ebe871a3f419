import { CsvReader } from './csv'
import { ARRAY, Json, NULL, NUMBER, OBJECT, STRING, TRUE } from './json-value'
import { numberOf } from './number-text'
import { fail } from './stdio'

/** What a cell holds. */
export const MISSING: u8 = 0
export const VALUE: u8 = 1
export const TEXT: u8 = 2

@final
export class Column {
  kinds: Array<u8> = []
  /** NaN where there is no number. */
  numbers: Array<f64> = []
  /** Empty where there is no text. */
  texts: Array<string> = []
  /** How many cells hold a number, and how many a text. */
  values: i32 = 0
  textCount: i32 = 0
  /** Row of the first text, from 0. */
  firstText: i32 = -1

  constructor(readonly name: string) {}

  /** A column of numbers, some of which may be missing. */
  get isNumeric(): bool {
    return this.values > 0 && this.textCount == 0
  }

  get length(): i32 {
    return this.kinds.length
  }

  addMissing(): void {
    this.kinds.push(MISSING)
    this.numbers.push(NaN)
    this.texts.push('')
  }

  addNumber(value: f64): void {
    this.kinds.push(VALUE)
    this.numbers.push(value)
    this.texts.push('')
    this.values++
  }

  /** A text is the number that it is written as, if it is; some words mean that nothing is there. */
  addText(text: string): void {
    if (isMissing(text)) return this.addMissing()
    const value = numberOf(text)
    if (isFinite(value)) return this.addNumber(value)
    if (this.textCount++ == 0) this.firstText = this.length
    this.kinds.push(TEXT)
    this.numbers.push(NaN)
    this.texts.push(text)
  }

  /** Ends the program unless the column is one of numbers. */
  requireNumbers(): void {
    if (this.textCount > 0) {
      const text = this.texts[this.firstText]
      const shown = text.length > 40 ? text.substring(0, 40) + '…' : text
      fail(
        'data: row ' +
          (this.firstText + 1).toString() +
          ', column ' +
          quoted(this.name) +
          ': ' +
          quoted(shown) +
          ' is not a number',
      )
    }
    if (this.values == 0) fail('data: column ' + quoted(this.name) + ' has no numbers')
  }
}

@final
export class Table {
  columns: Array<Column> = []
  rows: i32 = 0

  /** The column of that name, or ends the program. */
  column(name: string): Column {
    for (let i = 0; i < this.columns.length; i++) if (this.columns[i].name == name) return this.columns[i]
    let names = ''
    for (let i = 0; i < min(this.columns.length, 20); i++) {
      names += (i > 0 ? ', ' : '') + quoted(this.columns[i].name)
    }
    fail(
      'data has no column ' + quoted(name) + '; there are ' + names + (this.columns.length > 20 ? ' …' : ''),
    )
    throw new Error('ended')
  }

  /** All columns of numbers; ends the program if there are none. */
  numericColumns(): Array<Column> {
    const found: Array<Column> = []
    for (let i = 0; i < this.columns.length; i++) if (this.columns[i].isNumeric) found.push(this.columns[i])
    if (found.length == 0) fail('data has no column of numbers')
    return found
  }

  /** A column that may be new: earlier rows have nothing in it. `hint` is where it probably is. */
  columnFor(name: string, hint: i32): Column {
    if (hint < this.columns.length && this.columns[hint].name == name) return this.columns[hint]
    for (let i = 0; i < this.columns.length; i++) if (this.columns[i].name == name) return this.columns[i]
    const column = new Column(name)
    for (let row = 0; row < this.rows; row++) column.addMissing()
    this.columns.push(column)
    return column
  }

  /** Ends a row: what it had no cell for is missing. */
  endRow(): void {
    this.rows++
    for (let i = 0; i < this.columns.length; i++)
      if (this.columns[i].length < this.rows) this.columns[i].addMissing()
  }
}

/**
 * A table out of an array of objects, of arrays (columns `0`, `1` …) or of plain values (column `value`), or out of a CSV text
 * whose first record names the columns.
 */
export function readTable(data: Json): Table {
  const table = new Table()
  if (data.kind == STRING) readCsv(table, data.text())
  else if (data.kind == ARRAY) readRows(table, data)
  else fail('data has to be an array or a CSV text, and is ' + data.kindName())
  if (table.rows == 0) fail('data has no rows')
  return table
}

/** A name in quotes, for messages. */
export function quoted(name: string): string {
  return '"' + name + '"'
}

function readCsv(table: Table, text: string): void {
  const reader = new CsvReader(text)
  const names = reader.next()
  if (names === null) {
    fail('data is an empty text')
    return
  }
  for (let i = 0; i < names.length; i++) {
    table.columnFor(names[i], i)
    if (table.columns.length != i + 1) fail('data: the CSV has two columns ' + quoted(names[i]))
  }
  while (true) {
    const line = reader.line
    const fields = reader.next()
    if (fields === null) return
    if (fields.length != names.length) {
      fail(
        'data: the record at line ' +
          line.toString() +
          ' of the CSV has ' +
          count(fields.length, 'field') +
          ', and the first ' +
          names.length.toString(),
      )
    }
    for (let i = 0; i < fields.length; i++) table.columns[i].addText(fields[i])
    table.endRow()
  }
}

function readRows(table: Table, data: Json): void {
  const first = data.first
  if (first === null) return
  const form = formOf(first)
  for (let row = data.first; row !== null; row = row!.next) {
    if (formOf(row) != form) {
      fail(
        'data: row ' +
          (table.rows + 1).toString() +
          ' is ' +
          row.kindName() +
          ', and row 1 is ' +
          first.kindName(),
      )
    }
    if (form == ARRAY) {
      let index = 0
      for (let cell = row.first; cell !== null; cell = cell!.next) {
        const column =
          index < table.columns.length ? table.columns[index] : table.columnFor(index.toString(), index)
        addCell(column, cell, table.rows)
        index++
      }
    } else if (form == OBJECT) {
      let index = 0
      for (let cell = row.first; cell !== null; cell = cell!.next)
        addCell(table.columnFor(cell.key, index++), cell, table.rows)
    } else {
      addCell(table.columnFor('value', 0), row, table.rows)
    }
    table.endRow()
  }
}

/** Arrays and objects are rows of many cells, the rest of one. */
function formOf(row: Json): i32 {
  return row.kind >= ARRAY ? row.kind : 0
}

function addCell(column: Column, cell: Json, row: i32): void {
  if (column.length > row) fail('data: row ' + (row + 1).toString() + ' has two cells ' + quoted(column.name))
  switch (cell.kind) {
    case NULL:
      return column.addMissing()
    case NUMBER: {
      const value = cell.number()
      if (isFinite(value)) return column.addNumber(value)
      fail(at(column, row) + 'the number is too large')
      return
    }
    case STRING:
      return column.addText(cell.text())
    case ARRAY:
    case OBJECT:
      fail(at(column, row) + cell.kindName() + ' is no value of a cell')
      return
    default:
      column.addText(cell.kind == TRUE ? 'true' : 'false')
  }
}

function at(column: Column, row: i32): string {
  return 'data: row ' + (row + 1).toString() + ', column ' + quoted(column.name) + ': '
}

function count(number: i32, noun: string): string {
  return number.toString() + ' ' + noun + (number == 1 ? '' : 's')
}

function isMissing(text: string): bool {
  return text.length <= 4 && (text == '' || text == 'NA' || text == 'N/A' || text == 'NaN' || text == 'null')
}
