import { expect, vi } from 'vitest'
import { Random } from '../../shared/kernel/random.ts'
import { CrashingFleet, leaseMs } from './crashing-fleet.ts'
import { jobId, makeTask } from './task-fixtures.ts'

/** Lives of a fleet, in the time of fake timers. */
export const useFakeTime = (): void => {
  vi.useFakeTimers({
    now: Date.UTC(2026, 10, 20),
    toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'],
  })
}

/** Two jobs, and tasks without one. */
export const submissions = Array.from({ length: 14 }, (_, n) =>
  n < 10 ? makeTask(n + 1, { jobId: jobId(1 + (n % 2)), index: n >> 1 }) : makeTask(n + 1),
)

export const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

export async function comeToRest(fleet: CrashingFleet): Promise<void> {
  for (let beats = 0; beats < 15 && fleet.faults(submissions).length > 0; beats++) {
    fleet.submit(submissions)
    await pass(4_000)
    fleet.beat()
  }
}

/** Relay 0 has some tasks ended, some answered, some out, and dies. */
export async function deadRelay(seed: number): Promise<CrashingFleet> {
  const fleet = new CrashingFleet({ seed, requestMsMax: 3 })
  fleet.start(0)
  await pass(100)
  fleet.submit(submissions)
  await pass(1_200)
  fleet.kill(0)
  await pass(100)
  return fleet
}

/** Who goes on with a takeover whose taker, relay 1, died over it; relay 0 is the one whose tasks it took. */
export const goingOn: Readonly<Record<string, (fleet: CrashingFleet) => Promise<void>>> = {
  'a third relay': async (fleet) => {
    fleet.start(2)
    await pass(5 * leaseMs)
    expect(fleet.disk.keys(`relay/${fleet.relayId(0)}/`)).toEqual([])
  },
  'itself, started again': async (fleet) => {
    fleet.start(1)
    await pass(5 * leaseMs)
    expect(fleet.disk.keys(`relay/${fleet.relayId(0)}/`)).toEqual([])
  },
  'the one whose tasks were taken, when no other is left': async (fleet) => {
    fleet.kill(1)
    fleet.start(0)
    await pass(6 * leaseMs)
    expect(fleet.disk.keys(`relay/${fleet.relayId(1)}/`)).toEqual([])
  },
  'all three at once': async (fleet) => {
    for (const n of [0, 1, 2]) fleet.start(n)
    await pass(5 * leaseMs)
  },
}

/**
 * The taker dies at its requests, each `every`-th of them, with the request carried out and without; then somebody goes
 * on. How many requests a takeover takes is found as they run out.
 */
export async function dieAtRequests(
  every: number,
  goOn: (fleet: CrashingFleet) => Promise<void>,
): Promise<number> {
  for (let atRequest = 1; ; atRequest += every) {
    for (const isCarriedOut of [false, true]) {
      const fleet = await deadRelay(100 + atRequest)
      const taker = fleet.start(1, { atRequest, isCarriedOut })
      const dead = `relay/${fleet.relayId(0)}/`
      for (let ms = 0; ms < 3 * leaseMs && !taker.isDead && fleet.disk.keys(dead).length > 0; ms += 100)
        await pass(100)
      const isOver = !taker.isDead
      taker.parts.process.spare()
      await goOn(fleet)
      await comeToRest(fleet)
      expect(fleet.faults(submissions), `request ${atRequest}, carried out: ${isCarriedOut}`).toEqual([])
      for (const n of [0, 1, 2]) fleet.kill(n)
      if (isOver) return atRequest
    }
  }
}

/** Kills, stops, starts and deaths at chosen requests, at random, of three relays; then all of them run. */
export async function live(seed: number): Promise<CrashingFleet> {
  const random = new Random(seed, 5)
  const fleet = new CrashingFleet({ seed, requestMsMax: seed % 2 === 0 ? 2 : 60 })
  for (let turn = 0; turn < 30; turn++) {
    const n = random.below(3)
    const process = fleet.process(n)
    switch (random.below(6)) {
      case 0:
        fleet.kill(n)
        break
      case 1:
        process?.parts.process.stand()
        break
      case 2:
        process?.parts.process.goOn()
        break
      case 3:
        fleet.start(n, { atRequest: 1 + random.below(60), isCarriedOut: random.below(2) === 0 })
        break
      default:
        fleet.start(n)
    }
    fleet.submit(submissions.slice(0, 1 + random.below(submissions.length)))
    await pass(random.below(random.below(2) === 0 ? 300 : 2 * leaseMs))
    fleet.beat()
  }
  for (const n of [0, 1, 2]) {
    fleet.process(n)?.parts.process.goOn()
    await pass(100)
    fleet.kill(n)
    fleet.start(n)
  }
  await pass(4 * leaseMs)
  await comeToRest(fleet)
  return fleet
}
