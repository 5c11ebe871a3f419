import { setTimeout as pass } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FedMap } from '../support/fed-map.ts'
import { countIn, someResults } from '../support/fleet-kills.ts'
import { ProcessFleet, until } from '../support/fleet-processes.ts'
import { FleetWitness, openServerStore } from '../support/fleet-witness.ts'
import { RedisProcess, redisProgram } from '../support/servers/redis-process.ts'
import { describeWith } from '../support/servers/with-server.ts'

describeWith('redis', 'redis-server', redisProgram, () => {
  let server: RedisProcess
  let fleet: ProcessFleet

  beforeEach(async () => {
    server = await RedisProcess.start()
    fleet = await ProcessFleet.start({
      ...{ relays: 2, agents: 3, leaseSeconds: 2 },
      store: ['--storage-kind', 'redis', '--storage-url', server.url],
    })
  })
  afterEach(async () => {
    await fleet.close()
    await server.stop()
  })

  test('TSK-14 a relay that stood still for longer than its lease says nothing more of what another took over, and ends with 1', async () => {
    const store = await openServerStore('redis', server.url)
    const witness = new FleetWitness(store)
    const job = await FedMap.start(fleet)
    await someResults(job)
    const [still, taker] = fleet.relays
    still!.signal('SIGSTOP')
    // These reach it while it stands still: it may not answer them when it goes on.
    const asked = ['/api/v1/network', '/api/v1/status'].map((path) =>
      fetch(new URL(path, still!.url), { signal: AbortSignal.timeout(60_000) }).then(
        ({ status }) => status,
        () => 'no answer',
      ),
    )
    const told = `Tasks of the relay ${still!.peerId} are here now`
    await until(
      () => taker!.wholeLog.includes(told),
      () => `a takeover: ${taker!.log.slice(-2_000)}`,
    )
    await someResults(job)
    still!.signal('SIGCONT')
    const ended = await still!.ended()
    expect(ended?.code).toBe(1)
    expect(ended?.stderr).toMatch(
      /^tabmesh: stopped, because its state can no longer be kept: another relay has taken over its tasks, since it showed no sign of life for 2 s/m,
    )
    for (const answer of await Promise.all(asked)) expect(['no answer', 503]).toContain(answer)
    await still!.start()
    const { taskIds, faults } = await job.faults()
    expect(faults).toEqual([])
    expect(await fleet.stopRelays()).toEqual([0, 0])
    expect(await witness.faults(taskIds)).toEqual([])
    await store.close()
  }, 400_000)

  test('STO-04 the store is away for a moment and for longer: relays wait for it or end with 1, and nothing is lost', async () => {
    const store = await openServerStore('redis', server.url)
    const witness = new FleetWitness(store)
    const job = await FedMap.start(fleet)
    await someResults(job)
    await server.kill()
    await pass(1_000)
    await server.up()
    await someResults(job)
    expect(countIn(fleet, 'connection failed after 3 retries'), 'a second is no reason to end').toBe(0)

    await server.kill()
    // Beyond all retries: 0.5, 1 and 2 s.
    const ended = await Promise.all(fleet.relays.map((relay) => relay.ended()))
    for (const relay of ended) {
      expect(relay?.code).toBe(1)
      expect(relay?.stderr).toMatch(/^tabmesh: stopped, because its state can no longer be kept: /m)
    }
    await server.up()
    await Promise.all(fleet.relays.map((relay) => relay.start()))
    await someResults(job)
    const { taskIds, faults } = await job.faults()
    expect(faults).toEqual([])
    expect(await fleet.stopRelays()).toEqual([0, 0])
    expect(await witness.faults(taskIds)).toEqual([])
    await store.close()
  }, 400_000)
})
