import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type WriteGroup, WriteQueue } from '../../../relay/storage/write-queue.ts'
import type { Fence, StoreChange } from '../../../shared/storage/store.ts'
import { propertyRuns } from '../../support/property-runs.ts'

const one = Uint8Array.of(1)
const put = (key: string, n: number): StoreChange => ({ key, value: Uint8Array.of(n) })

/** What a queue wrote, as `a=1 b=x`, one text for each group. */
function recorder(fail: (group: WriteGroup) => boolean = () => false) {
  const groups: string[] = []
  const queue = new WriteQueue(async (group) => {
    await Promise.resolve()
    if (fail(group)) throw new Error('refused')
    const fence = group.fence === undefined ? '' : `[${group.fence.key}=${group.fence.value?.[0] ?? 'x'}] `
    groups.push(fence + [...group.changes].map(([key, value]) => `${key}=${value?.[0] ?? 'x'}`).join(' '))
  })
  return { queue, groups }
}

describe('the queue of writes', () => {
  test('STO-01 writes what waits as one group, the last value of each key', async () => {
    const { queue, groups } = recorder()
    const first = queue.add([put('a', 1)], undefined)
    const more = [
      queue.add([put('a', 2), put('b', 2)], undefined),
      queue.add([{ key: 'b', value: undefined }], undefined),
    ]
    await Promise.all([first, ...more])
    expect(groups).toEqual(['a=2 b=x'])
  })

  test('STO-01 gathers while a group is being written', async () => {
    const { queue, groups } = recorder()
    await Promise.race([queue.add([put('a', 1)], undefined), Promise.resolve().then(() => Promise.resolve())])
    await Promise.all([queue.add([put('a', 2)], undefined), queue.add([put('a', 3)], undefined)])
    expect(groups).toEqual(['a=1', 'a=3'])
  })

  test('STO-01 keeps fences apart, and ends a group where its fence is moved', async () => {
    const { queue, groups } = recorder()
    const fence: Fence = { key: 'l', value: one }
    await Promise.all([
      queue.add([put('a', 1)], undefined),
      queue.add([put('a', 2)], fence),
      queue.add([put('a', 3)], { key: 'l', value: Uint8Array.of(1) }),
      queue.add([put('l', 2)], fence),
      queue.add([put('a', 4)], fence),
      queue.add([put('a', 5)], { key: 'l', value: undefined }),
    ])
    expect(groups).toEqual(['a=1', '[l=1] a=3 l=2', '[l=1] a=4', '[l=x] a=5'])
  })

  test('STO-01 tells all of a group that it failed, and goes on with the next', async () => {
    const { queue, groups } = recorder(({ fence }) => fence !== undefined)
    const outcomes = await Promise.allSettled([
      queue.add([put('a', 1)], { key: 'l', value: one }),
      queue.add([put('a', 2)], { key: 'l', value: one }),
      queue.add([put('a', 3)], undefined),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled'])
    expect(groups).toEqual(['a=3'])
    await queue.settled()
  })

  test('STO-01 bounds a group in bytes and in changes, but never splits a batch', async () => {
    const { queue, groups } = recorder()
    const large = { key: 'a', value: new Uint8Array(5 * 1024 * 1024) }
    await Promise.all([queue.add([large], undefined), queue.add([large], undefined)])
    expect(groups.length).toBe(2)
    const many = Array.from({ length: 5_000 }, (_, i) => put(`k${i}`, 1))
    await Promise.all([queue.add(many, undefined), queue.add([put('a', 1)], undefined)])
    expect(groups.length).toBe(4)
    expect(groups[2]!.split(' ').length).toBe(5_000)
  })

  test('STO-01 ends with what the batches one after another would have left, whatever waits for what', async () => {
    const key = fc.constantFrom('a', 'b', 'l')
    const value = fc.option(
      fc.nat(2).map((n) => Uint8Array.of(n)),
      { nil: undefined },
    )
    const fence = fc.option(fc.record({ key: fc.constant('l'), value }), { nil: undefined })
    const batch = fc.record({
      changes: fc.array(fc.record({ key, value }), { maxLength: 3 }),
      fence,
      waits: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(batch, { maxLength: 12 }), async (batches) => {
        const rows = new Map<string, number>()
        const model = new Map<string, number>()
        const apply = (
          to: Map<string, number>,
          changes: Iterable<readonly [string, Uint8Array | undefined]>,
        ) => {
          for (const [name, bytes] of changes) bytes === undefined ? to.delete(name) : to.set(name, bytes[0]!)
        }
        const queue = new WriteQueue(async (group) => {
          await Promise.resolve()
          if (group.fence !== undefined && rows.get('l') !== group.fence.value?.[0]) throw new Error('fenced')
          apply(rows, group.changes)
        })
        const expected: string[] = []
        const outcomes: Promise<string>[] = []
        for (const { changes, fence: guard, waits } of batches) {
          const isWritten = guard === undefined || model.get('l') === guard.value?.[0]
          if (isWritten)
            apply(
              model,
              changes.map((change) => [change.key, change.value] as const),
            )
          expected.push(isWritten ? 'written' : 'fenced')
          const done = queue.add(changes, guard).then(
            () => 'written',
            () => 'fenced',
          )
          outcomes.push(done)
          if (waits) await done
        }
        expect(await Promise.all(outcomes)).toEqual(expected)
        expect(new Map([...rows].sort())).toEqual(new Map([...model].sort()))
      }),
      propertyRuns(1_000),
    )
  })
})
