import { afterEach, expect, test, vi } from 'vitest'
import { keepRetention, retentionMs } from '../../../relay/storage/blob-retention.ts'
import { MemoryBlobs } from '../http/memory-blobs.ts'

afterEach(() => {
  vi.useRealTimers()
})

const hour = 60 * 60_000

test('STO-07 a blob that nobody used for 7 days goes, and one that a live task needs stays', async () => {
  vi.useFakeTimers()
  const blobs = new MemoryBlobs()
  const [idle, needed, used] = await Promise.all([1, 2, 3].map((n) => blobs.put(new Uint8Array(n))))
  blobs.protect(() => [needed!])
  const logged: string[] = []
  const end = keepRetention(blobs, (_level, message) => logged.push(message))
  await vi.advanceTimersByTimeAsync(retentionMs - hour)
  await blobs.get(used!)
  expect(await blobs.has(idle!)).toBe(true)
  await vi.advanceTimersByTimeAsync(2 * hour)
  expect(await Promise.all([idle!, needed!, used!].map((hash) => blobs.has(hash)))).toEqual([
    false,
    true,
    true,
  ])
  expect(logged).toEqual(['Deleted blobs that were not used for 7 days: 1'])
  end()
  expect(vi.getTimerCount()).toBe(0)
})

test('STO-07 a store that fails is logged and tried again', async () => {
  vi.useFakeTimers()
  const blobs = new MemoryBlobs()
  const sweep = vi.spyOn(blobs, 'sweep').mockRejectedValue(new Error('disk'))
  const logged: string[] = []
  const end = keepRetention(blobs, (_level, message) => logged.push(message))
  await vi.advanceTimersByTimeAsync(2 * hour)
  expect(sweep).toHaveBeenCalledTimes(3)
  expect(new Set(logged)).toEqual(new Set(['Unused blobs could not be deleted']))
  end()
})
