import { describe, expect, test } from 'vitest'
import type { PeerId } from '../../shared/kernel/ids.ts'
import { CoordinatorDriver } from '../support/coordinator-driver.ts'
import { makeTask, peerId, taskId } from '../support/task-fixtures.ts'

const workers = [11, 12, 13].map(peerId)
const [w1, w2, w3] = workers as [PeerId, PeerId, PeerId]
const idle = [21, 22, 23, 24, 25].map(peerId)
const task = taskId(5)

/** Seconds pass in which these workers say that they live, with what they hold. */
function beat(driver: CoordinatorDriver, seconds: number, ...who: readonly PeerId[]): void {
  for (let second = 1; second <= seconds; second++) {
    driver.advance(1_000)
    for (const worker of who) driver.offer(worker, 1, driver.heldBy(worker), 1_000 * second)
  }
}

/** Tasks of the program take about a second; task 5 is with w1, w2 and w3, and the others are idle. */
function known(): CoordinatorDriver {
  const driver = new CoordinatorDriver()
  for (const worker of workers) driver.offer(worker)
  for (let n = 100; n < 110; n++) {
    driver.submit(makeTask(n))
    for (const worker of workers) driver.offer(worker)
    driver.advance(1_000)
    for (const worker of workers) driver.answer(worker, taskId(n), 'right')
  }
  driver.submit(makeTask(5))
  for (const worker of [...workers, ...idle]) driver.offer(worker)
  driver.forget()
  return driver
}

/** The same, of a program of which nothing is known. */
function unknown(): CoordinatorDriver {
  const driver = new CoordinatorDriver()
  for (const worker of workers) driver.offer(worker)
  driver.submit(makeTask(5, { limits: { maxDurationSeconds: 600 } }))
  for (const worker of [...workers, ...idle]) driver.offer(worker)
  driver.forget()
  return driver
}

const copies = (driver: CoordinatorDriver) => driver.events('taskAssigned').map((event) => event.worker)

describe('TSK-15 idle workers get copies of what slow ones have', () => {
  test('one that takes much longer than the program usually does is copied, once', () => {
    const driver = known()
    driver.answer(w1, task, 'right')
    beat(driver, 3, w2, w3, ...idle)
    expect(copies(driver)).toEqual([])
    beat(driver, 20, w2, w3, ...idle)
    expect(copies(driver)).toHaveLength(2)
    for (const worker of copies(driver)) expect(idle).toContain(worker)
  })

  test('the copy decides, nobody pays, and the slow ones are told to stop', () => {
    const driver = known()
    driver.answer(w1, task, 'right')
    beat(driver, 8, w2, w3, ...idle)
    driver.answer(copies(driver)[0]!, task, 'right')
    expect(driver.finished).toMatchObject([{ status: 'completed' }])
    expect(driver.finished[0]!.votes).toHaveLength(2)
    for (const worker of [...workers, ...idle]) expect(driver.heldBy(worker)).toEqual([])
    const judged = driver.events('verdict').map(({ worker, judged: how }) => [worker, how])
    expect(judged).toEqual([
      [w1, 'agreed'],
      [copies(driver)[0], 'agreed'],
    ])
  })

  test('while other work waits there are none', () => {
    const driver = known()
    for (let n = 200; n < 240; n++) driver.submit(makeTask(n))
    driver.forget()
    beat(driver, 10, w1, w2, w3)
    for (const { taskId: id } of driver.events('taskAssigned')) expect(id).not.toBe(task)
  })

  test('of a program of which nothing is known, a long run is no straggler', () => {
    const driver = unknown()
    const holders = driver.holders(task)
    beat(driver, 100, ...workers, ...idle)
    expect(copies(driver)).toEqual([])
    expect(driver.holders(task)).toEqual(holders)
  })

  test('a worker that holds or answered the task never gets the copy', () => {
    const driver = known()
    driver.answer(w1, task, 'right')
    for (const worker of idle) driver.offer(worker, 0)
    beat(driver, 20, w1, w2, w3)
    expect(copies(driver)).toEqual([])
  })

  test('two copies too that differ: the rounds go on as without them', () => {
    const driver = known()
    driver.answer(w1, task, 'a')
    beat(driver, 8, w2, w3, ...idle)
    const [first, second] = copies(driver)
    driver.answer(first!, task, 'b')
    driver.answer(second!, task, 'c')
    expect(driver.finished).toEqual([])
    beat(driver, 2, ...idle)
    const now = driver.holders(task).filter((worker) => driver.holding(worker, task)!.attempt > 5)
    expect(now.length).toBeGreaterThan(0)
  })
})

describe('TSK-06 active, unknown, lost', () => {
  test('one that is late is given no more, and what it has is copied to the idle', () => {
    const driver = unknown()
    beat(driver, 9, w2, w3, ...idle)
    expect(driver.events('attemptLost')).toEqual([])
    expect(copies(driver)).toHaveLength(1)
    driver.forget()
    for (let n = 300; n < 303; n++) driver.submit(makeTask(n))
    expect(copies(driver)).not.toContain(w1)
  })

  test('it comes back within its lease: its answer counts', () => {
    const driver = unknown()
    beat(driver, 9, w2, w3, ...idle)
    driver.offer(w1)
    driver.answer(w1, task, 'right')
    driver.answer(w2, task, 'right')
    expect(driver.finished[0]!.votes.map((vote) => vote.peerId)).toEqual([w1, w2])
  })

  test('after the lease it is lost, and its copy takes its place', () => {
    const driver = unknown()
    beat(driver, 16, w2, w3, ...idle)
    expect(driver.events('attemptLost').map(({ worker, reason }) => [worker, reason])).toEqual([
      [w1, 'leaseLost'],
    ])
    expect(driver.holders(task).filter((worker) => worker !== w1)).toHaveLength(3)
  })
})

describe('TSK-06 heartbeat, progress and deadline are three things', () => {
  const fetching = (driver: CoordinatorDriver, worker: PeerId, progress: number): void => {
    const holding = driver.heldBy(worker).map(({ taskId: id, epoch, attempt }) => ({
      ...{ taskId: id, epoch, attempt, runningMs: null, progress },
    }))
    driver.give({
      kind: 'message',
      from: worker,
      message: { type: 'task/offer', slots: 1, capacity: 1, holding },
    })
  }
  const alone = () => {
    const driver = new CoordinatorDriver()
    for (const worker of workers) driver.offer(worker)
    driver.submit(makeTask(5))
    for (const worker of workers) fetching(driver, worker, 0)
    driver.forget()
    return driver
  }

  test('a download that goes on keeps an attempt beyond the minute it has to begin', () => {
    const driver = alone()
    for (let second = 1; second <= 300; second++) {
      driver.advance(1_000)
      for (const worker of workers) fetching(driver, worker, second * 1_000)
    }
    expect(driver.events('attemptLost')).toEqual([])
  })

  test('a heartbeat without progress does not', () => {
    const driver = alone()
    for (let second = 1; second <= 62; second++) {
      driver.advance(1_000)
      for (const worker of workers) fetching(driver, worker, worker === w1 ? 7 : second)
    }
    expect(driver.events('attemptLost').map(({ worker, reason }) => [worker, reason])).toEqual([
      [w1, 'notStarted'],
    ])
  })

  test('progress without end neither: a quarter of an hour is the most', () => {
    const driver = alone()
    for (let second = 1; second <= 901; second++) {
      driver.advance(1_000)
      for (const worker of workers) fetching(driver, worker, second)
    }
    expect(driver.events('attemptLost').map(({ reason }) => reason)).toContain('notStarted')
  })

  test('nor do heartbeats keep a run beyond its hard deadline', () => {
    const driver = new CoordinatorDriver()
    for (const worker of workers) driver.offer(worker)
    driver.submit(makeTask(5, { limits: { maxDurationSeconds: 5 } }))
    beat(driver, 34, ...workers)
    expect(driver.events('attemptLost')).toEqual([])
    beat(driver, 3, ...workers)
    expect(driver.events('attemptLost').map(({ reason }) => reason)).toContain('overTime')
  })
})

describe('TSK-06 a task that its workers die of', () => {
  /** Every worker that runs the task dies of it; others come. Returns how many died. */
  function deaths(driver: CoordinatorDriver): number {
    let next = 100
    for (let died = 0; died < 60; ) {
      for (let i = 0; i < 4; i++) driver.offer(peerId(next + i), 8)
      next += 4
      const holders = driver.holders(task)
      if (holders.length === 0) return died
      for (const worker of holders) driver.offer(worker, 8)
      for (const worker of holders) {
        driver.heldBy(worker).length = 0
        driver.lose(worker)
        died++
      }
      driver.advance(20_000)
    }
    return 60
  }

  test('ends after a few, and says so', () => {
    const driver = new CoordinatorDriver()
    for (const worker of workers) driver.offer(worker, 8)
    driver.submit(makeTask(5))
    const died = deaths(driver)
    expect(died).toBeGreaterThanOrEqual(4)
    expect(died).toBeLessThanOrEqual(8)
    const [finished] = driver.finished
    expect(finished).toMatchObject({ status: 'failed', error: { kind: 'host' } })
    expect(finished!.error!.message).toMatch(/workers were lost while they ran it/)
  })

  test('a suspect goes to one worker at a time, to none that has other work, and none is given to that one', () => {
    const driver = new CoordinatorDriver()
    for (const worker of workers) driver.offer(worker, 8)
    driver.submit(makeTask(5))
    for (const worker of workers) driver.offer(worker, 8)
    for (const worker of workers) {
      driver.heldBy(worker).length = 0
      driver.lose(worker)
    }
    for (const worker of idle) driver.offer(worker, 8)
    const [only, ...more] = driver.holders(task)
    expect(more).toEqual([])
    for (let n = 6; n < 20; n++) driver.submit(makeTask(n))
    expect(driver.heldBy(only!)).toHaveLength(1)
    driver.answer(only!, task, 'right')
    driver.advance(1_000)
    expect(driver.holders(task)).toEqual([])
    const free = peerId(99)
    driver.offer(free, 8)
    driver.advance(1_000)
    expect(driver.holders(task)).toEqual([free])
  })

  test('one that is slow to die but innocent ends well: agreeing answers count as ever', () => {
    const driver = new CoordinatorDriver()
    for (const worker of workers) driver.offer(worker)
    driver.submit(makeTask(5))
    for (const worker of workers) driver.offer(worker)
    for (const worker of workers) {
      driver.heldBy(worker).length = 0
      driver.lose(worker)
      driver.advance(11_000)
    }
    for (const worker of idle) {
      driver.offer(worker)
      driver.advance(1_000)
      if (driver.holding(worker, task) !== undefined) driver.answer(worker, task, 'right')
    }
    expect(driver.finished).toMatchObject([{ status: 'completed' }])
  })

  test('when the network goes with most of its workers, no task is to blame', () => {
    const driver = new CoordinatorDriver()
    const crowd = Array.from({ length: 30 }, (_, i) => peerId(200 + i))
    for (let times = 0; times < 8; times++) {
      for (const worker of crowd) driver.offer(worker)
      if (times === 0) for (let n = 0; n < 10; n++) driver.submit(makeTask(n))
      for (const worker of crowd) driver.offer(worker)
      for (const worker of crowd) {
        driver.heldBy(worker).length = 0
        driver.lose(worker)
      }
      driver.advance(200_000)
    }
    expect(driver.finished).toEqual([])
  })
})
