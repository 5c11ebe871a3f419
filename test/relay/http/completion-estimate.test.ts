import { describe, expect, test } from 'vitest'
import { CompletionEstimate } from '../../../relay/http/completion-estimate.ts'
import type { Priority, TaskStatus } from '../../../shared/task/task.ts'

const start = Date.parse('2025-01-31T12:00:00.000Z')

/** Tasks that wait in the order of their acceptance for lanes that take each the same time, on a clock of its own. */
class Network {
  readonly lanes: number[]
  readonly runMs: number
  readonly waiting: { readonly acceptedAt: number; readonly ended?: (at: number) => void }[] = []
  now = start
  readonly estimate: CompletionEstimate
  workers: number
  readonly #running: {
    readonly at: number
    readonly acceptedAt: number
    readonly endsAt: number
    readonly ended?: (at: number) => void
  }[] = []

  constructor(lanes: number, runMs: number) {
    this.lanes = Array(lanes).fill(start)
    this.runMs = runMs
    this.workers = 3 * lanes
    this.estimate = new CompletionEstimate(
      async () => ({
        queue: { critical: 0, normal: this.waiting.length, low: 0 },
        workers: { count: this.workers, slots: this.workers, busy: 0, operators: 1 },
      }),
      () => this.now,
    )
  }

  submit(ended?: (at: number) => void): void {
    this.waiting.push({ acceptedAt: this.now, ...(ended === undefined ? {} : { ended }) })
    this.#assign()
  }

  /** Goes on by so many ms, one at a time. */
  run(ms: number, each: (ms: number) => void = () => {}): void {
    for (let n = 0; n < ms; n++) {
      this.now++
      for (const task of this.#running.splice(0)) {
        if (task.endsAt > this.now) {
          this.#running.push(task)
          continue
        }
        const transitions: [TaskStatus, number][] = [
          ['pending', task.acceptedAt],
          ['assigned', task.at],
          ['completed', this.now],
        ]
        this.estimate.note({ transitions })
        task.ended?.(this.now)
      }
      each(n)
      this.#assign()
    }
  }

  async secondsUntilDone(priority: Priority = 'normal'): Promise<number> {
    return (Date.parse(await this.estimate.completionTime(priority)) - this.now) / 1_000
  }

  #assign(): void {
    while (this.workers > 0 && this.#running.length < this.lanes.length && this.waiting.length > 0) {
      const task = this.waiting.shift()!
      this.#running.push({ ...task, at: this.now, endsAt: this.now + this.runMs })
    }
  }
}

const within = (estimated: number, truth: number) => {
  expect(estimated).toBeGreaterThan(truth / 1.5)
  expect(estimated).toBeLessThan(truth * 1.5)
}

describe('TSK-01 the estimated completion time', () => {
  test.each([
    ['a long queue of short tasks', { lanes: 10, runMs: 50, queued: 8_000, warmUp: 20_000 }],
    ['a long queue of long tasks', { lanes: 4, runMs: 5_000, queued: 100, warmUp: 60_000 }],
    ['one lane', { lanes: 1, runMs: 700, queued: 150, warmUp: 30_000 }],
    ['a queue that has just come', { lanes: 10, runMs: 200, queued: 2_000, warmUp: 3_000 }],
  ])('TSK-01 is right within a factor of 1.5 for %s', async (_, { lanes, runMs, queued, warmUp }) => {
    const network = new Network(lanes, runMs)
    for (let n = 0; n < queued; n++) network.submit()
    network.run(warmUp)
    expect(network.waiting.length).toBeGreaterThan(0)
    let endedAt = 0
    const from = network.now
    network.submit((at) => {
      endedAt = at
    })
    const estimated = await network.secondsUntilDone()
    network.run(120_000, () => {})
    expect(endedAt).toBeGreaterThan(0)
    within(estimated, (endedAt - from) / 1_000)
  })

  test.each([
    [1, 500],
    [10, 500],
    [18, 500],
    [2, 2_000],
  ])(
    'TSK-01 is right for %i tasks a second of %i ms each, which nobody has to wait for',
    async (perSecond, runMs) => {
      const network = new Network(10, runMs)
      network.run(60_000, (ms) => {
        if (ms % Math.round(1_000 / perSecond) === 0) network.submit()
      })
      network.submit()
      within(await network.secondsUntilDone(), runMs / 1_000)
    },
  )

  test('TSK-01 is right for a burst after a quiet minute', async () => {
    const network = new Network(10, 100)
    network.run(60_000, (ms) => {
      if (ms % 2_000 === 0) network.submit()
    })
    for (let n = 0; n < 1_000; n++) network.submit()
    // 100 tasks a second.
    within(await network.secondsUntilDone(), 10.1)
  })

  test('TSK-01 is of the work of the same and of higher priority only', async () => {
    const network = new Network(1, 1_000)
    for (let n = 0; n < 101; n++) network.submit()
    network.run(20_000)
    within(await network.secondsUntilDone('normal'), 80)
    within(await network.secondsUntilDone('low'), 80)
    within(await network.secondsUntilDone('critical'), 1)
  })

  test('TSK-01 is a guess of seconds before anything was measured', async () => {
    const network = new Network(3, 100)
    expect(await network.secondsUntilDone()).toBeLessThanOrEqual(2)
    network.submit()
    expect(await network.secondsUntilDone()).toBeGreaterThan(0)
  })

  test('TSK-01 is later where workers are missing, and not spoilt by the time without them', async () => {
    const network = new Network(10, 100)
    network.workers = 0
    for (let n = 0; n < 2_000; n++) network.submit()
    network.run(30_000)
    const without = await network.secondsUntilDone()
    expect(without).toBeGreaterThan(60)
    expect(without).toBeLessThan(3_600)
    network.workers = 30
    network.run(5_000)
    within(await network.secondsUntilDone(), network.waiting.length / 100)
  })

  test('TSK-01 says nothing by what was cancelled', async () => {
    const network = new Network(1, 100)
    const before = await network.secondsUntilDone()
    network.estimate.note({
      transitions: [
        ['pending', start],
        ['assigned', start],
        ['cancelled', start + 600_000],
      ],
    })
    expect(await network.secondsUntilDone()).toBe(before)
  })
})
