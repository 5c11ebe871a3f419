import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { MemoryWatch } from '../support/process-memory.ts'
import {
  firstWrongLine,
  flightProgram,
  ResumableMap,
  readFlights,
  rowsDone,
  writeFlights,
} from '../support/resumable-map.ts'
import { ProcessNetwork } from '../support/tabmesh-processes.ts'
import { record } from './record.ts'

/**
 * Part 1 begins anew and each part leaves the job for the next one, which restarts relay, agents and client; one that was
 * broken off goes on where it was: npm run test:long -- map-100000 -t "part 3"
 */
vi.setConfig({ testTimeout: 20 * 60_000 })

const rows = Number(process.env.TABMESH_ROWS ?? 100_000)
const parts = 4
/** What client and relay may grow by from a tenth of the job to its end. */
const marginMiB = { client: 128, relay: 512 }
const folder = join(tmpdir(), 'tabmesh-map-100000')
const figuresFile = join(folder, 'figures.json')

/** Peaks in MiB of one part's client and relay, and of part 1 when a tenth of all rows was done. */
interface Figures {
  readonly rows: number
  readonly seconds: number
  readonly clientMiB: number
  readonly relayMiB: number
  readonly tenth?: { readonly clientMiB: number; readonly relayMiB: number }
}

for (let part = 1; part <= parts; part++) {
  const what =
    part < parts
      ? 'until it is cancelled'
      : 'to the end: each row once and in order, in memory that does not grow'
  test(`TSK-13 ${rows} rows of a real CSV through map, part ${part} of ${parts}, ${what}`, async () => {
    const before = part === 1 ? await beginAnew() : await readFigures()
    expect(before, `part ${part - 1} has to be run first`).toHaveLength(part - 1)
    const figures = [...before, await runPart(part)]
    console.log(`map-100000, part ${part}: ${JSON.stringify(figures.at(-1))}`)
    await writeFile(figuresFile, JSON.stringify(figures))
    if (part === parts) await check(figures)
  })
}

async function beginAnew(): Promise<readonly Figures[]> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder)
  await writeFlights(await readFlights(rows), join(folder, 'flights.csv'))
  await writeFile(join(folder, 'program.js'), flightProgram)
  return []
}

const readFigures = async (): Promise<readonly Figures[]> =>
  JSON.parse(await readFile(figuresFile, 'utf8').catch(() => '[]')) as Figures[]

async function runPart(part: number): Promise<Figures> {
  const network = await ProcessNetwork.start(3, { folder })
  try {
    const relay = new MemoryWatch(network.relayPid)
    const startedAt = performance.now()
    const map = new ResumableMap(network)
    let tenth: Figures['tenth']
    if (part === 1) {
      await map.reach(rows / 10)
      tenth = { clientMiB: await map.memory.look(), relayMiB: await relay.look() }
    }
    if (part < parts) {
      await map.reach((rows * part) / parts)
      map.running.child.kill('SIGINT')
    }
    const { code, stderr } = await map.running.ended
    expect(code, stderr).toBe(part < parts ? 1 : 0)
    if (part < parts) expect(stderr).toMatch(/stopped after \d+ items/)
    const seconds = Math.round((performance.now() - startedAt) / 1_000)
    const peaks = { clientMiB: map.memory.close(), relayMiB: relay.close() }
    return { rows: await rowsDone(folder), seconds, ...peaks, ...(tenth === undefined ? {} : { tenth }) }
  } finally {
    await network.close()
  }
}

async function check(figures: readonly Figures[]): Promise<void> {
  const wrong = await firstWrongLine(await readFlights(rows), join(folder, 'results.ndjson'))
  const { tenth } = figures[0]!
  const cancelledAfter = figures.slice(0, -1).map((each) => each.rows)
  const clientMiB = figures.map((each) => each.clientMiB)
  const relayMiB = figures.map((each) => each.relayMiB)
  record('map-100000', {
    ...{ rows, cancelledAfter, seconds: figures.map((each) => each.seconds), wrong: wrong ?? null },
    ...{ clientTenthMiB: tenth!.clientMiB, clientMiB, relayTenthMiB: tenth!.relayMiB, relayMiB },
  })
  expect(wrong).toBeUndefined()
  expect(Math.max(...clientMiB)).toBeLessThanOrEqual(tenth!.clientMiB + marginMiB.client)
  expect(Math.max(...relayMiB)).toBeLessThanOrEqual(tenth!.relayMiB + marginMiB.relay)
  await rm(folder, { recursive: true, force: true })
}
