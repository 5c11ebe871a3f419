// Pearson's correlation of each pair of columns, over the rows in which every column has a number.
import * as out from '../lib/json-write'
import { Options } from '../lib/options'
import { completeRows, mean, squares, sum, valuesAt } from '../lib/statistics'
import { fail } from '../lib/stdio'

const options = Options.read('data', ['columns'])
const table = options.table()
const columns = options.numericColumns(table)
const rows = completeRows(columns, table.rows)
if (rows.length < 2)
  fail('data has ' + rows.length.toString() + ' rows with a number in every column; it takes 2')
const centred: Array<StaticArray<f64>> = []
const norms: Array<f64> = []
for (let i = 0; i < columns.length; i++) {
  const values = valuesAt(columns[i], rows)
  const centre = mean(values)
  // Divided by its largest, then by its length, a column is of length 1, and no square or product overflows.
  let largest = 0.0
  for (let row = 0; row < values.length; row++) largest = Math.max(largest, Math.abs(values[row] - centre))
  for (let row = 0; row < values.length; row++) values[row] = (values[row] - centre) / largest
  const norm = largest > 0 ? Math.sqrt(squares(values, 0)) : 0
  for (let row = 0; row < values.length; row++) values[row] /= norm
  centred.push(values)
  norms.push(norm)
}
out.openObject()
out.writeKey('rows')
out.writeInteger(rows.length)
out.writeKey('columns')
out.openArray()
for (let i = 0; i < columns.length; i++) out.writeString(columns[i].name)
out.closeArray()
out.writeKey('matrix')
out.openArray()
for (let i = 0; i < columns.length; i++) {
  out.openArray()
  // One triangle decides both, so that the matrix is symmetric to the last bit.
  for (let j = 0; j < columns.length; j++) out.writeNumber(correlation(min(i, j), max(i, j)))
  out.closeArray()
}
out.closeArray()
out.closeObject()
out.finish()

/** NaN, written as null, for a column that does not vary. */
function correlation(i: i32, j: i32): f64 {
  if (norms[i] == 0 || norms[j] == 0) return NaN
  if (i == j) return 1
  const products = new StaticArray<f64>(rows.length)
  for (let row = 0; row < rows.length; row++) products[row] = centred[i][row] * centred[j][row]
  return Math.max(-1, Math.min(1, sum(products)))
}
