// Least squares with an intercept, by Householder's QR decomposition of the centred columns (Golub and Van Loan, "Matrix
// Computations", 5.3). Rows in which a number is missing are left out.
import * as out from '../lib/json-write'
import { Options } from '../lib/options'
import { completeRows, mean, squares, valuesAt } from '../lib/statistics'
import { fail } from '../lib/stdio'
import { Column, quoted } from '../lib/table'

/** A column whose part that others do not explain is smaller than this share of it is taken to be explained. */
const leastShare = 1e-10
const options = Options.read('data', ['target', 'features'])
const table = options.table()
const target = chosenTarget()
const features = chosenFeatures()
const all: Array<Column> = features.concat([target])
const rows = completeRows(all, table.rows)
const count = rows.length
const width = features.length
if (count < width + 2) {
  fail(
    'data has ' +
      count.toString() +
      ' rows with every number; ' +
      width.toString() +
      ' features take at least ' +
      (width + 2).toString(),
  )
}
const means = new StaticArray<f64>(width)
const columns: Array<StaticArray<f64>> = []
for (let i = 0; i < width; i++) {
  columns.push(valuesAt(features[i], rows))
  means[i] = centre(columns[i])
}
const residual = valuesAt(target, rows)
const targetMean = centre(residual)
const total = squares(residual, 0)
const diagonal = decompose()
const coefficients = solve()
write()

function chosenTarget(): Column {
  const named = options.columns(table, 'target')
  if (named === null || named.length != 1) {
    fail('"target" has to name the column to explain')
    throw new Error('ended')
  }
  named[0].requireNumbers()
  return named[0]
}

function chosenFeatures(): Array<Column> {
  const named = options.columns(table, 'features')
  if (named === null) {
    const others: Array<Column> = []
    for (let i = 0; i < table.columns.length; i++) {
      if (table.columns[i].isNumeric && table.columns[i] !== target) others.push(table.columns[i])
    }
    if (others.length == 0) fail('data has no column of numbers but the target')
    return others
  }
  for (let i = 0; i < named.length; i++) {
    if (named[i] === target) fail('"features" names the target ' + quoted(target.name))
    named[i].requireNumbers()
  }
  return named
}

/** Takes the mean away and returns it. */
function centre(values: StaticArray<f64>): f64 {
  const middle = mean(values)
  for (let i = 0; i < values.length; i++) values[i] -= middle
  return middle
}

/** Length of a column from a row on. */
function norm(values: StaticArray<f64>, from: i32): f64 {
  let largest = 0.0
  for (let i = from; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]))
  if (largest == 0) return 0
  let squared = 0.0
  for (let i = from; i < values.length; i++) squared += (values[i] / largest) * (values[i] / largest)
  return largest * Math.sqrt(squared)
}

/** Leaves R above the diagonal of `columns`, and the reflected target in `residual`; returns R's diagonal. */
function decompose(): StaticArray<f64> {
  const made = new StaticArray<f64>(width)
  const whole = new StaticArray<f64>(width)
  for (let i = 0; i < width; i++) whole[i] = norm(columns[i], 0)
  for (let i = 0; i < width; i++) {
    const column = columns[i]
    const length = norm(column, i)
    if (!(length > whole[i] * leastShare)) {
      fail(
        'column ' +
          quoted(features[i].name) +
          (i == 0 || whole[i] == 0 ? ' does not vary' : ' follows from the features before it'),
      )
    }
    const sign = column[i] > 0 ? -1.0 : 1.0
    made[i] = sign * length
    for (let row = i; row < count; row++) column[row] /= length
    // The reflection is along column - sign × unit vector, divided by `length`.
    column[i] -= sign
    for (let j = i + 1; j < width; j++) reflect(column, columns[j], i)
    reflect(column, residual, i)
  }
  return made
}

function reflect(along: StaticArray<f64>, values: StaticArray<f64>, from: i32): void {
  let product = 0.0
  let square = 0.0
  for (let row = from; row < count; row++) {
    product += along[row] * values[row]
    square += along[row] * along[row]
  }
  const twice = (2 * product) / square
  for (let row = from; row < count; row++) values[row] -= twice * along[row]
}

function solve(): StaticArray<f64> {
  const found = new StaticArray<f64>(width)
  for (let i = width - 1; i >= 0; i--) {
    let rest = residual[i]
    for (let j = i + 1; j < width; j++) rest -= columns[j][i] * found[j]
    found[i] = rest / diagonal[i]
  }
  return found
}

function write(): void {
  let intercept = targetMean
  for (let i = 0; i < width; i++) intercept -= coefficients[i] * means[i]
  let left = 0.0
  for (let row = width; row < count; row++) left += residual[row] * residual[row]
  out.openObject()
  out.writeKey('rows')
  out.writeInteger(count)
  out.writeKey('skipped')
  out.writeInteger(table.rows - count)
  put('intercept', intercept)
  out.writeKey('coefficients')
  out.openObject()
  for (let i = 0; i < width; i++) put(features[i].name, coefficients[i])
  out.closeObject()
  put('r2', total == 0 ? NaN : 1 - left / total)
  put('residualSd', Math.sqrt(left / <f64>(count - width - 1)))
  out.closeObject()
  out.finish()
}

function put(name: string, value: f64): void {
  out.writeKey(name)
  out.writeNumber(value)
}
