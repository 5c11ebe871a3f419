import { Column, VALUE } from './table'

/** The sum with Neumaier's correction: what small numbers lose beside large ones is kept. */
export function sum(values: StaticArray<f64>): f64 {
  let total = 0.0
  let lost = 0.0
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    const next = total + value
    lost += Math.abs(total) >= Math.abs(value) ? total - next + value : value - next + total
    total = next
  }
  // An overflow leaves no meaning in what was lost.
  return isFinite(total) ? total + lost : total
}

export function mean(values: StaticArray<f64>): f64 {
  return sum(values) / <f64>values.length
}

/** Sum of squared distances from the centre. */
export function squares(values: StaticArray<f64>, centre: f64): f64 {
  const parts = new StaticArray<f64>(values.length)
  for (let i = 0; i < values.length; i++) parts[i] = (values[i] - centre) * (values[i] - centre)
  return sum(parts)
}

/** Quantile of type 7 (as in R and NumPy) of sorted values. */
export function quantile(sorted: StaticArray<f64>, share: f64): f64 {
  const place = <f64>(sorted.length - 1) * share
  const below = <i32>place
  const low = sorted[below]
  if (below + 1 == sorted.length) return low
  return low + (place - <f64>below) * (sorted[below + 1] - low)
}

/** The numbers of a column without what is missing. */
export function present(column: Column): StaticArray<f64> {
  const values = new StaticArray<f64>(column.values)
  let count = 0
  for (let row = 0; row < column.length; row++)
    if (column.kinds[row] == VALUE) values[count++] = column.numbers[row]
  return values
}

/** Rows in which every column has a number. */
export function completeRows(columns: Array<Column>, rows: i32): StaticArray<i32> {
  const found = new StaticArray<i32>(rows)
  let count = 0
  for (let row = 0; row < rows; row++) {
    let isComplete = true
    for (let i = 0; i < columns.length && isComplete; i++) isComplete = columns[i].kinds[row] == VALUE
    if (isComplete) found[count++] = row
  }
  return found.slice<StaticArray<i32>>(0, count)
}

/** A column's numbers in those rows. */
export function valuesAt(column: Column, rows: StaticArray<i32>): StaticArray<f64> {
  const values = new StaticArray<f64>(rows.length)
  for (let i = 0; i < rows.length; i++) values[i] = column.numbers[rows[i]]
  return values
}
