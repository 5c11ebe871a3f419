import { once } from 'node:events'
import { createReadStream, createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { MemoryWatch } from './process-memory.ts'
import { launchTabmesh, type ProcessNetwork, type Running } from './tabmesh-processes.ts'

/** A record of vega-datasets' flights-200k.json: 231,083 flights of January to March 2001, as the airlines reported them. */
export interface Flight {
  readonly delay: number
  readonly distance: number
  readonly time: number
}

/** Some sense in every field, and no library of ours. */
export const flightProgram = `
export default (row) => ({
  n: Number(row.n),
  km: Math.round(Number(row.distance) * 1.609344),
  isLate: Number(row.delay) > 15,
  time: row.time,
})
`

/** What the program has to say of a flight, worked out of the record and not of its row in the file. */
const expectedOf = (flight: Flight, n: number): unknown => ({
  n,
  km: Math.round(flight.distance * 1.609344),
  isLate: flight.delay > 15,
  time: String(flight.time),
})

export async function readFlights(count: number): Promise<readonly Flight[]> {
  const file = new URL('../../node_modules/vega-datasets/data/flights-200k.json', import.meta.url)
  const flights = JSON.parse(await readFile(file, 'utf8')) as Flight[]
  if (flights.length < count) throw new Error(`there are only ${flights.length} flights`)
  return flights.slice(0, count)
}

/** The same as CSV, each with a running number. */
export async function writeFlights(flights: readonly Flight[], path: string): Promise<void> {
  const out = createWriteStream(path)
  out.write('n,delay,distance,time\n')
  for (const [n, { delay, distance, time }] of flights.entries()) {
    if (!out.write(`${n},${delay},${distance},${time}\n`)) await once(out, 'drain')
  }
  out.end()
  await once(out, 'close')
}

/** `tabmesh map` of flights.csv with program.js, into results.ndjson, as it goes on with flights.job. */
export class ResumableMap {
  readonly #data: string
  readonly running: Running
  readonly memory: MemoryWatch

  constructor({ data, url }: ProcessNetwork) {
    this.#data = data
    const words = [
      ...['map', '--relay', url, '--type', 'javascript', '--program', 'program.js', '--map', 'csv'],
      ...['--input', 'flights.csv', '--output', 'results.ndjson', '--job', 'flights.job', '--json'],
    ]
    this.running = launchTabmesh(words, data)
    this.memory = new MemoryWatch(this.running.child.pid!)
  }

  /** Rejects when the command ends before as many rows are done. */
  async reach(rows: number): Promise<void> {
    let hasEnded = false
    void this.running.ended.then(() => {
      hasEnded = true
    })
    while ((await rowsDone(this.#data)) < rows) {
      if (hasEnded) throw new Error(`it ended before row ${rows}: ${this.running.stderr().slice(-2_000)}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

/** As the job file tells. */
export async function rowsDone(data: string): Promise<number> {
  const text = await readFile(join(data, 'flights.job'), 'utf8').catch(() => undefined)
  if (text === undefined) return 0
  return (JSON.parse(text) as { job: { cursor: { items: number } } }).job.cursor.items
}

/** The first line of the results that is not the one it has to be; `undefined` when all are, and none is missing. */
export async function firstWrongLine(flights: readonly Flight[], path: string): Promise<string | undefined> {
  let index = 0
  const taskIds = new Set<string>()
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const result = JSON.parse(line) as { taskId: string }
    const flight = flights[index]
    if (flight === undefined) return `line ${index + 1} is one too many: ${line}`
    const { taskId } = result
    const expected = { index, taskId, status: 'completed', output: expectedOf(flight, index) }
    if (JSON.stringify(result) !== JSON.stringify(expected)) return `line ${index + 1}: ${line}`
    if (taskIds.has(taskId)) return `line ${index + 1} has the task of another: ${line}`
    taskIds.add(taskId)
    index++
  }
  return index === flights.length ? undefined : `there are ${index} lines of ${flights.length}`
}
