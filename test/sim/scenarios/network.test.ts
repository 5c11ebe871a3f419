import { describe, expect, test, vi } from 'vitest'
import { SimWatch } from '../../support/sim-watch.ts'
import { trueOutputHash } from '../model-programs.ts'
import { type RunOptions, run } from '../run.ts'

// On a machine that does other work.
vi.setConfig({ testTimeout: 120_000 })

const hostile = { loss: 0.05, churn: 0.2 }
/** What no network may do, whatever happens to it. */
const nothingWrong = { lost: 0, duplicated: 0, wrong: 0 }

/** A run, and what its submitters got of it half a minute after the last task ended. */
function watched(options: RunOptions) {
  const watch = new SimWatch()
  let undelivered: readonly string[] = []
  const report = run({
    ...options,
    onEvent: watch.note,
    onEnd: (world) => {
      world.runUntil(world.elapsedMs + 30_000)
      undelivered = watch.undelivered(world)
    },
  })
  return { report, watch, undelivered }
}

describe('one seed, one trace', () => {
  const small = {
    peers: 40,
    minutes: 1,
    rate: 4,
    ...hostile,
    doubling: 0.01,
    reordering: 0.01,
    relayKills: [30],
  }

  test('the same seed gives the same digest, another seed another', () => {
    const first = run({ seed: 1, ...small }).digest
    expect(run({ seed: 1, ...small }).digest).toBe(first)
    expect(run({ seed: 2, ...small }).digest).not.toBe(first)
  })

  test('the digest sees every choice: loss, churn, rate and time', () => {
    const digests = [
      run({ seed: 1, ...small }),
      run({ seed: 1, ...small, loss: 0.051 }),
      run({ seed: 1, ...small, churn: 0.21 }),
      run({ seed: 1, ...small, rate: 5 }),
      run({ seed: 1, ...small, relayKills: [31] }),
    ].map((report) => report.digest)
    expect(new Set(digests).size).toBe(digests.length)
  })
})

describe('TSK-16 a network of 200 that loses messages and peers', () => {
  test('5 % loss and 20 % churn a minute: nothing lost, doubled or wrong, and under 1 % failed', () => {
    const { report, watch, undelivered } = watched({ seed: 7, peers: 200, minutes: 2, rate: 18, ...hostile })
    expect(report).toMatchObject(nothingWrong)
    expect(report.completed).toBeGreaterThan(1_500)
    expect(report.failed).toBeLessThan(0.01 * report.completed)
    expect(report.leaves).toBeGreaterThan(60)
    expect(undelivered).toEqual([])
    expect([watch.refused, watch.badAnswers]).toEqual([[], 0])
    for (const tally of watch.judged.values()) expect(tally.disagreed + tally.noQuorum).toBe(0)
  })

  test('messages that come twice and out of order besides', () => {
    const { report, undelivered } = watched({
      ...{ seed: 8, peers: 100, minutes: 1, rate: 8, ...hostile },
      ...{ doubling: 0.05, reordering: 0.2 },
    })
    expect(report).toMatchObject(nothingWrong)
    expect(report.failed).toBeLessThan(0.01 * report.completed)
    expect(undelivered).toEqual([])
  })

  test('with more work than it can do, over 80 % of what is lent is used', () => {
    const { report } = watched({ seed: 9, peers: 100, minutes: 2, rate: 25, loss: 0, churn: 0 })
    expect(report).toMatchObject(nothingWrong)
    expect(report.busyShare).toBeGreaterThan(0.8)
  })
})

describe('TSK-14 a relay that is killed again and again under load', () => {
  test('five times in two minutes: nothing lost, doubled or wrong', () => {
    const { report, undelivered } = watched({
      ...{ seed: 11, peers: 100, minutes: 2, rate: 8, ...hostile },
      relayKills: [20, 21, 45, 70, 100],
    })
    expect(report).toMatchObject(nothingWrong)
    expect(report.failed).toBeLessThan(0.01 * report.completed)
    expect(report.completed).toBeGreaterThan(600)
    expect(undelivered).toEqual([])
  })
})

describe('TSK-09 liars', () => {
  const crowd = { seed: 12, peers: 150, minutes: 2, rate: 10, loss: 0, churn: 0 }

  test('each for itself: no answer is wrong, every liar that was judged is named, no honest one is', () => {
    const { report, watch } = watched({ ...crowd, liars: 0.1, liarRings: 0 })
    expect(report).toMatchObject(nothingWrong)
    expect(report.liarIds.size).toBeGreaterThan(5)
    let named = 0
    for (const [worker, tally] of watch.judged) {
      if (!report.liarIds.has(worker)) expect(tally.disagreed).toBe(0)
      else {
        expect(tally.agreed).toBe(0)
        named++
      }
    }
    expect(named).toBe(report.liarIds.size)
  })

  test('of one ring: an answer is wrong only where two of the ring met in one task, and then by their votes', () => {
    const { report, watch } = watched({ ...crowd, liars: 0.1 })
    expect([report.lost, report.duplicated]).toEqual([0, 0])
    let wrong = 0
    for (const { task, status, outcome, votes } of watch.finished.values()) {
      if (status !== 'completed' || outcome?.kind !== 'ok') continue
      const liars = votes.filter((vote) => report.liarIds.has(vote.peerId)).length
      if (outcome.outputHash === trueOutputHash(task)) expect(liars).toBe(0)
      else {
        expect(liars).toBe(votes.length)
        wrong++
      }
    }
    expect(wrong).toBe(report.wrong)
    // Two of three by chance at 10 %: about 2.8 %. Were the choice of workers skewed, it would be more.
    expect(wrong / report.completed).toBeLessThan(0.06)
    for (const liar of report.liarIds) {
      const tally = watch.judged.get(liar)
      if (tally !== undefined) expect(tally.disagreed + tally.noQuorum).toBeGreaterThan(0)
    }
  })

  test('of many rings: who disagrees is outvoted', () => {
    const { report } = watched({ ...crowd, liars: 0.1, liarRings: 50 })
    expect([report.lost, report.duplicated]).toEqual([0, 0])
    expect(report.wrong / report.completed).toBeLessThan(0.005)
  })
})
