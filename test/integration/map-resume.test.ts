import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type Flight,
  firstWrongLine,
  flightProgram,
  ResumableMap,
  readFlights,
  rowsDone,
  writeFlights,
} from '../support/resumable-map.ts'
import { ProcessNetwork } from '../support/tabmesh-processes.ts'

const rows = 2_000
/** Node.js itself, with the client's code, takes about 90. */
const clientMiBMax = 220

let network: ProcessNetwork
let flights: readonly Flight[]

beforeAll(async () => {
  network = await ProcessNetwork.start(3)
  flights = await readFlights(rows)
  await writeFlights(flights, join(network.data, 'flights.csv'))
  await writeFile(join(network.data, 'program.js'), flightProgram)
})
afterAll(async () => {
  await network.close()
})

test('TSK-13 a map of a CSV file, killed and then cancelled half-way with the relay killed too, is resumed: each row once, in order', async () => {
  const killed = new ResumableMap(network)
  await killed.reach(300)
  killed.running.child.kill('SIGKILL')
  await killed.running.ended

  const cancelled = new ResumableMap(network)
  await cancelled.reach(1_000)
  cancelled.running.child.kill('SIGINT')
  const { code, stderr } = await cancelled.running.ended
  expect([code, stderr]).toEqual([1, expect.stringMatching(/stopped after \d+ items; the same command/)])
  const doneBefore = await rowsDone(network.data)
  expect(doneBefore).toBeGreaterThanOrEqual(1_000)
  expect(doneBefore, 'nothing was left to resume').toBeLessThan(rows)
  await network.killRelay()
  await network.startRelay()

  const resumed = new ResumableMap(network)
  const ended = await resumed.running.ended
  expect([ended.code, ended.stdout], ended.stderr).toEqual([0, ''])
  expect(ended.stderr).toContain(`going on after the ${doneBefore} items that are done`)
  const summary = JSON.parse(ended.stderr.trimEnd().split('\n').at(-1)!)
  expect(summary).toMatchObject({ items: rows, completed: rows, failed: 0 })
  expect(await firstWrongLine(flights, join(network.data, 'results.ndjson'))).toBeUndefined()

  const peaks = [killed, cancelled, resumed].map(({ memory }) => memory.close())
  console.log(`peak memory of the client: ${peaks.join(', ')} MiB`)
  expect(Math.max(...peaks)).toBeLessThan(clientMiBMax)
})
