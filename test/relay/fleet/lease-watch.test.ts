import { describe, expect, test } from 'vitest'
import { LeaseWatch } from '../../../relay/fleet/lease-watch.ts'
import { Lease } from '../../../relay/storage/lease.ts'
import type { PeerId } from '../../../shared/kernel/ids.ts'
import type { Store } from '../../../shared/storage/store.ts'
import { DiskProcess, SharedDisk } from '../../support/shared-disk.ts'
import { peerId } from '../../support/task-fixtures.ts'

const leaseMs = 10_000
const [a, b] = [peerId(1), peerId(2)] as const

class Rig {
  readonly disk = new SharedDisk()
  readonly store: Store = new DiskProcess({ disk: this.disk }).connect()
  now = 0
  readonly watch = new LeaseWatch(this.store, () => this.now)

  async take(peer: PeerId, ms = leaseMs): Promise<Lease> {
    return (await Lease.take(this.store, `relay/${peer}`, peer, ms))!
  }

  /** Looks every second for so long, as a relay does; `beat` runs before each look. */
  async lookFor(ms: number, beat?: () => Promise<unknown>): Promise<void> {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += 1_000
      await beat?.()
      await this.watch.look()
    }
  }

  kind(peer: PeerId): string {
    return this.watch.state(peer).kind
  }
}

describe('TSK-14 a watch over leases', () => {
  test('calls a relay silent when it showed nothing for its whole lease, and no sooner', async () => {
    const rig = new Rig()
    await rig.take(a)
    await rig.watch.look()
    await rig.lookFor(9_000)
    expect(rig.kind(a)).toBe('alive')
    await rig.lookFor(1_000)
    expect(rig.watch.state(a)).toEqual({ kind: 'silent', token: 1, silentMs: 10_000 })
  })

  test('never one that shows again and again that it lives, however rarely', async () => {
    const rig = new Rig()
    const lease = await rig.take(a)
    let looks = 0
    await rig.lookFor(100_000, async () => {
      if (++looks % 9 === 0) await lease.renew()
      expect(rig.kind(a)).not.toBe('silent')
    })
  })

  test('goes by the lease of each, whatever its own is', async () => {
    const rig = new Rig()
    await rig.take(a, 4_000)
    await rig.take(b, 60_000)
    await rig.watch.look()
    await rig.lookFor(10_000)
    expect([rig.kind(a), rig.kind(b)]).toEqual(['silent', 'alive'])
  })

  test('begins anew when it was away itself, as after sleep or when the store was', async () => {
    const rig = new Rig()
    await rig.take(a)
    await rig.watch.look()
    await rig.lookFor(8_000)
    rig.now += 60_000
    await rig.watch.look()
    expect(rig.kind(a)).toBe('alive')
    await rig.lookFor(9_000)
    expect(rig.kind(a)).toBe('alive')
    await rig.lookFor(1_000)
    expect(rig.kind(a)).toBe('silent')
  })

  test('does not wait for the silence of one that has ended in order', async () => {
    const rig = new Rig()
    const lease = await rig.take(a)
    await rig.watch.look()
    await lease.end()
    await rig.watch.look()
    expect(rig.kind(a)).toBe('silent')
    await rig.take(a)
    await rig.watch.look()
    expect(rig.kind(a)).toBe('alive')
  })

  test('knows nothing to be silent whose lease nobody has, or of which it never heard', async () => {
    const rig = new Rig()
    await rig.take(a)
    const value = new TextEncoder().encode(JSON.stringify({ owner: null, token: 2, leaseMs }))
    await rig.store.batch([{ key: `lease/relay/${a}`, value }])
    await rig.watch.look()
    await rig.lookFor(60_000)
    expect([rig.kind(a), rig.kind(b)]).toEqual(['free', 'free'])
    expect(rig.watch.relays()).toEqual([a])
  })

  test('has nothing to do with the leases of others than relays', async () => {
    const rig = new Rig()
    await Lease.take(rig.store, `agent/${a}`, a, leaseMs)
    await rig.watch.look()
    await rig.lookFor(60_000)
    expect(rig.watch.relays()).toEqual([])
  })
})
