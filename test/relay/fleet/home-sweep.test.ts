import { beforeEach, describe, expect, test } from 'vitest'
import { HomeSweep } from '../../../relay/fleet/home-sweep.ts'
import { Homes } from '../../../relay/fleet/homes.ts'
import { Lease } from '../../../relay/storage/lease.ts'
import type { PeerId } from '../../../shared/kernel/ids.ts'
import { finishedKey, rowKeys } from '../../../shared/task/coordinator-rows.ts'
import { DiskProcess, SharedDisk } from '../../support/shared-disk.ts'
import { jobId, peerId, taskId } from '../../support/task-fixtures.ts'

const [a, b] = [peerId(1), peerId(2)] as const
const job = jobId(1)
/** After which what was claimed has its first task. */
const laterMs = 300_000

describe('TSK-14 the home of a job that nothing is left of', () => {
  let disk: SharedDisk
  let now: number

  beforeEach(() => {
    disk = new SharedDisk()
    now = 0
  })

  async function relay(self: PeerId): Promise<{ readonly homes: Homes; readonly sweep: HomeSweep }> {
    const store = new DiskProcess({ disk }).connect()
    const { token } = (await Lease.take(store, `relay/${self}`, self, 60_000))!
    const homes = new Homes({ store, self, token, isAlive: () => true, clock: () => now })
    return { homes, sweep: new HomeSweep({ store, self, homes }) }
  }

  const write = (key: string, row: unknown): void => {
    disk.rows.set(key, new TextEncoder().encode(JSON.stringify(row)))
  }
  const isThere = (id: string = job): boolean => disk.rows.has(`home/${id}`)

  test('goes, and the job can be claimed again, here or elsewhere', async () => {
    const first = await relay(a)
    await first.homes.claim(job)
    now += laterMs
    expect(await first.sweep.sweep()).toBe(1)
    expect(isThere()).toBe(false)
    expect(await (await relay(b)).homes.claim(job)).toBeUndefined()
    expect(await first.homes.claim(job)).toEqual({ kind: 'held', relay: b })
  })

  test('stays while its first task may be about to come', async () => {
    const { homes, sweep } = await relay(a)
    await homes.claim(job)
    now += 10_000
    expect(await sweep.sweep()).toBe(0)
    now += laterMs
    await homes.claim(job)
    expect(await sweep.sweep()).toBe(0)
    expect(isThere()).toBe(true)
  })

  test.each([
    ['a job', rowKeys.job(job), job],
    ['an open task', rowKeys.submission(taskId(1)), taskId(1)],
    ['an ended task', finishedKey(null, 0, taskId(1)), taskId(1)],
  ])('is not that of %s on record', async (_, key, id) => {
    const { homes, sweep } = await relay(a)
    await homes.claim(id)
    write(`relay/${a}/${key}`, 'any')
    now += laterMs
    expect(await sweep.sweep()).toBe(0)
    expect(isThere(id)).toBe(true)
  })

  test('is given up by the relay whose it is, and by no other while that one has its lease', async () => {
    const first = await relay(a)
    const second = await relay(b)
    await first.homes.claim(job)
    now += laterMs
    expect(await second.sweep.sweep()).toBe(0)
    expect(await first.sweep.sweep()).toBe(1)
  })

  test('is given up by any when its relay was taken over from to the end, and not before', async () => {
    await (await relay(a)).homes.claim(job)
    const second = await relay(b)
    now += laterMs
    write(`lease/relay/${a}`, { owner: null, token: 9, leaseMs: 60_000 })
    write('fleet/takeover', { taker: b, token: 1, number: 1, stack: [{ relay: a, token: 1 }] })
    expect(await second.sweep.sweep()).toBe(0)
    write('fleet/takeover', { taker: null, token: 0, number: 2, stack: [] })
    expect(await second.sweep.sweep()).toBe(1)
  })

  test('is one home, whoever claims it while it goes', async () => {
    let gone = 0
    for (let turns = 0; turns < 60; turns++) {
      const [first, second] = [await relay(a), await relay(b)]
      const id = jobId(turns)
      await first.homes.claim(id)
      now += 2 * laterMs
      // Each time at another moment of the sweep.
      const later = async (homes: Homes, after: number) => {
        for (let n = 0; n < after; n++) await undefined
        return await homes.claim(id)
      }
      const [swept, own, other] = await Promise.all([
        first.sweep.sweep(),
        later(first.homes, turns),
        later(second.homes, turns % 7),
      ])
      gone += swept
      const { relay: home } = disk.json(`home/${id}`) as { relay: PeerId }
      expect(own === undefined ? a : b, `after ${turns} turns`).toBe(home)
      expect([own, other].filter((elsewhere) => elsewhere === undefined)).toHaveLength(1)
      disk.rows.delete(`home/${id}`)
    }
    expect(gone).toBeGreaterThan(5)
  })

  test('of very many goes in some sweeps', async () => {
    const { homes, sweep } = await relay(a)
    for (let n = 1; n <= 1_200; n++) await homes.claim(jobId(n))
    now += laterMs
    let gone = 0
    for (let sweeps = 0; gone < 1_200 && sweeps < 3; sweeps++) gone += await sweep.sweep()
    expect(gone).toBe(1_200)
  })
})
