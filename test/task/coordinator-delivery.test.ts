import { describe, expect, test } from 'vitest'
import type { PeerId } from '../../shared/kernel/ids.ts'
import type { CoordinatorConfig } from '../../shared/task/coordinator-ports.ts'
import { CoordinatorDriver } from '../support/coordinator-driver.ts'
import { jobId, makeTask, peerId, type TaskOptions, taskId } from '../support/task-fixtures.ts'

const [alice, bob, mallory] = [peerId(1), peerId(2), peerId(3)] as const
const workers = [11, 12, 13].map(peerId)
const task = taskId(5)

function network(config: Partial<CoordinatorConfig> = {}): CoordinatorDriver {
  const driver = new CoordinatorDriver(config)
  for (const worker of workers) driver.offer(worker, 8)
  return driver
}

function complete(driver: CoordinatorDriver, n: number, options: TaskOptions = {}): void {
  driver.submit(makeTask(n, options))
  for (const worker of workers) driver.answer(worker, taskId(n), 'right')
}

const deliveries = (driver: CoordinatorDriver, to: PeerId) =>
  driver.sends('task/finished', to).flatMap((message) => message.items.map((item) => item.task.taskId))

const receive = (driver: CoordinatorDriver, from: PeerId, ...ids: readonly number[]) =>
  driver.give({
    kind: 'message',
    from,
    message: { type: 'task/finishedReceived', taskIds: ids.map(taskId) },
  })

describe('TSK-11 delivery', () => {
  test('the end is pushed to the submitter, with its result and votes', () => {
    const driver = network()
    complete(driver, 5)
    const [message] = driver.sends('task/finished', alice)
    expect(message!.items[0]).toMatchObject({ status: 'completed', task: { taskId: task } })
    expect(message!.items[0]!.votes).toHaveLength(2)
  })

  test('it is repeated until the submitter says that it has it, and not after', () => {
    const driver = network()
    complete(driver, 5)
    driver.advance(10_000)
    expect(deliveries(driver, alice).length).toBeGreaterThanOrEqual(3)
    receive(driver, alice, 5)
    driver.forget()
    driver.advance(60_000)
    expect(deliveries(driver, alice)).toEqual([])
    expect([...driver.disk.keys()].filter((key) => key.includes('undelivered'))).toEqual([])
  })

  test('nobody acknowledges for another', () => {
    const driver = network()
    complete(driver, 5)
    receive(driver, mallory, 5)
    driver.forget()
    driver.advance(5_000)
    expect(deliveries(driver, alice)).toContain(task)
  })

  test('a submitter that is away gets it when it is back, also after a restart', () => {
    const driver = network()
    driver.submit(makeTask(5))
    driver.lose(alice)
    for (const worker of workers) driver.answer(worker, task, 'right')
    driver.forget()
    driver.advance(60_000)
    expect(deliveries(driver, alice)).toEqual([])
    driver.restart()
    driver.up.add(alice)
    driver.give({ kind: 'command', command: { type: 'coordinator/peerUp', peer: alice } })
    expect(deliveries(driver, alice)).toEqual([task])
  })

  test('one who comes up is no reason to push to another what it was sent this moment', () => {
    const driver = network()
    complete(driver, 5)
    driver.forget()
    for (let n = 20; n < 40; n++) {
      driver.up.add(peerId(n))
      driver.give({ kind: 'command', command: { type: 'coordinator/peerUp', peer: peerId(n) } })
    }
    expect(deliveries(driver, alice)).toEqual([])
  })

  test('what came by HTTP is pushed to nobody', () => {
    const driver = network()
    const items = [makeTask(5)]
    driver.give({
      kind: 'command',
      command: { type: 'coordinator/submit', requestId: 1, from: alice, items },
    })
    for (const worker of workers) driver.answer(worker, task, 'right')
    driver.advance(10_000)
    expect(deliveries(driver, alice)).toEqual([])
    expect(driver.coordinator.finishedKeyOf(task)).toBeDefined()
    expect([...driver.disk.keys()].filter((key) => !key.includes('/history/'))).toEqual([
      driver.coordinator.finishedKeyOf(task),
    ])
  })

  test('a submitter that lost the end and asks again by submitting again gets it again', () => {
    const driver = network()
    complete(driver, 5)
    receive(driver, alice, 5)
    driver.forget()
    expect(driver.submit(makeTask(5)).accepted).toBe(true)
    driver.advance(10_000)
    expect(deliveries(driver, alice)).toContain(task)
    expect(driver.finished).toEqual([])
  })

  test('and so it does after the coordinator was restarted, though it was delivered before', () => {
    const driver = network()
    complete(driver, 5)
    receive(driver, alice, 5)
    driver.restart()
    driver.forget()
    expect(driver.submit(makeTask(5)).accepted).toBe(true)
    driver.advance(10_000)
    expect(deliveries(driver, alice)).toContain(task)
  })

  test('results of submitters that went away for good do not take the place of those that are here', () => {
    const driver = network({ undeliveredMax: 1_000 })
    for (let n = 0; n < 1_001; n++) {
      const gone = peerId(100 + (n % 50))
      driver.submit(makeTask(n, { submitter: gone }))
      driver.cancel(taskId(n), gone)
      driver.up.delete(gone)
      driver.history.length = 0
    }
    complete(driver, 30_000)
    driver.forget()
    driver.advance(10_000)
    expect(deliveries(driver, alice)).toContain(taskId(30_000))
  })
})

describe('TSK-12 cancel', () => {
  test('the submitter cancels its task: workers drop it, it ends once, and it is told', () => {
    const driver = network()
    driver.submit(makeTask(5))
    driver.cancel(task, alice)
    expect(driver.finished).toMatchObject([{ status: 'cancelled', votes: [], outcome: null }])
    for (const worker of workers) expect(driver.heldBy(worker)).toEqual([])
    expect(deliveries(driver, alice)).toEqual([task])
    expect(driver.coordinator.report(task)).toBeUndefined()
    driver.cancel(task, alice)
    expect(driver.finished).toHaveLength(1)
  })

  test('a stranger does not', () => {
    const driver = network()
    driver.submit(makeTask(5))
    driver.cancel(task, mallory)
    driver.give({ kind: 'command', command: { type: 'coordinator/cancel', from: mallory, taskIds: [task] } })
    expect(driver.finished).toEqual([])
    for (const worker of workers) driver.answer(worker, task, 'right')
    expect(driver.finished).toMatchObject([{ status: 'completed' }])
  })

  test('an ended or unknown task cannot be cancelled', () => {
    const driver = network()
    complete(driver, 5)
    driver.cancel(task, alice)
    driver.cancel(taskId(77), alice)
    expect(driver.finished).toMatchObject([{ status: 'completed' }])
  })

  test('an answer that comes after the cancellation counts for nothing and blames nobody', () => {
    const driver = network()
    driver.submit(makeTask(5))
    const late = driver.holding(workers[0]!, task)!
    driver.answer(workers[1]!, task, 'right')
    driver.cancel(task, alice)
    driver.heldBy(workers[0]!).push(late)
    driver.answer(workers[0]!, task, 'right')
    expect(driver.finished).toHaveLength(1)
    expect(driver.events('verdict')).toEqual([])
  })

  test('a cancelled task that nobody had begun is never handed out', () => {
    const driver = new CoordinatorDriver()
    driver.submit(makeTask(5))
    driver.cancel(task, alice)
    for (const worker of workers) driver.offer(worker)
    expect(driver.events('taskAssigned')).toEqual([])
  })
})

describe('TSK-09 what is missing', () => {
  const told = (driver: CoordinatorDriver, to: PeerId) =>
    driver.sends('task/waiting', to).map((message) => message.missingWorkers)

  test('the submitter is told how many workers its task waits for, and when none is missing any more', () => {
    const driver = new CoordinatorDriver()
    driver.offer(workers[0]!)
    driver.submit(makeTask(5))
    driver.advance(2_000)
    expect(told(driver, alice)).toEqual([2])
    driver.advance(20_000)
    expect(told(driver, alice)).toEqual([2])
    for (const worker of workers) driver.offer(worker)
    driver.advance(2_000)
    expect(told(driver, alice)).toEqual([2, 0])
  })

  test('every submitter is told, not only the one whose task is next', () => {
    const driver = new CoordinatorDriver()
    driver.offer(workers[0]!)
    driver.submit(makeTask(5))
    driver.submit(makeTask(6, { submitter: bob }))
    driver.advance(3_000)
    expect(told(driver, alice)).toEqual([2])
    expect(told(driver, bob)).toEqual([2])
  })
})

describe('TSK-13 jobs', () => {
  const items = (count: number, first = 100) =>
    Array.from({ length: count }, (_, index) => makeTask(first + index, { jobId: jobId(1), index }))

  test('progress says what was accepted, completed, failed and executed', () => {
    const driver = network()
    for (const item of items(3)) driver.submit(item)
    for (const worker of workers) driver.answer(worker, taskId(100), 'right')
    for (const worker of workers) driver.answer(worker, taskId(101), { error: 'thrown' })
    const expected = {
      submitter: alice,
      accepted: 3,
      completed: 1,
      failed: 1,
      executions: 6,
      archived: 0,
      missingWorkers: 0,
    }
    expect(driver.coordinator.job(jobId(1))).toMatchObject(expected)
    driver.restart()
    expect(driver.coordinator.job(jobId(1))).toMatchObject({
      accepted: 3,
      completed: 1,
      failed: 1,
      executions: 6,
    })
  })

  test('rows of a job stand in item order', () => {
    const driver = network()
    for (const item of items(12)) driver.submit(item)
    for (let turn = 0; turn < 12; turn++)
      for (const worker of workers) {
        const held = driver.heldBy(worker)
        if (held.length > 0) driver.answer(worker, held[held.length - 1]!.taskId, 'right')
      }
    const rows = [...driver.disk.keys()]
      .filter((key) => key.startsWith(`coordinator/done/${jobId(1)}/`))
      .sort()
    expect(rows.map((key) => key.split('/').at(-1))).toEqual(items(12).map((item) => item.task.taskId))
  })

  test('a job goes on counting while thousands of single tasks come and go', () => {
    const driver = new CoordinatorDriver({ queueMax: 20_000 })
    for (const item of items(2)) driver.submit(item)
    for (let n = 1_000; n < 11_001; n++) {
      driver.submit(makeTask(n))
      driver.history.length = 0
    }
    expect(driver.coordinator.job(jobId(1))).toMatchObject({ accepted: 2, completed: 0, failed: 0 })
  })
})

test('TSK-01 what finished is known after a restart: submitting it again does not run it again', () => {
  const driver = network()
  complete(driver, 5)
  driver.restart()
  for (const worker of workers) driver.offer(worker, 8)
  driver.forget()
  expect(driver.submit(makeTask(5)).accepted).toBe(true)
  expect(driver.events('taskAccepted')).toEqual([])
  expect(driver.events('taskAssigned')).toEqual([])
})
