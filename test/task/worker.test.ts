import { describe, expect, test } from 'vitest'
import { commitmentHash, outcomeHash, taskDigest } from '../../shared/task/digest.ts'
import type { AttemptKey } from '../../shared/task/messages.ts'
import { defaultWorkerConfig, type Ran } from '../../shared/task/worker-ports.ts'
import { sha256 } from '../sim/model-programs.ts'
import { sendsOf } from '../support/machine-driver.ts'
import { assignmentOf, hashOf, inline, makeTask, peerId, taskId } from '../support/task-fixtures.ts'
import { ran, relay, WorkerDriver } from '../support/worker-driver.ts'

const { offerGapMs } = defaultWorkerConfig
const [other, stranger] = [peerId(2), peerId(3)] as const

const given = (n: number, attempt = 1) => assignmentOf(makeTask(n), attempt)
const keyOf = ({ taskId: id, epoch, attempt }: AttemptKey) => ({ taskId: id, epoch, attempt })

describe('TSK-06 a worker offers what it lends', () => {
  test('to every coordinator, when it comes up and whenever the slots change', () => {
    const driver = new WorkerDriver(2)
    driver.up(other)
    expect(driver.lastOffer(other)).toMatchObject({ capacity: 6, holding: [] })
    driver.lend(1)
    expect(driver.lastOffer(relay)).toMatchObject({ capacity: 3 })
    expect(driver.lastOffer(other)).toMatchObject({ capacity: 3 })
    driver.lend(0)
    expect(driver.lastOffer(relay)).toMatchObject({ capacity: 0 })
  })

  test('an assignment is acknowledged at once, with what is held', () => {
    const driver = new WorkerDriver(1)
    driver.advance(1_000)
    const effects = driver.assign(relay, given(5), given(6))
    const [offer] = sendsOf(effects, 'task/offer', relay)
    expect(offer!.holding.map((held) => held.taskId)).toEqual([5, 6].map(taskId))
    expect(offer!.holding.map((held) => held.runningMs)).toEqual([0, null])
  })

  test('what begins within a quarter of a second is told in one message', () => {
    const driver = new WorkerDriver(3)
    driver.advance(1_000)
    driver.forget()
    for (let n = 0; n < 9; n++) driver.assign(relay, given(n))
    for (let n = 0; n < 6; n++) driver.finish(driver.runs()[0]!.runId)
    expect(driver.sends('task/offer')).toHaveLength(1)
    driver.advance(offerGapMs)
    expect(driver.sends('task/offer')).toHaveLength(2)
    expect(driver.lastOffer()?.holding).toHaveLength(9)
  })

  test('room for more than twice as much is told at once', () => {
    const driver = new WorkerDriver(1)
    for (let n = 0; n < 40; n++) {
      driver.assign(relay, given(n))
      driver.advance(1)
      driver.finish(driver.runs()[0]!.runId, { ...ran, durationMs: 1 })
      driver.settle(relay, [given(n)], [])
    }
    // 40 ms: far less than one gap, and what was learned in it is known.
    expect(driver.lastOffer()!.capacity).toBeGreaterThan(50)
    expect(driver.sends('task/offer').length).toBeLessThan(12)
  })

  test('less room is told at once', () => {
    const driver = new WorkerDriver(3)
    driver.assign(relay, given(1))
    driver.lend(1)
    expect(driver.lastOffer()).toMatchObject({ slots: 1, capacity: 3 })
  })

  test('while work is held it beats at least three times a lease, idle at least once a minute', () => {
    const driver = new WorkerDriver(1)
    driver.advance(60_000)
    expect(driver.sends('task/offer').length).toBeGreaterThanOrEqual(1)
    driver.forget()
    driver.assign(relay, given(5))
    driver.forget()
    driver.advance(30_000)
    expect(driver.sends('task/offer').length).toBeGreaterThanOrEqual(6)
    expect(driver.lastOffer()?.holding).toMatchObject([{ taskId: taskId(5), runningMs: 30_000 }])
  })

  test('with no coordinator and no work it sends and wakes for nothing', () => {
    const driver = new WorkerDriver(1)
    driver.lose(relay)
    driver.forget()
    driver.advance(600_000)
    expect(driver.history.filter((effect) => effect.kind === 'send')).toEqual([])
    expect(driver.timers.size).toBe(0)
  })
})

describe('TSK-08 a worker runs and answers', () => {
  test('never more runs than slots, in the order they came, each once', () => {
    const driver = new WorkerDriver(2)
    driver.assign(relay, ...[1, 2, 3, 4, 5].map((n) => given(n)))
    driver.assign(relay, ...[1, 2, 3, 4, 5].map((n) => given(n)))
    const order: string[] = []
    for (let turn = 0; turn < 5; turn++) {
      expect(driver.runs().length).toBeLessThanOrEqual(2)
      expect(driver.worker.running).toBe(driver.runs().length)
      const [run] = driver.runs()
      order.push(run!.assignment.taskId)
      driver.finish(run!.runId)
    }
    expect(order).toEqual([1, 2, 3, 4, 5].map(taskId))
    expect(driver.runs()).toEqual([])
  })

  test('the answer is whole: digests, commitment and output are those of the run', () => {
    const driver = new WorkerDriver(1)
    driver.assign(relay, given(5, 3))
    driver.finish(1)
    driver.advance(100)
    const [answer] = driver.answered()
    const hash = outcomeHash({ kind: 'ok', outputHash: hashOf('right') }, sha256)
    expect(answer).toMatchObject({
      taskId: taskId(5),
      epoch: 1,
      attempt: 3,
      taskDigest: taskDigest(makeTask(5).task, sha256),
      outcomeHash: hash,
      durationMs: 12,
      output: inline('right'),
    })
    expect(answer!.commitment!.hash).toBe(commitmentHash(new Uint8Array(32).fill(9), hash, sha256))
  })

  test('answers that come close together go under one signature', () => {
    const driver = new WorkerDriver(3)
    driver.assign(relay, given(1), given(2), given(3))
    for (const { runId } of driver.runs()) driver.finish(runId)
    driver.advance(100)
    expect(driver.sends('task/answers')).toHaveLength(1)
    expect(driver.answered()).toHaveLength(3)
  })

  test('an answer is repeated unchanged until it is taken, and not after', () => {
    const driver = new WorkerDriver(1)
    driver.assign(relay, given(5))
    driver.finish(1)
    driver.advance(10_000)
    const answers = driver.answered()
    expect(answers.length).toBeGreaterThanOrEqual(3)
    for (const answer of answers) expect(answer).toEqual(answers[0])
    expect(driver.lastOffer()?.holding).toMatchObject([{ taskId: taskId(5), runningMs: null }])
    driver.settle(relay, [given(5)])
    driver.forget()
    driver.advance(60_000)
    expect(driver.answered()).toEqual([])
    expect(driver.lastOffer()?.holding).toEqual([])
  })

  test('only its own coordinator takes or drops an answer', () => {
    const driver = new WorkerDriver(1)
    driver.up(other)
    driver.assign(relay, given(5))
    driver.finish(1)
    driver.settle(other, [given(5)], [given(5)])
    driver.settle(stranger, [given(5)], [given(5)])
    driver.advance(10_000)
    expect(driver.answered(relay).length).toBeGreaterThanOrEqual(3)
    expect(driver.answered(other)).toEqual([])
  })

  test('an attempt in the works cannot be taken, only dropped', () => {
    const driver = new WorkerDriver(1)
    driver.assign(relay, given(5))
    driver.settle(relay, [given(5)])
    expect(driver.runs()).toHaveLength(1)
    const effects = driver.settle(relay, [], [given(5)])
    expect(effects).toContainEqual({ kind: 'ask', ask: { type: 'stopRun', runId: 1 } })
    expect(driver.worker.running).toBe(0)
  })

  test('a dropped run frees its slot, and what it still brings counts for nothing', () => {
    const driver = new WorkerDriver(1)
    driver.assign(relay, given(5), given(6))
    driver.settle(relay, [], [given(5)])
    expect(driver.runs().map((run) => run.assignment.taskId)).toEqual([taskId(6)])
    driver.finish(1)
    driver.advance(1_000)
    expect(driver.answered()).toEqual([])
    expect(driver.worker.running).toBe(1)
  })

  test('the same attempt number of another epoch is another attempt', () => {
    const driver = new WorkerDriver(2)
    driver.assign(relay, given(5), { ...given(5), epoch: 2 })
    expect(driver.runs()).toHaveLength(2)
  })

  test('a result nobody waits for is ignored', () => {
    const driver = new WorkerDriver(1)
    driver.finish(99)
    driver.finish(99)
    expect(driver.worker.running).toBe(0)
    driver.assign(relay, given(5))
    driver.finish(1)
    driver.finish(1)
    driver.advance(100)
    expect(driver.answered()).toHaveLength(1)
  })

  test.each(['host', 'wallClock', 'unverifiable'] as const)(
    'a run without an outcome is handed back as %s',
    (reason) => {
      const driver = new WorkerDriver(1)
      driver.assign(relay, given(5), given(6))
      driver.finish(1, { kind: 'none', reason })
      expect(driver.sends('task/handBack', relay)).toEqual([
        { type: 'task/handBack', items: [{ ...keyOf(given(5)), reason }] },
      ])
      expect(driver.runs().map((run) => run.assignment.taskId)).toEqual([taskId(6)])
      expect(driver.lastOffer()?.holding.map((held) => held.taskId)).toEqual([taskId(6)])
    },
  )
})

describe('TSK-06 a worker that stops lending', () => {
  test('hands back what it has not answered, stops its runs and keeps its answers', () => {
    const driver = new WorkerDriver(1)
    driver.assign(relay, given(1), given(2), given(3))
    driver.finish(1)
    driver.forget()
    const effects = driver.lend(0)
    expect(sendsOf(effects, 'task/handBack', relay).flatMap((message) => message.items)).toEqual(
      [2, 3].map((n) => ({ ...keyOf(given(n)), reason: 'paused' })),
    )
    expect(effects).toContainEqual({ kind: 'ask', ask: { type: 'stopRun', runId: 2 } })
    expect(driver.worker.running).toBe(0)
    driver.advance(10_000)
    expect(driver.answered().map((answer) => answer.taskId)).toContain(taskId(1))
    expect(driver.runs()).toEqual([])
  })

  test('what it is given while it lends nothing goes back at once', () => {
    const driver = new WorkerDriver(0)
    const effects = driver.assign(relay, given(1), given(2))
    expect(sendsOf(effects, 'task/handBack', relay).flatMap((message) => message.items)).toHaveLength(2)
    expect(driver.runs()).toEqual([])
  })

  test('with fewer slots it ends what runs and begins no more than that', () => {
    const driver = new WorkerDriver(3)
    driver.assign(relay, ...[1, 2, 3, 4].map((n) => given(n)))
    driver.lend(1)
    driver.finish(1)
    expect(driver.runs()).toHaveLength(2)
    driver.finish(2)
    expect(driver.runs()).toHaveLength(1)
    driver.finish(3)
    expect(driver.runs()).toHaveLength(1)
  })

  test('after a freeze longer than its lease it hands back unasked, after a short one it goes on', () => {
    const driver = new WorkerDriver(1)
    driver.assign(relay, given(1))
    driver.freeze(11_000)
    driver.give({ kind: 'resumed', gapMs: 11_000 })
    expect(driver.sends('task/handBack')).toEqual([])
    driver.freeze(60_000)
    driver.give({ kind: 'resumed', gapMs: 60_000 })
    expect(driver.sends('task/handBack')).toMatchObject([
      { items: [{ taskId: taskId(1), reason: 'leaving' }] },
    ])
    expect(driver.worker.running).toBe(0)
    expect(driver.lastOffer()).toMatchObject({ capacity: 3, holding: [] })
  })
})

describe('TSK-14 a worker outlives its coordinator', () => {
  test('work goes on while it is away, and the answer is there when it is back', () => {
    const driver = new WorkerDriver(1)
    driver.assign(relay, given(1), given(2))
    driver.lose(relay)
    driver.finish(1)
    expect(driver.runs().map((run) => run.assignment.taskId)).toEqual([taskId(2)])
    driver.advance(30_000)
    expect(driver.answered()).toEqual([])
    driver.up(relay)
    expect(driver.answered().map((answer) => answer.taskId)).toEqual([taskId(1)])
    expect(driver.lastOffer()?.holding.map((held) => held.taskId)).toEqual([1, 2].map(taskId))
  })

  test('another coordinator gets nothing of it', () => {
    const driver = new WorkerDriver(1)
    driver.assign(relay, given(1))
    driver.lose(relay)
    driver.finish(1)
    driver.up(other)
    driver.advance(10_000)
    expect(driver.answered(other)).toEqual([])
    expect(driver.lastOffer(other)?.holding).toEqual([])
  })

  test('what is held of one that never comes back is dropped in the end', () => {
    const driver = new WorkerDriver(1)
    driver.assign(relay, given(1))
    driver.finish(1)
    driver.lose(relay)
    driver.advance(3_600_000)
    driver.up(relay)
    driver.advance(10_000)
    expect(driver.answered()).toEqual([])
  })
})

describe('TSK-16 a worker holds as much as keeps it busy', () => {
  const endOf = (durationMs: number): Ran => ({ ...ran, durationMs })

  /** Gives and finishes so many runs, each of which takes so long. */
  function work(driver: WorkerDriver, from: number, count: number, ms: number): void {
    for (let n = from; n < from + count; n++) {
      driver.assign(relay, given(n))
      driver.advance(ms)
      driver.finish(driver.runs()[0]!.runId, endOf(ms))
      driver.settle(relay, [given(n)], [])
    }
    driver.advance(offerGapMs)
  }

  test('many short runs, few long ones', () => {
    const driver = new WorkerDriver(1)
    work(driver, 0, 60, 1)
    const short = driver.lastOffer()!.capacity
    expect(short).toBeGreaterThan(100)
    expect(short).toBeLessThanOrEqual(defaultWorkerConfig.heldMax)
    work(driver, 100, 1, 500)
    expect(driver.lastOffer()!.capacity).toBeGreaterThan(50)
    work(driver, 200, 12, 500)
    expect(driver.lastOffer()!.capacity).toBe(3)
  })

  test('it begins with little, since it knows nothing', () => {
    const driver = new WorkerDriver(1)
    work(driver, 0, 3, 1)
    expect(driver.lastOffer()!.capacity).toBe(3)
  })

  test('the host has short runs ahead of a free slot, and of others one for each slot', () => {
    const driver = new WorkerDriver(2)
    const { startAheadMs } = defaultWorkerConfig
    driver.assign(relay, ...Array.from({ length: 6 }, (_, n) => given(500 + n)))
    expect(driver.runs().map(({ isAhead }) => isAhead)).toEqual([false, false])
    for (let n = 0; n < 6; n++) driver.finish(driver.runs()[0]!.runId)
    work(driver, 0, 60, 1)
    driver.assign(relay, ...Array.from({ length: 80 }, (_, n) => given(100 + n)))
    expect(driver.runs().length).toBeGreaterThan(startAheadMs)
    expect(driver.runs().length).toBeLessThanOrEqual(2 * startAheadMs)
    expect(driver.runs().filter(({ isAhead }) => !isAhead)).toHaveLength(2)
    while (driver.runs().length > 2) driver.finish(driver.runs()[0]!.runId, endOf(200))
    driver.finish(driver.runs()[0]!.runId, endOf(200))
    expect(driver.runs()).toHaveLength(2)
  })

  test('what the host could not begin ahead goes back, and nothing more is begun ahead', () => {
    const driver = new WorkerDriver(1)
    work(driver, 0, 60, 1)
    driver.assign(relay, ...Array.from({ length: 80 }, (_, n) => given(100 + n)))
    const [first, ...ahead] = driver.runs()
    driver.advance(1_000)
    driver.forget()
    for (const { runId } of ahead) driver.finish(runId, { kind: 'none', reason: 'paused' })
    const back = driver.sends('task/handBack').flatMap(({ items }) => items)
    expect(back).toHaveLength(ahead.length)
    expect(back.every(({ reason }) => reason === 'paused')).toBe(true)
    expect(driver.worker.running).toBe(1)
    driver.finish(first!.runId, endOf(1_500))
    expect(driver.worker.running).toBe(1)
  })

  test('what waits behind a long run is given back', () => {
    const driver = new WorkerDriver(1)
    work(driver, 0, 60, 1)
    driver.assign(relay, ...Array.from({ length: 50 }, (_, n) => given(100 + n)))
    const ahead = driver.runs().filter(({ isAhead }) => isAhead)
    driver.forget()
    driver.advance(1_000)
    for (const { runId } of ahead) driver.finish(runId, { kind: 'none', reason: 'paused' })
    driver.advance(7_000)
    const back = driver.sends('task/handBack').flatMap(({ items }) => items)
    expect(back).toHaveLength(47)
    expect(back.every(({ reason }) => reason === 'paused')).toBe(true)
    expect(driver.lastOffer()).toMatchObject({ capacity: 3 })
    expect(driver.lastOffer()!.holding).toHaveLength(3)
  })

  test('nothing waits behind a run of ten seconds and more, and the next one that is short is not alone', () => {
    const driver = new WorkerDriver(1)
    driver.assign(relay, given(1), given(2), given(3))
    driver.advance(16_000)
    expect(driver.sends('task/handBack').flatMap(({ items }) => items)).toHaveLength(2)
    expect(driver.lastOffer()).toMatchObject({ capacity: 1, holding: [{ taskId: given(1).taskId }] })
    driver.finish(driver.runs()[0]!.runId)
    driver.settle(relay, [given(1)])
    work(driver, 4, 4, 60_000)
    expect(driver.lastOffer()!.capacity).toBe(1)
    expect(driver.sends('task/handBack')).toHaveLength(1)
    work(driver, 8, 8, 1)
    expect(driver.lastOffer()!.capacity).toBe(3)
  })

  test('unless another slot is free of it', () => {
    const driver = new WorkerDriver(2)
    work(driver, 0, 60, 300)
    driver.assign(relay, ...Array.from({ length: 50 }, (_, n) => given(100 + n)))
    for (let turn = 0; turn < 10; turn++) {
      driver.advance(1_000)
      driver.finish(driver.runs()[1]!.runId, endOf(1_000))
    }
    expect(driver.sends('task/handBack')).toEqual([])
  })
})

describe('a flood does not break the worker', () => {
  test('what it holds is bounded, whatever it is assigned', () => {
    const driver = new WorkerDriver(2)
    for (let n = 0; n < 2_000; n++) driver.assign(relay, given(n))
    driver.advance(offerGapMs)
    const { holding, capacity } = driver.lastOffer()!
    expect(capacity).toBe(6)
    expect(holding.length).toBeLessThanOrEqual(defaultWorkerConfig.heldMax)
    expect(driver.worker.running).toBe(2)
  })

  test('a peer that is no coordinator gives it no work', () => {
    const driver = new WorkerDriver(1)
    driver.assign(stranger, ...Array.from({ length: 256 }, (_, n) => given(n)))
    expect(driver.runs()).toEqual([])
  })

  test('and cannot keep it from the work of its coordinator', () => {
    const driver = new WorkerDriver(1)
    driver.assign(stranger, ...Array.from({ length: 256 }, (_, n) => given(n)))
    driver.assign(stranger, ...Array.from({ length: 256 }, (_, n) => given(300 + n)))
    driver.assign(relay, given(1_000))
    for (let turn = 0; turn < 1_000 && driver.runs().length > 0; turn++) {
      driver.finish(driver.runs()[0]!.runId)
    }
    driver.advance(10)
    driver.assign(relay, given(1_001))
    expect(driver.runs().map((run) => run.assignment.taskId)).toEqual([taskId(1_001)])
  })

  test('one coordinator that assigns beyond the offer does not keep out another', () => {
    const driver = new WorkerDriver(1)
    driver.up(other)
    for (let n = 0; n < 1_000; n++) driver.assign(relay, given(n))
    driver.assign(other, given(2_000))
    driver.advance(offerGapMs)
    expect(driver.lastOffer(other)?.holding.map((held) => held.taskId)).toEqual([taskId(2_000)])
  })

  test('settlements of what it does not hold change nothing', () => {
    const driver = new WorkerDriver(1)
    driver.assign(relay, given(1))
    const unknown = [given(2), given(1, 2), { ...given(1), epoch: 9 }]
    driver.settle(relay, unknown, unknown)
    expect(driver.runs()).toHaveLength(1)
  })
})
