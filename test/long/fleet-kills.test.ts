import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SqliteStore } from '../../relay/storage/sqlite-store.ts'
import { Random } from '../../shared/kernel/random.ts'
import type { Store } from '../../shared/storage/store.ts'
import { FedMap } from '../support/fed-map.ts'
import { countIn, killSome, someResults } from '../support/fleet-kills.ts'
import { ProcessFleet } from '../support/fleet-processes.ts'
import { FleetWitness, openServerStore } from '../support/fleet-witness.ts'
import { PostgresProcess } from '../support/servers/postgres-process.ts'
import { RedisProcess } from '../support/servers/redis-process.ts'
import { record } from './record.ts'

/*
 * Relays are killed at moments that a seed chooses while a job runs: 50 times for each store, in five parts, each with
 * relays, agents and a job of its own. `TABMESH_PARTS=redis-2,sqlite-5` runs those alone.
 */

const killsPerPart = 10
const parts = [1, 2, 3, 4, 5]
const asked = process.env.TABMESH_PARTS?.split(',')
const pace = { underWay: 60, itemsMin: 200, everyMs: 120 }

interface Server {
  readonly url: string
  stop(): Promise<void>
}

const kinds = {
  redis: { relays: 2, server: (): Promise<Server> => RedisProcess.start() },
  postgres: { relays: 2, server: (): Promise<Server> => PostgresProcess.start() },
  sqlite: { relays: 1, server: async (): Promise<Server> => ({ url: '', stop: async () => undefined }) },
}

async function openFor(kind: keyof typeof kinds, url: string, fleet: ProcessFleet): Promise<Store> {
  if (kind !== 'sqlite') return await openServerStore(kind, url)
  return await SqliteStore.open(join(fleet.data, fleet.relays[0]!.name, 'relay', 'state.sqlite'))
}

async function killMany(kind: keyof typeof kinds, part: number): Promise<void> {
  const server = await kinds[kind].server()
  try {
    await killWith(kind, part, server.url)
  } finally {
    await server.stop()
  }
}

async function killWith(kind: keyof typeof kinds, part: number, url: string): Promise<void> {
  const startedAt = performance.now()
  const { relays } = kinds[kind]
  const at = kind === 'sqlite' ? [] : ['--storage-url', url]
  const store = ['--storage-kind', kind, ...at]
  const fleet = await ProcessFleet.start({ relays, agents: 3, leaseSeconds: 2, store })
  try {
    // A store of one process can be looked into when that has ended.
    const early = kind === 'sqlite' ? undefined : await openFor(kind, url, fleet)
    const witness = early && new FleetWitness(early)
    const job = await FedMap.start(fleet, pace)
    const random = new Random(1_000 * part + relays, 14)
    let kills = 0
    while (kills < killsPerPart) kills += await killSome(fleet, job, random)
    await someResults(job)
    expect(job.hasEnded, job.log.slice(-2_000)).toBe(false)
    const { items, taskIds, faults } = await job.faults()
    expect(faults).toEqual([])
    expect(await fleet.stopRelays()).toEqual(fleet.relays.map(() => 0))
    const late = early ?? (await openFor(kind, url, fleet))
    expect(await (witness ?? new FleetWitness(late)).faults(taskIds)).toEqual([])
    await late.close()
    const takeovers = countIn(fleet, 'are here now: ')
    const seconds = Math.round((performance.now() - startedAt) / 1_000)
    const leasesLost = fleet.relays.reduce((sum, relay) => sum + relay.leasesLost, 0)
    record('fleet-kills', { store: kind, relays, part, kills, items, takeovers, leasesLost, seconds })
  } finally {
    await fleet.close()
  }
}

for (const kind of Object.keys(kinds) as (keyof typeof kinds)[])
  for (const part of parts)
    if (asked === undefined || asked.includes(`${kind}-${part}`))
      test(`TSK-14 relays on ${kind} are killed under a job, part ${part}: nothing is lost or done twice`, async () => {
        await killMany(kind, part)
      }, 1_200_000)
