import { setTimeout as pass } from 'node:timers/promises'
import type { Random } from '../../shared/kernel/random.ts'
import type { FedMap } from './fed-map.ts'
import { type FleetRelay, type ProcessFleet, until } from './fleet-processes.ts'

/** Of a lease of 2 s: how long until another has begun with it, and a little more. */
const takeoverMs = 2_500

/** Agents that missed a relay's return dial it again after up to 150 s (NET-05). */
const patienceMs = 300_000

export interface Kill {
  readonly relay: FleetRelay
  /** Whether it stays away until the other has all of its tasks. */
  readonly isTakenOver: boolean
}

/** Of a victim and when: what a seed says. */
export function nextKill(fleet: ProcessFleet, random: Random): Kill {
  return {
    relay: fleet.relays[random.below(fleet.relays.length)]!,
    isTakenOver: fleet.relays.length > 1 && random.below(2) === 0,
  }
}

/** Under load: after some more results, and then at any moment. */
export async function killOnce(fleet: ProcessFleet, job: FedMap, kill: Kill, random: Random): Promise<void> {
  const { relay, isTakenOver } = kill
  await someResults(job)
  await pass(random.below(800))
  await relay.kill()
  if (isTakenOver) {
    const told = `Tasks of the relay ${relay.peerId} are here now`
    const before = countIn(fleet, told)
    await until(
      () => countIn(fleet, told) > before,
      () => `a takeover from ${relay.name}: ${fleet.relays.map(({ log }) => log.slice(-1_500)).join('\n')}`,
    )
    await pass(random.below(1_500))
  } else {
    await pass(random.below(1_500))
  }
  await relay.start()
}

/**
 * One kill or two: the same relay again while it starts, or the other while it takes over, or both at one time. Gives how
 * many there were.
 */
export async function killSome(fleet: ProcessFleet, job: FedMap, random: Random): Promise<number> {
  if (random.below(3) > 0) {
    await killOnce(fleet, job, nextKill(fleet, random), random)
    return 1
  }
  await someResults(job)
  await pass(random.below(800))
  const victims = [0, 1].map(() => fleet.relays[random.below(fleet.relays.length)]!)
  for (const relay of victims) {
    relay.launch()
    await pass(random.below(2 * takeoverMs))
    await relay.kill()
  }
  for (const relay of new Set(victims)) {
    await pass(random.below(takeoverMs))
    relay.launch()
  }
  await Promise.all(fleet.relays.map((relay) => relay.start()))
  return victims.length
}

/** The job goes on: some more results have come. */
export async function someResults(job: FedMap): Promise<void> {
  const seen = job.results
  await until(
    () => job.results > seen + 10 || job.hasEnded,
    () => `results of the job, which says: ${job.log.slice(-1_000)}\n${job.story()}`,
    patienceMs,
  )
}

/** How often the relays, over all their lives, said it. */
export const countIn = (fleet: ProcessFleet, text: string): number =>
  fleet.relays.reduce((sum, { wholeLog }) => sum + wholeLog.split(text).length - 1, 0)
