import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { dieAtRequests, goingOn, live, submissions, useFakeTime } from '../support/takeover-lives.ts'
import { record } from './record.ts'

/** More on request, to look for what the usual ones do not find. */
const seeds = Number(process.env.TABMESH_SEEDS ?? 500)

beforeEach(useFakeTime)
afterEach(() => {
  vi.useRealTimers()
})

test('TSK-14 the taker dies at each of its requests in turn, whoever goes on: nothing is lost or done twice', async () => {
  const requests: Record<string, number> = {}
  for (const [who, goOn] of Object.entries(goingOn)) requests[who] = await dieAtRequests(1, goOn)
  vi.useRealTimers()
  record('takeover-crashes', { requests })
})

test('TSK-14 three relays die and stop at any moment, over many schedules: nothing is lost or done twice', async () => {
  let fenced = 0
  for (let seed = 1; seed <= seeds; seed++) {
    const fleet = await live(seed)
    expect(fleet.faults(submissions), `seed ${seed}`).toEqual([])
    fenced += fleet.fenced
    for (const n of [0, 1, 2]) fleet.kill(n)
  }
  vi.useRealTimers()
  record('takeover-seeds', { seeds, fenced })
})
