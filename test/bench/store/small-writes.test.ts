import { expect, test } from 'vitest'
import { type Keeper, writeRates } from './small-writes.ts'

/** Notes what it is given, and how much of it is under way. */
class NotingKeeper implements Keeper {
  readonly values = new Set<string>()
  readonly keys = new Set<string>()
  underWayMost = 0
  #underWay = 0

  async write(key: string, value: Uint8Array): Promise<void> {
    this.#underWay += 1
    this.underWayMost = Math.max(this.underWayMost, this.#underWay)
    this.keys.add(key)
    this.values.add(value.toString())
    // As long as a fast disk takes, or a turn would be a million writes.
    await new Promise((done) => setTimeout(done, 1))
    this.#underWay -= 1
  }
}

test('keeps so many writes under way, of rows that are written again, no two of them alike', async () => {
  const one = new NotingKeeper()
  const many = new NotingKeeper()
  let settled = 0
  const late = {
    write: () => many.write('', new Uint8Array()),
    turn: { writes: 640, settle: async () => void settled++ },
  }
  const rates = await writeRates(
    {
      one: { keeper: one, underWay: 1 },
      many: { keeper: many, underWay: 64 },
      late: { keeper: late, underWay: 64 },
    },
    1,
    80,
  )
  expect([one.underWayMost, many.underWayMost]).toEqual([1, 64])
  expect(one.keys.size).toBe(256)
  expect(one.values.size).toBeGreaterThan(256 + 2 * 64)
  expect(rates.many[0]).toBeGreaterThan(5 * rates.one[0]!)
  // Once after its rows were made, then in every turn.
  expect(settled).toBe(4)
})
