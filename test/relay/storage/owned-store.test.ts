import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DirectoryLock } from '../../../relay/storage/directory-lock.ts'
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
const silence = async (): Promise<void> => undefined
const lost: unknown[] = []

async function owned(owner: string): Promise<OwnedStore> {
  const lock = DirectoryLock.take(directory)!
  const unclosed = Object.assign(Object.create(shared) as Store, { close: async () => undefined })
  for (const name of ['get', 'list', 'batch'] as const) unclosed[name] = shared[name].bind(shared) as never
  return (await OwnedStore.open({ store: unclosed, owner, lock, lost: (error) => lost.push(error) }))!
}

describe('a lease', () => {
  test('STO-01 is had at once by who comes first and by its former holder, with a token that grows', async () => {
    const first = await Lease.acquire(shared, 'x', 'a', 60_000)
    const again = await Lease.acquire(shared, 'x', 'a', 60_000)
    expect([first?.token, again?.token]).toEqual([1, 2])
    await expect(first!.renew()).rejects.toMatchObject({ code: 'Fenced' })
    await again!.renew()
  })

  test('STO-01 is not given away while its holder shows that it lives', async () => {
    const held = (await Lease.acquire(shared, 'x', 'a', 60_000))!
    expect(await Lease.acquire(shared, 'x', 'b', 60_000, () => held.renew())).toBeUndefined()
    await held.renew()
  })

  test('STO-01 goes to one of those who want it when its holder is silent, and the holder can write no more', async () => {
    const held = (await Lease.acquire(shared, 'x', 'a', 60_000))!
    const wanting = ['b', 'c', 'd'].map((owner) => Lease.acquire(shared, 'x', owner, 60_000, silence))
    const taken = (await Promise.all(wanting)).filter((lease) => lease !== undefined)
    expect(taken.map(({ token }) => token)).toEqual([2])
    await expect(shared.batch([{ key: 'a', value: one }], { fence: held.fence })).rejects.toMatchObject({
      code: 'Fenced',
    })
    await shared.batch([{ key: 'a', value: one }], { fence: taken[0]!.fence })
    expect((await Lease.acquire(shared, 'x', 'a', 60_000, silence))?.token).toBe(3)
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
    const other = await Lease.acquire(shared, 'relay/a', 'b', 60_000, silence)
    expect(other?.token).toBe(2)
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

  test('STO-01 keeps a second process of the same folder out, until it is closed', async () => {
    const mine = await owned('a')
    expect(DirectoryLock.take(directory)).toBeUndefined()
    await mine.close()
    DirectoryLock.take(directory)!.release()
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
