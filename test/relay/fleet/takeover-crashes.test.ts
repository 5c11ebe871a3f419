import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { CrashingFleet, leaseMs } from '../../support/crashing-fleet.ts'
import { propertyRuns } from '../../support/property-runs.ts'
import {
  comeToRest,
  deadRelay,
  dieAtRequests,
  goingOn,
  live,
  pass,
  submissions,
  useFakeTime,
} from '../../support/takeover-lives.ts'

beforeEach(useFakeTime)
afterEach(() => {
  vi.useRealTimers()
})

describe('TSK-14 a relay takes over the tasks of one that died', () => {
  test('once that one was silent for its lease', async () => {
    const fleet = await deadRelay(1)
    fleet.start(1)
    await pass(leaseMs - 500)
    expect(fleet.disk.keys(`relay/${fleet.relayId(0)}/`)).not.toEqual([])
    await pass(leaseMs)
    expect(fleet.disk.keys(`relay/${fleet.relayId(0)}/`)).toEqual([])
    await comeToRest(fleet)
    expect(fleet.faults(submissions)).toEqual([])
  })

  test('and the one that died comes back with nothing, and takes new ones', async () => {
    const fleet = await deadRelay(2)
    fleet.start(1)
    await pass(3 * leaseMs)
    fleet.start(0)
    await pass(1_000)
    expect(fleet.joined).toEqual([0, 1])
    await comeToRest(fleet)
    expect(fleet.faults(submissions)).toEqual([])
  })

  test('though it is stopped and goes on later: its writes are refused, it says nothing, and ends', async () => {
    const fleet = new CrashingFleet({ seed: 3, requestMsMax: 3 })
    const stopped = fleet.start(0)
    fleet.start(1)
    await pass(100)
    fleet.submit(submissions)
    await pass(1_000)
    stopped.parts.process.stand()
    await pass(3 * leaseMs)
    stopped.parts.process.goOn()
    await pass(leaseMs)
    expect([stopped.isDead, fleet.fenced]).toEqual([true, 1])
    await comeToRest(fleet)
    expect(fleet.faults(submissions)).toEqual([])
  })

  test('of two that would, one does', async () => {
    for (let seed = 10; seed < 13; seed++) {
      const fleet = await deadRelay(seed)
      fleet.start(1)
      fleet.start(2)
      await pass(3 * leaseMs)
      const takers = [1, 2].filter((n) => fleet.disk.keys(`relay/${fleet.relayId(n)}/`).length > 0)
      expect(takers.length).toBe(1)
      await comeToRest(fleet)
      expect(fleet.faults(submissions)).toEqual([])
      for (const n of fleet.joined) fleet.kill(n)
    }
  })
})

describe('TSK-14 a taker that has tasks done before it could delete them where they were', () => {
  /** Relay 1 has taken over and done what relay 0 had; its deletions are still on their way as it dies. */
  async function undeleted(): Promise<CrashingFleet> {
    const fleet = await deadRelay(4)
    const taker = fleet.start(1)
    fleet.runMsMax = 1
    const dead = `relay/${fleet.relayId(0)}/`
    taker.parts.process.hold((changes) =>
      changes.some(({ key, value }) => key.startsWith(dead) && value === undefined),
    )
    await pass(2 * leaseMs)
    expect([...fleet.written.keys()].length).toBeGreaterThan(3)
    expect(fleet.disk.keys(dead)).not.toEqual([])
    fleet.kill(1)
    return fleet
  }

  test('dies: the next one goes by what the taker had, not by what it had not deleted', async () => {
    const fleet = await undeleted()
    fleet.start(2)
    await comeToRest(fleet)
    expect(fleet.faults(submissions)).toEqual([])
  })

  test('dies: so does the one whose tasks they were, when it comes back first', async () => {
    const fleet = await undeleted()
    fleet.start(0)
    await comeToRest(fleet)
    expect(fleet.faults(submissions)).toEqual([])
  })

  test('dies: its writes that come later change nothing', async () => {
    const fleet = await undeleted()
    const { process } = fleet.lastOf(1)!.parts
    fleet.start(2)
    await comeToRest(fleet)
    const before = new Map(fleet.disk.rows)
    expect(process.held).toBeGreaterThan(0)
    process.letThrough()
    await pass(1)
    const isAlive = (key: string) => key.startsWith('lease/')
    const rowsOf = (rows: ReadonlyMap<string, Uint8Array>) =>
      [...rows].filter(([key]) => !isAlive(key)).sort()
    expect(rowsOf(fleet.disk.rows)).toEqual(rowsOf(before))
    expect(fleet.faults(submissions)).toEqual([])
  })

  test('lives, and a client hands in what was done already: it is told to wait, not to begin anew', async () => {
    const fleet = await deadRelay(5)
    const taker = fleet.start(1)
    const dead = `relay/${fleet.relayId(0)}/`
    taker.parts.process.hold((changes) => changes.some(({ key }) => key.startsWith(dead)))
    await pass(2 * leaseMs)
    expect(taker.parts.process.held).toBe(1)
    const answer = taker.submit(submissions.slice(0, 1))
    taker.parts.process.letThrough()
    await pass(1_000)
    expect(await answer).toBe('elsewhere')
    await comeToRest(fleet)
    expect(fleet.faults(submissions)).toEqual([])
  })
})

describe('TSK-14 the taker dies over it, and the takeover goes on', () => {
  // Every single request is tried in `npm run test:long`.
  for (const [who, goOn] of Object.entries(goingOn)) {
    test(`by ${who}`, async () => {
      expect(await dieAtRequests(9, goOn)).toBeGreaterThan(60)
    })
  }
})

test('TSK-14 of three relays that die and stop at any moment, no task is lost and none completes twice', async () => {
  const { numRuns, seed: first } = propertyRuns(12)
  let fenced = 0
  for (let seed = first; seed < first + numRuns; seed++) {
    const fleet = await live(seed)
    expect(fleet.faults(submissions), `seed ${seed}`).toEqual([])
    fenced += fleet.fenced
    for (const n of [0, 1, 2]) fleet.kill(n)
  }
  // Some of those that stopped did go on after another had taken over.
  expect(fenced).toBeGreaterThan(0)
})
