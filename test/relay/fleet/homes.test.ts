import { describe, expect, test } from 'vitest'
import { Homes } from '../../../relay/fleet/homes.ts'
import { Lease } from '../../../relay/storage/lease.ts'
import type { PeerId } from '../../../shared/kernel/ids.ts'
import type { Store } from '../../../shared/storage/store.ts'
import { DiskProcess, SharedDisk } from '../../support/shared-disk.ts'
import { jobId, peerId } from '../../support/task-fixtures.ts'

const [a, b, c] = [peerId(1), peerId(2), peerId(3)] as const
const job = jobId(1)

class Rig {
  readonly disk = new SharedDisk()
  readonly dead = new Set<PeerId>()

  connect(): Store {
    return new DiskProcess({ disk: this.disk }).connect()
  }

  /** A process of the relay. */
  async homesOf(self: PeerId): Promise<Homes> {
    const store = this.connect()
    const { token } = (await Lease.take(store, `relay/${self}`, self, 60_000))!
    return new Homes({ store, self, token, isAlive: (peer) => !this.dead.has(peer) })
  }

  write(key: string, row: unknown): void {
    this.disk.rows.set(key, new TextEncoder().encode(JSON.stringify(row)))
  }

  /** Nobody has its lease any more; `isUnderWay` while another still takes its tasks over. */
  fenceOff(peer: PeerId, isUnderWay: boolean): void {
    this.write(`lease/relay/${peer}`, { owner: null, token: 9, leaseMs: 60_000 })
    const stack = isUnderWay ? [{ relay: peer, token: 1 }] : []
    this.write('fleet/takeover', { taker: isUnderWay ? c : null, token: 1, number: 1, stack })
  }
}

describe('TSK-14 a job has one home', () => {
  test('the relay that claims it first; the other says where it is', async () => {
    const rig = new Rig()
    const [first, second] = [await rig.homesOf(a), await rig.homesOf(b)]
    expect(await second.find(job)).toBeUndefined()
    expect(await first.claim(job)).toBeUndefined()
    expect(await second.claim(job)).toEqual({ kind: 'held', relay: a })
    expect(await second.find(job)).toEqual({ kind: 'held', relay: a })
    expect(await first.find(job)).toBeUndefined()
  })

  test('one of those that claim it at the same moment', async () => {
    const rig = new Rig()
    const all = await Promise.all([a, b, c].map((peer) => rig.homesOf(peer)))
    for (let n = 1; n <= 20; n++) {
      const claims = await Promise.all(all.flatMap((homes) => [homes.claim(jobId(n)), homes.claim(jobId(n))]))
      const owners = [0, 2, 4].filter((at) => claims[at] === undefined)
      expect(owners.length).toBe(1)
      expect(claims[owners[0]! + 1]).toBeUndefined()
      expect(claims.filter((claim) => claim?.kind === 'held').length).toBe(4)
    }
  })

  test('with a silent relay it is neither here nor there', async () => {
    const rig = new Rig()
    const [first, second] = [await rig.homesOf(a), await rig.homesOf(b)]
    await first.claim(job)
    rig.dead.add(a)
    expect(await second.claim(job)).toEqual({ kind: 'pending', relay: a })
    rig.fenceOff(a, true)
    expect(await second.claim(job)).toEqual({ kind: 'pending', relay: a })
  })

  test('what a relay claimed and never had is free once it was taken over from', async () => {
    const rig = new Rig()
    const [first, second] = [await rig.homesOf(a), await rig.homesOf(b)]
    await first.claim(job)
    rig.fenceOff(a, false)
    expect(await second.find(job)).toBeUndefined()
    expect(await second.claim(job)).toBeUndefined()
    // And the next process of that relay goes by it.
    expect(await (await rig.homesOf(a)).claim(job)).toEqual({ kind: 'held', relay: b })
  })

  test('a relay that comes back and another that would have its claim: one of them gets it', async () => {
    for (let n = 0; n < 10; n++) {
      const rig = new Rig()
      const [first, second] = [await rig.homesOf(a), await rig.homesOf(b)]
      await first.claim(job)
      rig.fenceOff(a, false)
      const [, other] = await Promise.all([
        rig.homesOf(a).then((homes) => homes.claim(job)),
        second.claim(job),
      ])
      const { relay } = rig.disk.json(`home/${job}`) as { relay: PeerId }
      expect(other === undefined ? b : a).toBe(relay)
    }
  })

  test('after a restart it is still at home there', async () => {
    const rig = new Rig()
    await (await rig.homesOf(a)).claim(job)
    const again = await rig.homesOf(a)
    expect(await again.find(job)).toBeUndefined()
    expect(await again.claim(job)).toBeUndefined()
    expect(await (await rig.homesOf(b)).claim(job)).toEqual({ kind: 'held', relay: a })
  })

  test('asking costs nothing once it is known to be here', async () => {
    const rig = new Rig()
    const process = new DiskProcess({ disk: rig.disk })
    const store = process.connect()
    const { token } = (await Lease.take(store, `relay/${a}`, a, 60_000))!
    const homes = new Homes({ store, self: a, token, isAlive: () => true })
    await homes.claim(job)
    const { requests } = process
    await homes.claim(job)
    await homes.find(job)
    expect(process.requests).toBe(requests)
  })
})
