import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Lease } from '../../../relay/storage/lease.ts'
import { MeteredStore, StorageMetrics } from '../../../relay/storage/metered-store.ts'
import { OwnedStore } from '../../../relay/storage/owned-store.ts'
import { SqliteStore } from '../../../relay/storage/sqlite-store.ts'
import { StorageError, type Store } from '../../../shared/storage/store.ts'
import { storeContract } from '../../contract/store.contract.ts'

let directory: string
let shared: Store

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tabmesh-owned-'))
  shared = await SqliteStore.open(join(directory, 'shared.sqlite'))
})

afterEach(async () => {
  await shared.close()
  await rm(directory, { recursive: true, force: true })
})

const one = Uint8Array.of(1)
const leaseMs = 60_000
const text = (value: Uint8Array | undefined) => value && new TextDecoder().decode(value)

async function owned(owner: string, lost: (error: unknown) => void = () => undefined): Promise<OwnedStore> {
  const lease = (await Lease.take(shared, `relay/${owner}`, owner, leaseMs))!
  return new OwnedStore({
    store: shared,
    prefix: `relay/${owner}/`,
    lease,
    leave: async () => undefined,
    lost,
  })
}

/** As one who takes over: nobody has the lease any more. */
async function fenceOff(name: string): Promise<void> {
  const key = `lease/${name}`
  const { token } = JSON.parse(text(await shared.get(key))!) as { token: number }
  const value = new TextEncoder().encode(JSON.stringify({ owner: null, token: token + 1, leaseMs }))
  await shared.batch([{ key, value }])
}

describe('a lease', () => {
  test('STO-01 is had by who comes first and again by the same, with a token that grows', async () => {
    const first = await Lease.take(shared, 'x', 'a', leaseMs)
    const again = await Lease.take(shared, 'x', 'a', leaseMs)
    expect([first?.token, again?.token]).toEqual([1, 2])
    await expect(first!.renew()).rejects.toMatchObject({ code: 'Fenced' })
    await again!.renew()
  })

  test('STO-01 is not had by another while somebody has it', async () => {
    const held = (await Lease.take(shared, 'x', 'a', leaseMs))!
    expect(await Lease.take(shared, 'x', 'b', leaseMs)).toBeUndefined()
    await held.renew()
  })

  test('STO-01 goes to one of several processes that want it at once, and the others write nothing', async () => {
    const wanting = ['a', 'a', 'a', 'a'].map((owner) => Lease.take(shared, 'x', owner, leaseMs))
    const taken = (await Promise.all(wanting)).filter((lease) => lease !== undefined)
    const tries = taken.map((lease) => shared.batch([{ key: 'a', value: one }], { fence: lease.fence }))
    const written = (await Promise.allSettled(tries)).filter(({ status }) => status === 'fulfilled')
    expect(written.length).toBe(1)
  })

  test('STO-01 is free again once its holder was fenced off, and a late word of that one changes nothing', async () => {
    const held = (await Lease.take(shared, 'x', 'a', leaseMs))!
    await fenceOff('x')
    const before = text(await shared.get('lease/x/alive'))
    await expect(held.renew()).rejects.toMatchObject({ code: 'Fenced' })
    await expect(held.end()).rejects.toMatchObject({ code: 'Fenced' })
    expect(text(await shared.get('lease/x/alive'))).toBe(before)
    expect((await Lease.take(shared, 'x', 'a', leaseMs))?.token).toBe(3)
  })

  test('TSK-14 its holder is sure of it for less than the others wait, counted from before it was renewed', async () => {
    const time = { running: 0, wall: 1_000_000 }
    const lease = (await Lease.take(shared, 'x', 'a', 10_000, () => ({ ...time })))!
    time.running += 8_900
    expect(lease.isSure).toBe(true)
    time.running += 200
    expect(lease.isSure).toBe(false)
    await lease.renew()
    expect(lease.isSure).toBe(true)
  })

  test('TSK-14 a machine that slept is not sure, though the clock that only runs stood still with it', async () => {
    const time = { running: 0, wall: 1_000_000 }
    const lease = (await Lease.take(shared, 'x', 'a', 10_000, () => ({ ...time })))!
    time.wall += 3_600_000
    expect(lease.isSure).toBe(false)
    await lease.renew()
    // And a clock that was set back makes nobody sure for longer.
    time.wall -= 7_200_000
    time.running += 9_500
    expect(lease.isSure).toBe(false)
  })

  test('TSK-14 who has ended is sure of nothing', async () => {
    const lease = (await Lease.take(shared, 'x', 'a', leaseMs))!
    await lease.end()
    expect(lease.isSure).toBe(false)
  })
})

describe('an owned store', () => {
  for (const { name, run } of storeContract.filter(
    ({ name }) => !/fence|row|every ASCII|refuses|win/.test(name),
  )) {
    test(`STO-01 ${name}`, () => run({ open: () => owned('a') }))
  }

  test('STO-01 has its rows apart from those of others', async () => {
    const mine = await owned('a')
    await shared.batch([{ key: 'relay/b/task', value: one }])
    await mine.batch([{ key: 'task', value: one }])
    expect((await mine.list('')).map(({ key }) => key)).toEqual(['task'])
    expect((await shared.list('relay/')).map(({ key }) => key)).toEqual(['relay/a/task', 'relay/b/task'])
    await mine.close()
  })

  test('STO-01 writes nothing once another has taken over', async () => {
    const mine = await owned('a')
    await mine.batch([{ key: 'task', value: one }])
    await fenceOff('relay/a')
    await expect(mine.batch([{ key: 'task', value: undefined }])).rejects.toMatchObject({ code: 'Fenced' })
    expect(await shared.get('relay/a/task')).toEqual(one)
    await mine.close()
  })

  test('STO-01 takes no fence but its own', async () => {
    const mine = await owned('a')
    const fence = { key: 'x', value: undefined }
    await expect(mine.batch([{ key: 'task', value: one }], { fence })).rejects.toThrow(RangeError)
    await mine.close()
  })

  test('TSK-14 one that is no more sure asks the store, and who was taken over from is told to end, once', async () => {
    const lost: unknown[] = []
    const time = { running: 0, wall: 0 }
    const lease = (await Lease.take(shared, 'relay/a', 'a', leaseMs, () => ({ ...time })))!
    const init = { store: shared, prefix: 'relay/a/', lease, leave: async () => undefined }
    const mine = new OwnedStore({ ...init, lost: (error) => lost.push(error) })
    time.running += leaseMs
    expect(mine.isSure).toBe(false)
    await mine.assured()
    expect(mine.isSure).toBe(true)
    await fenceOff('relay/a')
    time.running += leaseMs
    let isAnswered = false
    for (let n = 0; n < 3; n++) void mine.assured().then(() => (isAnswered = true))
    await shared.list('')
    await mine.close()
    expect([isAnswered, lost.length]).toEqual([false, 1])
    expect(lost[0]).toMatchObject({ code: 'Fenced' })
  })

  test('TSK-14 says as it closes that it has ended, so that nobody waits for its silence', async () => {
    const mine = await owned('a')
    await mine.close()
    expect(text(await shared.get('lease/relay/a/alive'))).toBe('1.ended')
  })
})

describe('a metered store', () => {
  test('STO-08 counts and times every call, failed ones too', async () => {
    const metrics = new StorageMetrics()
    const store = new MeteredStore(shared, 'sqlite', metrics)
    await store.batch([{ key: 'a', value: one }])
    await store.get('a')
    await store.get('b')
    await store.list('')
    await expect(
      store.batch([{ key: 'a', value: one }], { fence: { key: 'x', value: one } }),
    ).rejects.toBeInstanceOf(StorageError)
    const [operations, seconds] = await Promise.all(metrics.all.map((metric) => metric.get()))
    const counts = operations!.values.map(
      ({ labels, value }) => `${labels['operation']} ${labels['backend']} ${value}`,
    )
    expect(counts).toEqual(['batch sqlite 2', 'get sqlite 2', 'list sqlite 1'])
    expect([operations!.name, seconds!.name]).toEqual([
      'storage_operations_total',
      'storage_operation_duration_seconds',
    ])
    const sum = seconds!.values.find(
      (each) =>
        'metricName' in each &&
        String(each.metricName).endsWith('_sum') &&
        each.labels['operation'] === 'list',
    )
    expect(sum?.value).toBeGreaterThan(0)
    expect(sum?.value).toBeLessThan(5)
  })
})
