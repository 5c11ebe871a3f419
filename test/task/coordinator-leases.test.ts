import { describe, expect, test } from 'vitest'
import type { PeerId } from '../../shared/kernel/ids.ts'
import type { CoordinatorConfig } from '../../shared/task/coordinator-ports.ts'
import { CoordinatorDriver } from '../support/coordinator-driver.ts'
import { sendsOf } from '../support/machine-driver.ts'
import { answerTo, makeTask, peerId, taskId } from '../support/task-fixtures.ts'

const [w1, w2, w3, w4] = [peerId(11), peerId(12), peerId(13), peerId(14)] as const
const task = taskId(5)

/** Task 5 is with w1, w2 and w3, acknowledged and running; w4 is free. */
function running(config: Partial<CoordinatorConfig> = {}): CoordinatorDriver {
  const driver = new CoordinatorDriver(config)
  for (const worker of [w1, w2, w3]) driver.offer(worker)
  driver.submit(makeTask(5))
  for (const worker of [w1, w2, w3]) driver.offer(worker)
  driver.offer(w4)
  driver.forget()
  return driver
}

/** Seconds pass in which these workers say that they live. */
function beat(driver: CoordinatorDriver, seconds: number, ...workers: readonly PeerId[]): void {
  for (let second = 0; second < seconds; second++) {
    driver.advance(1_000)
    for (const worker of workers) driver.offer(worker, 1, driver.heldBy(worker), 1_000 * (second + 1))
  }
}

const lost = (driver: CoordinatorDriver) =>
  driver.events('attemptLost').map(({ worker, reason }) => [worker, reason])

describe('TSK-06 an assignment must be acknowledged', () => {
  test('one that is not within 5 s goes to another worker', () => {
    const driver = new CoordinatorDriver()
    for (const worker of [w1, w2, w3]) driver.offer(worker)
    driver.submit(makeTask(5))
    driver.offer(w4)
    driver.offer(w1)
    driver.offer(w2)
    driver.advance(4_900)
    expect(driver.holders(task)).not.toContain(w4)
    driver.advance(1_100)
    expect(lost(driver)).toEqual([[w3, 'unacknowledged']])
    expect(driver.holders(task)).toContain(w4)
  })

  test('an offer that left before the assignment came is not taken for its loss', () => {
    const driver = new CoordinatorDriver()
    for (const worker of [w1, w2, w3]) driver.offer(worker)
    driver.submit(makeTask(5))
    driver.offer(w1, 1, [])
    expect(lost(driver)).toEqual([])
  })

  test('a worker that no longer lists what it acknowledged has lost it', () => {
    const driver = running()
    driver.offer(w2, 1, [])
    expect(lost(driver)).toEqual([[w2, 'leaseLost']])
    expect(driver.events('taskAssigned').map((event) => event.attempt)).toEqual([4])
  })
})

describe('TSK-06 a lease is kept alive by heartbeats', () => {
  test('a silent worker has lost its work after 15 s, long before the time limit, and no one else', () => {
    const driver = running()
    beat(driver, 14, w1, w2, w4)
    expect(lost(driver)).toEqual([])
    beat(driver, 3, w1, w2, w4)
    expect(lost(driver)).toEqual([[w3, 'leaseLost']])
    expect(driver.holders(task)).toContain(w4)
  })

  test('a worker that idled, and beats more slowly for it, has its 5 s to acknowledge like any other', () => {
    const driver = new CoordinatorDriver()
    for (const worker of [w1, w2, w3]) driver.offer(worker)
    driver.advance(19_000)
    driver.submit(makeTask(5))
    driver.advance(3_000)
    expect(lost(driver)).toEqual([])
    driver.advance(3_000)
    expect(lost(driver).map(([, reason]) => reason)).toEqual(Array(3).fill('unacknowledged'))
  })

  test('a worker that keeps saying it lives keeps its work', () => {
    const driver = running()
    beat(driver, 80, w1, w2, w3)
    expect(lost(driver)).toEqual([])
  })

  test('work of a peer that is lost goes to another at once', () => {
    const driver = running()
    driver.lose(w1)
    expect(lost(driver)).toEqual([[w1, 'leaseLost']])
    expect(driver.holding(w4, task)?.attempt).toBe(4)
  })

  test('without another worker the task says that one is missing, and goes out when one comes', () => {
    const driver = running()
    driver.offer(w4, 0)
    driver.lose(w1)
    expect(driver.coordinator.report(task)?.missing).toEqual({ workers: 1 })
    driver.offer(peerId(20))
    expect(driver.holders(task)).toContain(peerId(20))
  })

  test('a worker that came back gets the task again under a new number, and the old number counts no more', () => {
    const driver = running()
    driver.offer(w4, 0)
    const old = driver.holding(w1, task)!
    driver.lose(w1)
    driver.offer(w1, 1, [])
    expect(driver.holding(w1, task)!.attempt).toBe(4)
    driver.answers(w1, [answerTo(old, 'wrong')])
    driver.answer(w2, task, 'right')
    expect(driver.finished).toEqual([])
    driver.answer(w1, task, 'right')
    expect(driver.finished[0]!.votes.map((vote) => vote.attempt).sort()).toEqual([2, 4])
  })

  test('a late answer is taken so that it is not sent again, counts nothing and is no fault', () => {
    const driver = running()
    const old = driver.holding(w1, task)!
    driver.lose(w1)
    const effects = driver.answers(w1, [answerTo(old, 'late')])
    expect(sendsOf(effects, 'task/settle', w1)[0]!.taken).toEqual([
      { taskId: task, epoch: 1, attempt: old.attempt },
    ])
    expect(driver.events('verdict')).toEqual([])
    expect(driver.events('badAnswer')).toEqual([])
  })

  test('what a worker holds though it lost it, it is told to drop', () => {
    const driver = running()
    const old = driver.holding(w1, task)!
    driver.lose(w1)
    const effects = driver.offer(w1, 1, [old])
    expect(sendsOf(effects, 'task/settle', w1).flatMap((settle) => settle.dropped)).toEqual([
      { taskId: task, epoch: 1, attempt: old.attempt },
    ])
  })

  test('no worker ever holds more than it last offered', () => {
    const driver = new CoordinatorDriver()
    for (const [worker, capacity] of [
      [w1, 2],
      [w2, 4],
      [w3, 3],
      [w4, 0],
    ] as const)
      driver.offer(worker, capacity)
    for (let n = 0; n < 10; n++) driver.submit(makeTask(n))
    expect([w1, w2, w3, w4].map((worker) => driver.heldBy(worker).length)).toEqual([2, 2, 2, 0])
    driver.answer(w1, taskId(0), 'right')
    expect(driver.heldBy(w1).length).toBe(2)
  })
})

describe('TSK-06 hand-back', () => {
  test.each(['paused', 'leaving', 'host', 'wallClock', 'unverifiable'] as const)(
    'work handed back as %s goes to another worker at once and costs nobody',
    (reason) => {
      const driver = running()
      const effects = driver.handBack(w2, [driver.holding(w2, task)!], reason)
      expect(lost(driver)).toEqual([[w2, reason]])
      expect(driver.holding(w4, task)?.attempt).toBe(4)
      expect(sendsOf(effects, 'task/settle', w2)).toHaveLength(1)
      expect(driver.events('verdict')).toEqual([])
    },
  )

  test('nobody hands back what another holds', () => {
    const driver = running()
    driver.handBack(w4, [driver.holding(w2, task)!], 'leaving')
    expect(lost(driver)).toEqual([])
  })

  test('an answered attempt cannot be handed back', () => {
    const driver = running()
    const held = driver.holding(w2, task)!
    driver.answer(w2, task, 'right')
    driver.handBack(w2, [held], 'leaving')
    expect(lost(driver)).toEqual([])
    driver.answer(w1, task, 'right')
    expect(driver.finished).toHaveLength(1)
  })
})

describe('TSK-06 over max_duration_seconds + 30 s', () => {
  test('the attempt is reassigned, and after three reassignments the task ends as timeout', () => {
    const driver = new CoordinatorDriver()
    const workers = Array.from({ length: 12 }, (_, n) => peerId(30 + n))
    for (const worker of workers) driver.offer(worker)
    driver.submit(makeTask(5, { limits: { maxDurationSeconds: 10 } }))
    for (let second = 0; second < 200 && driver.finished.length === 0; second++) {
      driver.advance(1_000)
      for (const worker of workers) {
        const held = driver.holding(worker, task)
        driver.offer(worker, 1, held === undefined ? [] : [held])
      }
    }
    const [finished] = driver.finished
    expect(finished).toMatchObject({
      status: 'timeout',
      votes: [],
      outcome: null,
      error: { kind: 'wallClock' },
    })
    expect(driver.events('attemptLost').every((event) => event.reason === 'overTime')).toBe(true)
    // Three replicas, three reassignments.
    expect(finished!.attempts).toBe(6)
  })

  test('the worker is told to stop, and not before its time', () => {
    const driver = running()
    beat(driver, 89, w1, w2, w3)
    expect(lost(driver)).toEqual([])
    beat(driver, 3, w1, w2, w3)
    expect(lost(driver)).toContainEqual([w1, 'overTime'])
    expect(driver.sends('task/settle', w1).flatMap((settle) => settle.dropped)).toHaveLength(1)
  })

  test('work that waits in a worker for its turn is not over its time, but not left there for ever', () => {
    const driver = new CoordinatorDriver()
    for (const worker of [w1, w2, w3]) driver.offer(worker)
    driver.submit(makeTask(5))
    for (let second = 0; second < 70; second++) {
      driver.advance(1_000)
      for (const worker of [w1, w2, w3]) {
        const holding = driver
          .heldBy(worker)
          .map(({ taskId: id, epoch, attempt }) => ({ taskId: id, epoch, attempt }))
        driver.give({
          kind: 'message',
          from: worker,
          message: {
            type: 'task/offer',
            slots: 1,
            capacity: 1,
            holding: holding.map((key) => ({ ...key, runningMs: null, progress: 0 })),
          },
        })
      }
    }
    expect(lost(driver)).toEqual([w1, w2, w3].map((worker) => [worker, 'notStarted']))
    expect(driver.finished).toEqual([])
  })
})

describe('TSK-06 an outage of the coordinator punishes nobody', () => {
  test('after a freeze every lease starts anew', () => {
    const driver = running()
    driver.freeze(60_000)
    driver.give({ kind: 'resumed', gapMs: 60_000 })
    driver.advance(1_500)
    expect(lost(driver)).toEqual([])
    beat(driver, 17, w1, w2, w4)
    expect(lost(driver)).toEqual([[w3, 'leaseLost']])
  })

  test('an assignment that was not acknowledged while the coordinator was frozen has its 5 s still', () => {
    const driver = new CoordinatorDriver()
    for (const worker of [w1, w2, w3]) driver.offer(worker)
    driver.submit(makeTask(5))
    driver.freeze(60_000)
    driver.give({ kind: 'resumed', gapMs: 60_000 })
    driver.advance(1_500)
    expect(lost(driver)).toEqual([])
  })

  test('runs do not go over their time while the coordinator was away: their answers wait in its socket', () => {
    const driver = running()
    driver.freeze(120_000)
    driver.give({ kind: 'resumed', gapMs: 120_000 })
    driver.advance(1_500)
    driver.answer(w1, task, 'right')
    driver.answer(w2, task, 'right')
    expect(lost(driver)).toEqual([])
    expect(driver.finished).toHaveLength(1)
  })

  test('nor while it was down: workers come back seconds after it', () => {
    const driver = running()
    driver.answer(w3, task, 'wrong')
    driver.freeze(120_000)
    driver.restart()
    driver.offer(w4)
    driver.advance(3_000)
    driver.answer(w1, task, 'right')
    driver.answer(w2, task, 'right')
    expect(lost(driver)).toEqual([])
    expect(driver.finished).toHaveLength(1)
  })
})
