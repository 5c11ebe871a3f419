import { afterAll, beforeAll, expect, test } from 'vitest'
import { Random } from '../../shared/kernel/random.ts'
import { FedMap } from '../support/fed-map.ts'
import { killOnce, nextKill } from '../support/fleet-kills.ts'
import { ProcessFleet } from '../support/fleet-processes.ts'
import { FleetWitness, openServerStore } from '../support/fleet-witness.ts'
import { PostgresProcess, postgresProgram } from '../support/servers/postgres-process.ts'
import { RedisProcess, redisProgram } from '../support/servers/redis-process.ts'
import { describeWith } from '../support/servers/with-server.ts'

function onServer(kind: 'redis' | 'postgres', kills: 2 | 3, server: () => { readonly url: string }): void {
  test(`TSK-14 of two relays on one ${kind} either is killed under a job: nothing is lost or done twice`, async () => {
    const { url } = server()
    const fleet = await ProcessFleet.start({
      ...{ relays: 2, agents: 3, leaseSeconds: 2 },
      store: ['--storage-kind', kind, '--storage-url', url],
    })
    const store = await openServerStore(kind, url)
    try {
      const witness = new FleetWitness(store)
      const job = await FedMap.start(fleet)
      const random = new Random(20_261_128)
      // The one that has the job, then the one that took it over, then either.
      const [first, second] = fleet.relays
      await killOnce(fleet, job, { relay: first!, isTakenOver: true }, random)
      await killOnce(fleet, job, { relay: second!, isTakenOver: true }, random)
      if (kills > 2) await killOnce(fleet, job, nextKill(fleet, random), random)
      expect(job.hasEnded).toBe(false)
      const { taskIds, faults } = await job.faults()
      expect(faults).toEqual([])
      expect(await fleet.stopRelays()).toEqual([0, 0])
      expect(await witness.faults(taskIds)).toEqual([])
      for (const { peerId } of [first!, second!])
        expect(fleet.relays.map(({ wholeLog }) => wholeLog).join('')).toMatch(
          new RegExp(`Tasks of the relay ${peerId} are here now: (?!0 open, 0 ended)`),
        )
    } finally {
      await store.close()
      await fleet.close()
    }
  }, 400_000)
}

describeWith('redis', 'redis-server', redisProgram, () => {
  let server: RedisProcess
  beforeAll(async () => {
    server = await RedisProcess.start()
  })
  afterAll(() => server.stop())
  onServer('redis', 3, () => server)
})

describeWith('postgres', 'initdb', postgresProgram, () => {
  let server: PostgresProcess
  beforeAll(async () => {
    server = await PostgresProcess.start()
  })
  afterAll(() => server.stop())
  onServer('postgres', 2, () => server)
})
