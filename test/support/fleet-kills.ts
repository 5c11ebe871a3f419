import { setTimeout as pass } from 'node:timers/promises'
import type { Random } from '../../shared/kernel/random.ts'
import type { FedMap } from './fed-map.ts'
import { type FleetRelay, type ProcessFleet, until } from './fleet-processes.ts'

export interface Kill {
  readonly relay: FleetRelay
  /** Whether it stays away until the other has all of its tasks. */
  readonly isTakenOver: boolean
}

/** Of a victim and when: what a seed says. */
export function nextKill(fleet: ProcessFleet, random: Random): Kill {
  return { relay: fleet.relays[random.below(fleet.relays.length)]!, isTakenOver: random.below(2) === 0 }
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

/** The job goes on: some more results have come. */
async function someResults(job: FedMap): Promise<void> {
  const seen = job.results
  await until(
    () => job.results > seen + 10 || job.hasEnded,
    () => `results of the job, which says: ${job.log.slice(-1_000)}`,
    60_000,
  )
}

/** How often the relays, over all their lives, said it. */
const countIn = (fleet: ProcessFleet, text: string): number =>
  fleet.relays.reduce((sum, { wholeLog }) => sum + wholeLog.split(text).length - 1, 0)
