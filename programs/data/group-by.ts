// Aggregates of columns of numbers for each value of one or more key columns, in the order in which they first come.
import * as out from '../lib/json-write'
import { Options } from '../lib/options'
import { fail } from '../lib/stdio'
import { sum } from '../lib/statistics'
import { Column, TEXT, VALUE } from '../lib/table'

const options = Options.read('data', ['by', 'columns'])
const table = options.table()
const by = options.columns(table, 'by')
if (by === null) fail('"by" has to name the column to group by, or an array of them')
const keys = by!
const named = options.columns(table, 'columns')
const columns = named === null ? others() : options.numericColumns(table)
const groups = new Map<string, i32>()
const rowsOf: Array<Array<i32>> = []
for (let row = 0; row < table.rows; row++) {
  const key = keyOf(row)
  if (!groups.has(key)) {
    groups.set(key, rowsOf.length)
    rowsOf.push([])
  }
  rowsOf[groups.get(key)].push(row)
}
out.openArray()
for (let i = 0; i < rowsOf.length; i++) writeGroup(rowsOf[i])
out.closeArray()
out.finish()

/** Columns of numbers that are no keys. */
function others(): Array<Column> {
  const found: Array<Column> = []
  for (let i = 0; i < table.columns.length; i++) {
    const column = table.columns[i]
    if (column.isNumeric && !keys.includes(column)) found.push(column)
  }
  return found
}

/** Kinds and lengths keep apart what would read the same side by side. */
function keyOf(row: i32): string {
  let key = ''
  for (let i = 0; i < keys.length; i++) {
    const column = keys[i]
    const kind = column.kinds[row]
    if (kind == TEXT) key += 't' + column.texts[row].length.toString() + ':' + column.texts[row]
    // Adding zero makes one of 0 and -0.
    else if (kind == VALUE) key += 'n' + reinterpret<u64>(column.numbers[row] + 0).toString(16) + ':'
    else key += 'm'
  }
  return key
}

function writeGroup(rows: Array<i32>): void {
  out.openObject()
  out.writeKey('key')
  out.openObject()
  for (let i = 0; i < keys.length; i++) {
    const column = keys[i]
    const row = rows[0]
    out.writeKey(column.name)
    if (column.kinds[row] == TEXT) out.writeString(column.texts[row])
    else out.writeNumber(column.numbers[row])
  }
  out.closeObject()
  out.writeKey('rows')
  out.writeInteger(rows.length)
  out.writeKey('columns')
  out.openObject()
  for (let i = 0; i < columns.length; i++) writeAggregates(columns[i], rows)
  out.closeObject()
  out.closeObject()
}

function writeAggregates(column: Column, rows: Array<i32>): void {
  const found = new StaticArray<f64>(rows.length)
  let count = 0
  let least = NaN
  let most = NaN
  for (let i = 0; i < rows.length; i++) {
    if (column.kinds[rows[i]] != VALUE) continue
    const value = column.numbers[rows[i]]
    found[count++] = value
    if (!(value >= least)) least = value
    if (!(value <= most)) most = value
  }
  const total = sum(found.slice<StaticArray<f64>>(0, count))
  out.writeKey(column.name)
  out.openObject()
  out.writeKey('count')
  out.writeInteger(count)
  put('sum', total)
  put('mean', total / <f64>count)
  put('min', least)
  put('max', most)
  out.closeObject()
}

function put(name: string, value: f64): void {
  out.writeKey(name)
  out.writeNumber(value)
}
