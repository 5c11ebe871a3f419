import { describe, expect, test } from 'vitest'
import type { PeerId } from '../../shared/kernel/ids.ts'
import type { CoordinatorConfig } from '../../shared/task/coordinator-ports.ts'
import type { HandBackReason } from '../../shared/task/messages.ts'
import { CoordinatorDriver } from '../support/coordinator-driver.ts'
import { answerTo, jobId, makeTask, peerId, taskId } from '../support/task-fixtures.ts'

const [alice, eve] = [peerId(1), peerId(66)] as const
const honest = [11, 12, 13, 14].map(peerId)
const task = taskId(5)

/** Two honest workers run task 5 and have no room for more; eve, who has much, holds the third replica. */
function withEve(config: Partial<CoordinatorConfig> = {}): CoordinatorDriver {
  const driver = new CoordinatorDriver(config)
  driver.offer(eve, 100)
  for (const worker of honest.slice(0, 2)) driver.offer(worker)
  driver.submit(makeTask(5))
  for (const worker of [eve, ...honest.slice(0, 2)]) expect(driver.holding(worker, task)).toBeDefined()
  return driver
}

const timesGiven = (driver: CoordinatorDriver, worker: PeerId) =>
  driver.events('taskAssigned').filter((event) => event.worker === worker && event.taskId === task).length

/** Eve refuses what she is given for as long as she is given it, then the honest answer. */
function refuseAll(driver: CoordinatorDriver, refuse: (driver: CoordinatorDriver) => void): void {
  for (let n = 0; n < 300 && driver.holding(eve, task) !== undefined; n++) refuse(driver)
  for (const worker of driver.holders(task).filter((holder) => holder !== eve))
    driver.answer(worker, task, 'right')
}

describe('TSK-06 one worker alone cannot end the task of another', () => {
  test.each(['wallClock', 'host', 'unverifiable', 'paused', 'leaving'] satisfies HandBackReason[])(
    'by handing it back as %s again and again',
    (reason) => {
      const driver = withEve()
      refuseAll(driver, () => driver.handBack(eve, [driver.holding(eve, task)!], reason))
      expect(driver.finished).toMatchObject([{ status: 'completed' }])
      expect(timesGiven(driver, eve)).toBeLessThan(20)
    },
  )

  test('by saying that it has been running for an hour', () => {
    const driver = withEve()
    for (let second = 0; second < 60; second++) {
      if (driver.holding(eve, task) !== undefined) driver.offer(eve, 100, driver.heldBy(eve), 3_600_000)
      for (const worker of honest.slice(0, 2)) driver.offer(worker)
      driver.advance(1_000)
    }
    for (const worker of honest.slice(0, 2)) driver.answer(worker, task, 'right')
    expect(driver.finished).toMatchObject([{ status: 'completed' }])
    expect(timesGiven(driver, eve)).toBeLessThan(20)
  })

  test('by acknowledging it and then not listing it', () => {
    const driver = withEve()
    refuseAll(driver, () => {
      driver.offer(eve, 100)
      driver.heldBy(eve).length = 0
      driver.offer(eve, 100)
    })
    expect(driver.finished).toMatchObject([{ status: 'completed' }])
    expect(timesGiven(driver, eve)).toBeLessThan(20)
  })

  test('by answers that contradict themselves', () => {
    const driver = withEve()
    refuseAll(driver, () => {
      driver.offer(eve, 100)
      driver.answer(eve, task, 'right', { output: null })
      driver.offer(eve, 100)
    })
    expect(driver.finished).toMatchObject([{ status: 'completed' }])
    expect(timesGiven(driver, eve)).toBeLessThan(20)
  })
})

describe('TSK-06 what a worker says of itself is not believed beyond reason', () => {
  test('a run did not begin before its assignment left', () => {
    const driver = withEve()
    driver.offer(eve, 100, driver.heldBy(eve), 3_600_000)
    for (const worker of honest.slice(0, 2)) driver.offer(worker)
    driver.advance(1_100)
    expect(driver.events('attemptLost').filter((event) => event.reason === 'overTime')).toEqual([])
  })

  test('huge capacity does not draw a replica of every task to one worker', () => {
    const driver = new CoordinatorDriver({}, 3)
    for (let n = 0; n < 30; n++) driver.offer(peerId(100 + n), 3)
    driver.offer(eve, 4_096)
    for (let n = 0; n < 20; n++) driver.submit(makeTask(n))
    expect(driver.heldBy(eve).length).toBeLessThan(15)
  })
})

describe('TSK-04 no submitter holds up another', () => {
  test('a task that wants more workers than there are does not stop the tasks behind it', () => {
    const driver = new CoordinatorDriver()
    for (const worker of honest) driver.offer(worker)
    driver.submit(makeTask(0, { verification: { replicas: 7, quorum: 4 } }))
    driver.submit(makeTask(1, { submitter: peerId(2) }))
    expect(driver.holders(taskId(1))).toHaveLength(3)
    expect(driver.coordinator.report(taskId(0))?.missing).toEqual({ workers: 3 })
  })

  test('and gets its workers when they are there, though others keep coming', () => {
    const driver = new CoordinatorDriver()
    const workers = Array.from({ length: 7 }, (_, n) => peerId(100 + n))
    for (const worker of workers) driver.offer(worker)
    for (let n = 1; n < 3; n++) driver.submit(makeTask(n))
    driver.submit(makeTask(0, { verification: { replicas: 7, quorum: 4 } }))
    for (let turn = 3; turn < 60 && driver.holders(taskId(0)).length === 0; turn++) {
      driver.submit(makeTask(turn))
      const busy = workers.find((worker) => driver.heldBy(worker).length > 0)
      if (busy === undefined) continue
      const { taskId: id } = driver.heldBy(busy)[0]!
      for (const worker of driver.holders(id)) driver.answer(worker, id, 'right')
    }
    expect(driver.holders(taskId(0))).toHaveLength(7)
  })

  test('one stalled task after another does not stop the others either', () => {
    const driver = new CoordinatorDriver()
    for (const worker of honest.slice(0, 3)) driver.offer(worker, 8)
    for (let n = 0; n < 200; n++) {
      driver.submit(makeTask(n))
      for (const [m, worker] of honest.slice(0, 3).entries()) driver.answer(worker, taskId(n), `${m}`)
    }
    driver.submit(makeTask(500))
    expect(driver.holders(taskId(500))).toHaveLength(3)
  })
})

describe('TSK-09 replicas prefer different operators, then subnets', () => {
  const admission = (operator: string | null, subnetTag: string | null) => ({
    operator: operator === null ? null : (operator.repeat(64) as never),
    subnetTag,
    relay: peerId(0),
    signature: new Uint8Array(64),
  })
  /** Who gets the task, of workers admitted so, over many seeds. */
  function picks(admissions: Readonly<Record<number, ReturnType<typeof admission>>>): number[][] {
    return Array.from({ length: 40 }, (_, seed) => {
      const driver = new CoordinatorDriver({}, seed)
      const numbers = Object.keys(admissions).map(Number)
      // All at once: the offers before the last find no task.
      for (const n of numbers) driver.admissions.set(peerId(n), admissions[n]!)
      for (const n of numbers) driver.offer(peerId(n))
      driver.submit(makeTask(5))
      return numbers.filter((n) => driver.holding(peerId(n), task) !== undefined)
    })
  }

  test('of five workers of three operators, one of each', () => {
    const chosen = picks({
      11: admission('a', '01'),
      12: admission('a', '02'),
      13: admission('a', '03'),
      14: admission('b', '04'),
      15: admission('c', '05'),
    })
    for (const numbers of chosen) expect(numbers).toEqual(expect.arrayContaining([14, 15]))
  })

  test('where operators are alike or unknown, different subnets', () => {
    const chosen = picks({
      11: admission(null, '01'),
      12: admission(null, '01'),
      13: admission(null, '01'),
      14: admission(null, '02'),
      15: admission(null, '03'),
    })
    for (const numbers of chosen) expect(numbers).toEqual(expect.arrayContaining([14, 15]))
  })

  test('an operator more outweighs any number of shared subnets', () => {
    const chosen = picks({
      11: admission('a', '01'),
      12: admission('b', '01'),
      13: admission('c', '01'),
      14: admission('a', '02'),
    })
    for (const numbers of chosen) expect(numbers).toEqual(expect.arrayContaining([12, 13]))
  })
})

describe('a flood does not break the coordinator', () => {
  test('of answers, offers, hand-backs and cancellations of strangers', () => {
    const driver = withEve()
    const held = driver.holding(honest[0]!, task)!
    for (let n = 0; n < 500; n++) {
      const stranger = peerId(1_000 + n)
      driver.answers(stranger, [answerTo({ ...held, attempt: n }, 'lie')])
      driver.handBack(stranger, [held], 'host')
      driver.cancel(task, stranger)
      driver.offer(stranger, 0, [held], 1)
      driver.give({
        kind: 'message',
        from: stranger,
        message: { type: 'task/finishedReceived', taskIds: [task] },
      })
      driver.lose(stranger)
    }
    expect(driver.finished).toEqual([])
    for (const worker of driver.holders(task)) driver.answer(worker, task, 'right')
    expect(driver.finished).toMatchObject([{ status: 'completed', task: { submitter: alice } }])
    expect(driver.coordinator.counts().workers.count).toBe(3)
  })

  test('of submissions that are cancelled at once', () => {
    const driver = new CoordinatorDriver({ tasksMax: 50, queueMax: 40 })
    driver.submit(makeTask(0))
    for (let n = 1; n < 500; n++) {
      driver.submit(makeTask(n))
      driver.cancel(taskId(n), alice)
    }
    driver.advance(5_000)
    expect(driver.submit(makeTask(1_000)).accepted).toBe(true)
  })

  test('one more worker than the roster holds is not met, and the others go on', () => {
    const driver = new CoordinatorDriver({ workersMax: 3 })
    for (const worker of [...honest, eve]) driver.offer(worker)
    driver.submit(makeTask(5))
    expect(driver.holders(task)).toEqual(honest.slice(0, 3))
  })
})

describe('what a stranger knows of a task is no handle on its submitter', () => {
  const mallory = peerId(3)

  test('TSK-11 its submission or cancellation of an ended task has nothing sent to the submitter', () => {
    const driver = withEve()
    for (const worker of honest.slice(0, 2)) driver.answer(worker, task, 'right')
    driver.give({ kind: 'message', from: alice, message: { type: 'task/finishedReceived', taskIds: [task] } })
    driver.forget()
    for (let n = 0; n < 20; n++) {
      driver.submit(makeTask(5), mallory)
      driver.cancel(task, mallory)
    }
    expect(driver.history.filter((effect) => effect.kind === 'send' && effect.to === alice)).toEqual([])
  })

  test('TSK-13 it may not put tasks under the id of another submitter, whose results would stall', () => {
    const driver = new CoordinatorDriver()
    driver.submit(makeTask(11, { jobId: jobId(1) }))
    const intruder = makeTask(1, { jobId: jobId(1), submitter: mallory })
    expect(driver.submit(intruder)).toMatchObject({ accepted: false, code: 'JobIdTaken' })
    driver.restart()
    expect(driver.submit(intruder)).toMatchObject({ accepted: false, code: 'JobIdTaken' })
    expect(driver.submit(makeTask(12, { jobId: jobId(1), index: 1 })).accepted).toBe(true)
  })

  test('TSK-12 it is not told whether a task is there', () => {
    const driver = withEve()
    driver.forget()
    driver.cancel(task, mallory)
    driver.cancel(taskId(77), mallory)
    const told = driver.sends('task/submitReply', mallory).flatMap((reply) => reply.items)
    expect(told.map((item) => !item.accepted && item.code)).toEqual(
      told.map(() => !told[0]!.accepted && told[0]!.code),
    )
  })

  test.each(['before', 'after'])(
    'TSK-13 its tasks under the id of a job do not count in it, %s a restart',
    (when) => {
      const driver = new CoordinatorDriver()
      for (const worker of honest) driver.offer(worker, 20)
      const job = { jobId: jobId(1) }
      for (const n of [11, 12]) driver.submit(makeTask(n, { ...job, index: n - 11 }))
      for (const n of [1, 2, 3]) driver.submit(makeTask(n, { ...job, submitter: mallory }))
      for (const worker of honest)
        for (const { taskId: id } of [...driver.heldBy(worker)]) driver.answer(worker, id, 'right')
      if (when === 'after') {
        // A store lists rows by key.
        const rows = [...driver.disk].sort(([a], [b]) => (a < b ? -1 : 1))
        driver.disk.clear()
        for (const [key, bytes] of rows) driver.disk.set(key, bytes)
        driver.restart()
      }
      expect(driver.coordinator.job(jobId(1))).toMatchObject({ submitter: alice, accepted: 2, completed: 2 })
    },
  )
})
