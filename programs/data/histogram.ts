// How many numbers of a column fall between which edges. Each bin has its lower edge, the last one its upper edge too.
import { ARRAY, NUMBER } from '../lib/json-value'
import * as out from '../lib/json-write'
import { Options } from '../lib/options'
import { fail } from '../lib/stdio'
import { present } from '../lib/statistics'
import { Column } from '../lib/table'

const binsMax = 100_000
const options = Options.read('data', ['column', 'bins', 'edges'])
const column = chosen()
column.requireNumbers()
const values = present(column).sort()
const edges = options.option('edges') === null ? evenEdges() : givenEdges()
const counts = new StaticArray<i32>(edges.length - 1)
let below = 0
let above = 0
let bin = 0
for (let i = 0; i < values.length; i++) {
  const value = values[i]
  if (value < edges[0]) {
    below++
  } else if (value > edges[edges.length - 1]) {
    above++
  } else {
    while (bin < counts.length - 1 && value >= edges[bin + 1]) bin++
    counts[bin]++
  }
}
out.openObject()
out.writeKey('column')
out.writeString(column.name)
out.writeKey('edges')
out.openArray()
for (let i = 0; i < edges.length; i++) out.writeNumber(edges[i])
out.closeArray()
out.writeKey('counts')
out.openArray()
for (let i = 0; i < counts.length; i++) out.writeInteger(counts[i])
out.closeArray()
put('below', below)
put('above', above)
put('missing', column.length - values.length)
out.closeObject()
out.finish()

function put(name: string, value: i32): void {
  out.writeKey(name)
  out.writeInteger(value)
}

/** The one that is named, or the only one of numbers. */
function chosen(): Column {
  const table = options.table()
  const named = options.columns(table, 'column')
  const found = named === null ? (table.columns.length == 1 ? table.columns : table.numericColumns()) : named
  if (found.length > 1) {
    fail(
      named === null
        ? '"column" has to name a column: data has more than one of numbers'
        : '"column" has to name one column',
    )
  }
  return found[0]
}

/** From the least to the greatest number; half a unit around both when they are the same. */
function evenEdges(): StaticArray<f64> {
  const bins = <i32>options.integer('bins', 10, 1, binsMax)
  let low = values[0]
  let high = values[values.length - 1]
  if (low == high) {
    low -= 0.5
    high += 0.5
  }
  const step = high / <f64>bins - low / <f64>bins
  const made = new StaticArray<f64>(bins + 1)
  for (let i = 0; i < bins; i++) made[i] = low + <f64>i * step
  made[bins] = high
  for (let i = 0; i < bins; i++)
    if (!(made[i] < made[i + 1])) fail('"bins" is too large: the numbers are too close to one another')
  return made
}

function givenEdges(): StaticArray<f64> {
  const given = options.option('edges')!
  if (options.option('bins') !== null) fail('"bins" and "edges" cannot both be given')
  if (given.kind != ARRAY || given.size < 2 || given.size > binsMax + 1) {
    fail('"edges" has to be an array of 2 to ' + (binsMax + 1).toString() + ' numbers')
  }
  const made = new StaticArray<f64>(given.size)
  let count = 0
  for (let child = given.first; child !== null; child = child!.next) {
    const edge = child.kind == NUMBER ? child.number() : NaN
    if (!isFinite(edge))
      fail('"edges" has ' + child.kindName() + ' that is no edge at place ' + (count + 1).toString())
    if (count > 0 && edge <= made[count - 1])
      fail('"edges" has to rise: place ' + (count + 1).toString() + ' does not')
    made[count++] = edge
  }
  return made
}
