import { describe, expect, test } from 'vitest'
import type { ProgramRunner, TimedResult } from '../../../shared/runtime/program-runner.ts'
import { LazyRunner } from '../../../web/node/lazy-runner.ts'
import { runOf } from '../../support/program-run.ts'

const run = runOf('')
const done: TimedResult = { kind: 'ok', output: new Uint8Array(), fuelUsed: 0, durationMs: 1 }

/** A pool whose runs end when the test says so. */
class HandPool implements ProgramRunner {
  readonly slots: number
  readonly #ends: ((result: TimedResult) => void)[] = []
  isClosed = false

  constructor(slots: number) {
    this.slots = slots
  }

  run(): Promise<TimedResult> {
    return new Promise((resolve) => this.#ends.push(resolve))
  }

  endRun(): void {
    this.#ends.shift()?.(done)
  }

  async close(): Promise<void> {
    this.isClosed = true
  }
}

function lazyRunner(): { runner: LazyRunner; pools: HandPool[] } {
  const pools: HandPool[] = []
  const runner = new LazyRunner(async (slots) => {
    const pool = new HandPool(slots)
    pools.push(pool)
    return pool
  })
  return { runner, pools }
}

const never = new AbortController().signal

describe('WEB-01 sandbox slots that come when they are wanted', () => {
  test('WEB-01 makes nothing before it is asked, and runs nothing', async () => {
    const { runner, pools } = lazyRunner()
    expect(await runner.run(run, never)).toMatchObject({ kind: 'none', reason: 'host' })
    expect(runner.slots).toBe(0)
    expect(pools).toEqual([])
  })

  test('WEB-01 makes as many slots as are wanted, once', async () => {
    const { runner, pools } = lazyRunner()
    await Promise.all([runner.resize(3), runner.resize(3)])
    await runner.resize(3)
    expect(runner.slots).toBe(3)
    expect(pools).toHaveLength(1)
  })

  test('WEB-01 of wishes that come while slots are made the last one counts', async () => {
    const { runner } = lazyRunner()
    await Promise.all([runner.resize(1), runner.resize(4), runner.resize(2)])
    expect(runner.slots).toBe(2)
  })

  test('WEB-01 a smaller pool takes over while the runs of the old one end in peace', async () => {
    const { runner, pools } = lazyRunner()
    await runner.resize(2)
    const running = runner.run(run, never)
    await runner.resize(1)
    expect(runner.slots).toBe(1)
    expect(pools[0]!.isClosed).toBe(false)
    pools[0]!.endRun()
    expect(await running).toBe(done)
    expect(pools[0]!.isClosed).toBe(true)
    expect(pools[1]!.isClosed).toBe(false)
  })

  test('WEB-01 closing frees the slots, and they can be had again', async () => {
    const { runner, pools } = lazyRunner()
    await runner.resize(2)
    await runner.close()
    expect(pools[0]!.isClosed).toBe(true)
    expect(runner.slots).toBe(0)
    await runner.resize(1)
    expect(runner.slots).toBe(1)
  })

  test('WEB-01 a sandbox that does not start is told, and tried again when asked again', async () => {
    let works = false
    const runner = new LazyRunner(async (slots) => {
      if (!works) throw new Error('the frame did not load')
      return new HandPool(slots)
    })
    await expect(runner.resize(1)).rejects.toThrow('the frame did not load')
    works = true
    await runner.resize(1)
    expect(runner.slots).toBe(1)
  })
})
