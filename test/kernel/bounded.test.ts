import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BoundedMap } from '../../shared/kernel/bounded.ts'
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
