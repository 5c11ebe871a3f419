import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BoundedMap, BoundedQueue } from '../../shared/kernel/bounded.ts'
import { InvariantError } from '../../shared/kernel/invariant.ts'

const mapStep = fc.record({
  op: fc.constantFrom('set', 'setDroppingOldest', 'delete', 'get'),
  key: fc.nat({ max: 9 }),
  value: fc.nat(),
})

interface MapStep {
  readonly op: string
  readonly key: number
  readonly value: number
}

function takeStep(
  map: BoundedMap<number, number>,
  model: Map<number, number>,
  cap: number,
  { op, key, value }: MapStep,
): void {
  const fits = model.has(key) || model.size < cap
  if (op === 'set') {
    expect(map.set(key, value)).toBe(fits)
    if (fits) model.set(key, value)
  } else if (op === 'setDroppingOldest') {
    if (!fits) model.delete([...model.keys()][0]!)
    map.setDroppingOldest(key, value)
    model.set(key, value)
  } else if (op === 'delete') expect(map.delete(key)).toBe(model.delete(key))
  else expect(map.get(key)).toBe(model.get(key))
}

describe('bounded map', () => {
  test('behaves as a map that refuses new keys when full, or drops the oldest when told to', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.array(mapStep, { maxLength: 60 }), (cap, steps) => {
        const map = new BoundedMap<number, number>('things', cap)
        const model = new Map<number, number>()
        for (const step of steps) {
          takeStep(map, model, cap, step)
          expect([...map.entries()]).toEqual([...model])
          expect([...map.keys()]).toEqual([...model.keys()])
          expect([...map.values()]).toEqual([...model.values()])
          expect([map.size, map.full]).toEqual([model.size, model.size >= cap])
          expect(map.has(step.key)).toBe(model.has(step.key))
        }
      }),
    )
  })

  test('a new key beyond the cap where room was promised is a broken invariant that names the map', () => {
    const map = new BoundedMap<string, number>('open doors', 1)
    map.mustSet('a', 1)
    map.mustSet('a', 2)
    expect(() => map.mustSet('b', 1)).toThrow(InvariantError)
    expect(() => map.mustSet('b', 1)).toThrow('open doors holds more than 1 entries')
    expect([...map.entries()]).toEqual([['a', 2]])
  })
})

describe('bounded queue', () => {
  test('behaves as a list that is pushed at its end and shifted at its head, up to its cap', () => {
    const step = fc.oneof(
      fc.record({ op: fc.constant('push' as const), value: fc.nat() }),
      fc.record({ op: fc.constantFrom('shift' as const, 'peek' as const), value: fc.constant(0) }),
    )
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40 }), fc.array(step, { maxLength: 200 }), (cap, steps) => {
        const queue = new BoundedQueue<number>('jobs', cap)
        const model: number[] = []
        for (const { op, value } of steps) {
          if (op === 'push') {
            expect(queue.push(value)).toBe(model.length < cap)
            if (model.length < cap) model.push(value)
          } else if (op === 'shift') expect(queue.shift()).toBe(model.shift())
          else expect(queue.peek()).toBe(model[0])
          expect([queue.size, queue.full]).toEqual([model.length, model.length >= cap])
        }
        while (model.length > 0) expect(queue.shift()).toBe(model.shift())
        expect(queue.shift()).toBeUndefined()
      }),
    )
  })

  test('keeps order through many turns of its ring', () => {
    const queue = new BoundedQueue<number>('jobs', 1_000)
    let next = 0
    let expected = 0
    for (let turn = 0; turn < 300; turn++) {
      for (let i = 0; i < 7; i++) queue.push(next++)
      for (let i = 0; i < 5; i++) expect(queue.shift()).toBe(expected++)
    }
    expect(queue.size).toBe(next - expected)
  })
})
