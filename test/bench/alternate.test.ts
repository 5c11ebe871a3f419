import { expect, test } from 'vitest'
import { alternate, repeated, repeatsFor } from './alternate.ts'

test('sides take turns, each round begins with another, and warm-ups do not count', async () => {
  const order: string[] = []
  const times = await alternate(
    { a: () => order.push('a'), b: async () => order.push('b') },
    { runs: 2, warmUps: 1 },
  )
  expect(order.join('')).toBe('abbaab')
  expect([times.a.length, times.b.length]).toEqual([2, 2])
})

test('a side is timed to the end of what it promises', async () => {
  let done = false
  const { slow } = await alternate(
    {
      slow: async () => {
        const start = performance.now()
        while (performance.now() - start < 5) await Promise.resolve()
        done = true
      },
    },
    { runs: 1, warmUps: 0 },
  )
  expect(done).toBe(true)
  expect(slow[0]).toBeGreaterThanOrEqual(5)
})

test('a side that fails ends the measurement with its error', async () => {
  const bad = (): never => {
    throw new Error('no such program')
  }
  await expect(alternate({ good: () => {}, bad }, { runs: 3, warmUps: 1 })).rejects.toThrow('no such program')
})

test('repeated work is awaited each time', async () => {
  let open = 0
  let most = 0
  const work = async (): Promise<void> => {
    most = Math.max(most, ++open)
    await Promise.resolve()
    open--
  }
  await repeated(5, work)()
  expect([open, most]).toEqual([0, 1])
})

test('short work is repeated until it can be timed, long work is not', async () => {
  expect(await repeatsFor(10, () => {})).toBeGreaterThan(100)
  const long = (): void => {
    const start = performance.now()
    while (performance.now() - start < 20);
  }
  expect(await repeatsFor(10, long)).toBe(1)
})
