import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Heap } from '../../shared/kernel/heap.ts'

test('events come in time order, those of one time in the order they were added', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ op: fc.constant('add' as const), time: fc.nat({ max: 12 }) }) },
    { weight: 2, arbitrary: fc.record({ op: fc.constant('take' as const), time: fc.constant(0) }) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
      const heap = new Heap<number>()
      const model: { time: number; item: number }[] = []
      let next = 1
      const take = () => {
        expect(heap.nextKey).toBe(model[0]?.time)
        expect(heap.take()).toBe(model.shift()?.item)
      }
      for (const { op, time } of steps) {
        if (op === 'take') take()
        else {
          heap.add(time, next)
          const at = model.findIndex((event) => event.time > time)
          model.splice(at < 0 ? model.length : at, 0, { time, item: next++ })
        }
        expect(heap.size).toBe(model.length)
      }
      while (model.length > 0) take()
      expect(heap.take()).toBeUndefined()
      expect(heap.nextKey).toBeUndefined()
    }),
    { numRuns: 300 },
  )
})

test('a hundred thousand events of few times keep their order', () => {
  const heap = new Heap<number>()
  for (let n = 0; n < 100_000; n++) heap.add(n % 7, n)
  let before = -1
  let time = 0
  for (let taken = 0; taken < 100_000; taken++) {
    if (heap.nextKey !== time) {
      time = heap.nextKey!
      before = -1
    }
    const item = heap.take()!
    expect(item % 7).toBe(time)
    if (item <= before) throw new Error(`${item} came after ${before}`)
    before = item
  }
})
