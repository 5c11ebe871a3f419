import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chunks } from '../../shared/kernel/chunks.ts'

test('parts hold everything in order, within both limits, and are as few as that order allows', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat({ max: 120 }), { maxLength: 60 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 200 }),
      (sizes, entriesMax, bytesMax) => {
        const parts = chunks(sizes, (size) => size, entriesMax, bytesMax)
        expect(parts.flat()).toEqual(sizes)
        const sum = (part: readonly number[]) => part.reduce((total, size) => total + size, 0)
        for (const [index, part] of parts.entries()) {
          expect(part.length).toBeGreaterThan(0)
          expect(part.length).toBeLessThanOrEqual(entriesMax)
          if (part.length > 1) expect(sum(part)).toBeLessThanOrEqual(bytesMax)
          const next = parts[index + 1]?.[0]
          if (next !== undefined && part.length < entriesMax)
            expect(sum(part) + next).toBeGreaterThan(bytesMax)
        }
      },
    ),
  )
})

test('nothing makes no part, and an item over the limit stands alone', () => {
  expect(chunks([], () => 1, 5, 5)).toEqual([])
  expect(chunks([1, 99, 1], (size) => size, 5, 10)).toEqual([[1], [99], [1]])
})
