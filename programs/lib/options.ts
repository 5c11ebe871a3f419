import { parseJson } from './json-read'
import { ARRAY, FALSE, Json, NULL, NUMBER, OBJECT, STRING, TRUE } from './json-value'
import { fail, readInput } from './stdio'
import { quoted, readTable, Column, Table } from './table'

/** What a program was given: its subject alone, or an object of the subject and of options. */
@final
export class Options {
  private constructor(
    /** The text or the data. */
    readonly subject: Json,
    private all: Json | null,
  ) {}

  /**
   * Reads stdin. An object with the member `subject` holds options too, and no others than those in `known`; anything
   * else is the subject by itself.
   */
  static read(subject: string, known: StaticArray<string>): Options {
    const input = parseJson(readInput())
    if (input.kind != OBJECT) return new Options(input, null)
    const found = input.member(subject)
    if (found === null) fail('the input is an object without ' + quoted(subject))
    for (let child = input.first; child !== null; child = child!.next) {
      if (child.key == subject || known.includes(child.key)) continue
      let names = subject
      for (let i = 0; i < known.length; i++) names += ', ' + known[i]
      fail('there is no option ' + quoted(child.key) + '; there are ' + names)
    }
    return new Options(found!, input)
  }

  /** A whole number. */
  integer(name: string, otherwise: i64, least: i64, most: i64): i64 {
    const value = this.option(name)
    if (value === null) return otherwise
    const number = value.kind == NUMBER ? value.number() : NaN
    if (!(number >= <f64>least && number <= <f64>most) || Math.floor(number) != number) {
      fail(quoted(name) + ' has to be a whole number from ' + least.toString() + ' to ' + most.toString())
    }
    return <i64>number
  }

  boolean(name: string): bool {
    const value = this.option(name)
    if (value === null) return false
    if (value.kind != TRUE && value.kind != FALSE) fail(quoted(name) + ' has to be true or false')
    return value.kind == TRUE
  }

  /** A string, or null when there is none. */
  string(name: string): string | null {
    const value = this.option(name)
    if (value === null) return null
    if (value.kind != STRING) fail(quoted(name) + ' has to be a string, and is ' + value.kindName())
    return value.text()
  }

  /** The columns that an option names, one or an array of them; null when there is none. */
  columns(table: Table, name: string): Array<Column> | null {
    const value = this.option(name)
    if (value === null) return null
    const found: Array<Column> = []
    if (value.kind != ARRAY) {
      found.push(namedColumn(table, value, name))
      return found
    }
    for (let child = value.first; child !== null; child = child!.next) {
      const column = namedColumn(table, child, name)
      if (found.includes(column)) fail(quoted(name) + ' names column ' + quoted(column.name) + ' twice')
      found.push(column)
    }
    if (found.length == 0) fail(quoted(name) + ' names no column')
    return found
  }

  /** Columns of numbers: those that `columns` names, or all there are. */
  numericColumns(table: Table): Array<Column> {
    const named = this.columns(table, 'columns')
    if (named === null) return table.numericColumns()
    for (let i = 0; i < named.length; i++) named[i].requireNumbers()
    return named
  }

  /** The option's value; null says that it was not given. */
  option(name: string): Json | null {
    const all = this.all
    if (all === null) return null
    const found = all.member(name)
    if (found === null || found.kind == NULL) return null
    return found
  }

  table(): Table {
    return readTable(this.subject)
  }
}

function namedColumn(table: Table, name: Json, option: string): Column {
  if (name.kind == STRING) return table.column(name.text())
  // Columns of arrays have numbers for names.
  if (name.kind == NUMBER) return table.column((<i64>name.number()).toString())
  fail(quoted(option) + ' has to name columns, and has ' + name.kindName())
  throw new Error('ended')
}
