// K-means: centres chosen as in k-means++ (Arthur and Vassilvitskii, 2007), moved by Lloyd's rule until no row changes its
// cluster. Rows in which a number is missing belong to none.
import * as out from '../lib/json-write'
import { Options } from '../lib/options'
import { Random } from '../lib/random'
import { completeRows, mean, squares, valuesAt } from '../lib/statistics'
import { fail } from '../lib/stdio'

const clustersMax = 10_000
const options = Options.read('data', ['columns', 'k', 'seed', 'iterations', 'scale'])
const table = options.table()
const columns = options.numericColumns(table)
const k = <i32>options.integer('k', 0, 1, clustersMax)
if (k == 0) fail('"k" has to say how many clusters')
const random = new Random(<u64>options.integer('seed', 0, 0, 9007199254740991))
const iterationsMax = <i32>options.integer('iterations', 100, 1, 100_000)
const isScaled = options.boolean('scale')
const rows = completeRows(columns, table.rows)
const count = rows.length
const width = columns.length
if (count < k)
  fail('"k" is ' + k.toString() + ', and data has ' + count.toString() + ' rows with every number')
const means = new StaticArray<f64>(width)
const scales = new StaticArray<f64>(width)
const points = standardised()
const centres = firstCentres()
const clusters = new StaticArray<i32>(count).fill(-1)
const sizes = new StaticArray<i32>(k)
let iterations = 0
let isSettled = false
while (iterations < iterationsMax && !isSettled) {
  isSettled = !assign()
  if (!isSettled) move()
  iterations++
}
// The last word is the assignment's, so that clusters and centres belong together also when the rounds ran out.
if (!isSettled) assign()
write()

/** All rows one after another; from their means, and in standard deviations if so asked. */
function standardised(): StaticArray<f64> {
  const made = new StaticArray<f64>(count * width)
  for (let i = 0; i < width; i++) {
    const values = valuesAt(columns[i], rows)
    means[i] = isScaled ? mean(values) : 0
    const sd = isScaled && count > 1 ? Math.sqrt(squares(values, means[i]) / <f64>(count - 1)) : 0
    scales[i] = sd > 0 ? sd : 1
    for (let row = 0; row < count; row++) made[row * width + i] = (values[row] - means[i]) / scales[i]
  }
  return made
}

/** Squared distance of a row and a centre. */
function distance(row: i32, all: StaticArray<f64>, centre: i32): f64 {
  let total = 0.0
  for (let i = 0; i < width; i++) {
    const difference = unchecked(points[row * width + i]) - unchecked(all[centre * width + i])
    total += difference * difference
  }
  return total
}

/** Each next centre is a row, the likelier the farther it is from those before. */
function firstCentres(): StaticArray<f64> {
  const made = new StaticArray<f64>(k * width)
  const nearest = new StaticArray<f64>(count).fill(Infinity)
  let chosen = min(<i32>(random.next() * <f64>count), count - 1)
  for (let centre = 0; centre < k; centre++) {
    for (let i = 0; i < width; i++) made[centre * width + i] = points[chosen * width + i]
    if (centre == k - 1) break
    let total = 0.0
    for (let row = 0; row < count; row++) {
      nearest[row] = Math.min(nearest[row], distance(row, made, centre))
      total += nearest[row]
    }
    let left = random.next() * total
    // The last row with any weight is taken when rounding leaves a rest.
    for (let row = 0; row < count; row++) {
      if (nearest[row] == 0) continue
      chosen = row
      left -= nearest[row]
      if (left < 0) break
    }
  }
  return made
}

/** Gives each row to the nearest centre, the first of equally near ones; says whether any row changed. */
function assign(): bool {
  let changed = false
  sizes.fill(0)
  for (let row = 0; row < count; row++) {
    let best = 0
    let least = Infinity
    for (let centre = 0; centre < k; centre++) {
      const far = distance(row, centres, centre)
      if (far < least) {
        least = far
        best = centre
      }
    }
    if (clusters[row] != best) changed = true
    clusters[row] = best
    sizes[best]++
  }
  return changed
}

/** Puts each centre into the middle of its rows; one that has none stays where it is. */
function move(): void {
  for (let centre = 0; centre < k; centre++) {
    if (sizes[centre] > 0) for (let i = 0; i < width; i++) centres[centre * width + i] = 0
  }
  for (let row = 0; row < count; row++) {
    const centre = clusters[row]
    for (let i = 0; i < width; i++) centres[centre * width + i] += points[row * width + i]
  }
  for (let centre = 0; centre < k; centre++) {
    if (sizes[centre] > 0) for (let i = 0; i < width; i++) centres[centre * width + i] /= <f64>sizes[centre]
  }
}

function write(): void {
  let inertia = 0.0
  for (let row = 0; row < count; row++) inertia += distance(row, centres, clusters[row])
  out.openObject()
  out.writeKey('columns')
  out.openArray()
  for (let i = 0; i < width; i++) out.writeString(columns[i].name)
  out.closeArray()
  out.writeKey('centres')
  out.openArray()
  for (let centre = 0; centre < k; centre++) {
    out.openArray()
    for (let i = 0; i < width; i++) out.writeNumber(centres[centre * width + i] * scales[i] + means[i])
    out.closeArray()
  }
  out.closeArray()
  out.writeKey('sizes')
  out.openArray()
  for (let centre = 0; centre < k; centre++) out.writeInteger(sizes[centre])
  out.closeArray()
  out.writeKey('inertia')
  out.writeNumber(inertia)
  out.writeKey('iterations')
  out.writeInteger(iterations)
  out.writeKey('settled')
  out.writeBoolean(isSettled)
  out.writeKey('clusters')
  out.openArray()
  let next = 0
  for (let row = 0; row < table.rows; row++) {
    if (next < count && rows[next] == row) out.writeInteger(clusters[next++])
    else out.writeNull()
  }
  out.closeArray()
  out.closeObject()
  out.finish()
}
