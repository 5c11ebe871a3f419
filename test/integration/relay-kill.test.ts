import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import Papa from 'papaparse'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Random } from '../../shared/kernel/random.ts'
import { until } from '../support/node-rig.ts'
import { ProcessNetwork } from '../support/tabmesh-processes.ts'

const csv = new URL('../../node_modules/vega-datasets/data/seattle-weather.csv', import.meta.url)
const rowsTaken = 1_200
const kills = 5

/** Enough work per row that the job lasts through all kills. */
const program = `
export default (row) => {
  let spin = 0
  for (let i = 0; i < 20000; i++) spin = (spin * 31 + i) % 1000003
  return { date: row.date, range: Math.round((Number(row.temp_max) - Number(row.temp_min)) * 10) / 10, spin }
}
`

let network: ProcessNetwork
let rows: Record<string, string>[]

beforeAll(async () => {
  network = await ProcessNetwork.start(3)
  const text = (await readFile(csv, 'utf8'))
    .split('\n')
    .slice(0, rowsTaken + 1)
    .join('\n')
  rows = Papa.parse<Record<string, string>>(text, { header: true, skipEmptyLines: true }).data
  await writeFile(join(network.data, 'weather.csv'), text)
  await writeFile(join(network.data, 'program.js'), program)
})
afterAll(async () => {
  await network.close()
})

function expected(row: Record<string, string>): unknown {
  let spin = 0
  for (let i = 0; i < 20_000; i++) spin = (spin * 31 + i) % 1_000_003
  return {
    date: row['date'],
    range: Math.round((Number(row['temp_max']) - Number(row['temp_min'])) * 10) / 10,
    spin,
  }
}

test('TSK-14 the relay is killed five times under a job: the submit survives it, nothing is lost or done twice', async () => {
  const job = network.submit(
    ...['--type', 'javascript', '--program', 'program.js', '--input', 'weather.csv', '--map', 'csv'],
    ...['--receipt', 'receipt.json', '--json', '--wait', '120'],
  )
  const random = new Random(20_261_120)
  for (let kill = 0; kill < kills; kill++) {
    // At any moment, but on a fast machine while there is work left for the kills to come.
    const dueAt = performance.now() + 300 + random.below(1_500)
    const linesMax = ((kill + 1) * rowsTaken) / (kills + 2)
    await until('the kill', () => performance.now() >= dueAt || job.stdout().split('\n').length > linesMax)
    expect(job.child.exitCode, 'the job ended before the last kill: give it more rows').toBeNull()
    await network.killRelay()
    await network.startRelay()
  }
  const { code, stdout, stderr } = await job.ended
  expect(code, stderr).toBe(0)
  const lines = stdout.trimEnd().split('\n')
  const results = lines.map((line) => JSON.parse(line))
  expect(results.map((result) => result.index)).toEqual(rows.map((_, index) => index))
  expect(results.map((result) => result.output)).toEqual(rows.map(expected))
  expect(new Set(results.map((result) => result.taskId)).size).toBe(rows.length)
  const summary = JSON.parse(stderr.trimEnd().split('\n').at(-1)!)
  expect(summary).toMatchObject({ items: rows.length, completed: rows.length, failed: 0 })
  await writeFile(join(network.data, 'results.ndjson'), stdout)
  const verdict = await network.verify('receipt.json', '--output', 'results.ndjson')
  expect(verdict).toMatchObject({
    code: 0,
    stdout: `valid: ${rows.length} tasks, 3 workers, 1 operator, trust: none given\n`,
  })
}, 240_000)
