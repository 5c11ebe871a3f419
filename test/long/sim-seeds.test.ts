import { expect, test } from 'vitest'
import { Random } from '../../shared/kernel/random.ts'
import { type RunOptions, run } from '../sim/run.ts'
import { SimWatch } from '../support/sim-watch.ts'
import { record } from './record.ts'

/** More on request, to look for what the usual ones do not find. */
const seeds = Number(process.env.TABMESH_SEEDS ?? 200)

/** A small network with a mixture of faults that the seed chooses. */
function mixture(seed: number): RunOptions {
  const random = new Random(seed, 77)
  const share = (most: number) => (random.below(3) === 0 ? 0 : most * random.unit())
  const peers = 8 + random.below(40)
  const minutes = 1 + random.below(2)
  const kills = Array.from({ length: random.below(5) }, () => 5 + random.below(60 * minutes))
  return {
    ...{ seed, peers, minutes, rate: Number((peers / 20).toFixed(2)) },
    ...{ loss: share(0.1), churn: share(0.4), doubling: share(0.1), reordering: share(0.3) },
    ...{ liars: share(0.1), liarRings: 0 },
    relayKills: [...new Set(kills)].sort((a, b) => a - b),
    onStart: (world, relay, crowd) => {
      for (let n = random.below(6); n > 0; n--) {
        const second = 10 + random.below(60 * minutes)
        const ms = 1_000 * random.below(150)
        const which = random.below(1_000)
        const what = random.below(4)
        world.later(1_000 * second, () => {
          const node = what === 0 ? relay : crowd.live[which % Math.max(1, crowd.live.length)]
          if (node === undefined || !node.up) return
          if (what < 2) return world.freeze(node, ms)
          world.lend(node, 0)
          world.later(ms, () => {
            if (node.up) world.lend(node, 1)
          })
        })
      }
    },
  }
}

test(`TSK-14 ${seeds} small networks with loss, churn, doubling, reordering, freezes, pauses, liars and relay deaths`, () => {
  const total = { submitted: 0, completed: 0, failed: 0, messages: 0, leaves: 0 }
  const wrongSeeds: string[] = []
  const startedAt = performance.now()
  for (let seed = 1; seed <= seeds; seed++) {
    const watch = new SimWatch()
    const options = mixture(seed)
    let undelivered = 0
    const report = run({
      ...options,
      onEvent: watch.note,
      onEnd: (world) => {
        world.runUntil(world.elapsedMs + 180_000)
        undelivered = watch.undelivered(world).length
      },
    })
    for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += report[name]
    const { lost, duplicated, wrong } = report
    const blamed = [...watch.judged].filter(
      ([peer, tally]) => tally.disagreed > 0 && !report.liarIds.has(peer),
    ).length
    if (lost + duplicated + wrong + undelivered + blamed + watch.badAnswers > 0)
      wrongSeeds.push(
        JSON.stringify({ seed, lost, duplicated, wrong, undelivered, blamed, bad: watch.badAnswers }),
      )
  }
  record('sim-seeds', { seeds, ...total, seconds: Math.round((performance.now() - startedAt) / 1_000) })
  expect(wrongSeeds).toEqual([])
  expect(total.completed).toBeGreaterThan(100 * seeds)
  expect(total.failed).toBeLessThan(0.01 * total.completed)
})
