// Numbers about each column of numbers.
import * as out from '../lib/json-write'
import { Options } from '../lib/options'
import { mean, present, quantile, squares } from '../lib/statistics'
import { Column } from '../lib/table'

const options = Options.read('data', ['columns'])
const table = options.table()
const columns = options.numericColumns(table)
out.openObject()
out.writeKey('rows')
out.writeInteger(table.rows)
out.writeKey('columns')
out.openArray()
for (let i = 0; i < columns.length; i++) describe(columns[i])
out.closeArray()
out.writeKey('skipped')
out.openArray()
for (let i = 0; i < table.columns.length; i++) {
  if (!columns.includes(table.columns[i])) out.writeString(table.columns[i].name)
}
out.closeArray()
out.closeObject()
out.finish()

function describe(column: Column): void {
  const values = present(column).sort()
  const centre = mean(values)
  const count = values.length
  out.openObject()
  out.writeKey('name')
  out.writeString(column.name)
  out.writeKey('count')
  out.writeInteger(count)
  out.writeKey('missing')
  out.writeInteger(column.length - count)
  put('mean', centre)
  put('sd', count > 1 ? Math.sqrt(squares(values, centre) / <f64>(count - 1)) : NaN)
  put('min', values[0])
  put('q25', quantile(values, 0.25))
  put('median', quantile(values, 0.5))
  put('q75', quantile(values, 0.75))
  put('max', values[count - 1])
  out.closeObject()
}

function put(name: string, value: f64): void {
  out.writeKey(name)
  out.writeNumber(value)
}
