import { describe, expect, test } from 'vitest'
import type { Submission } from '../../shared/task/messages.ts'
import { admin, CoordinatorDriver } from '../support/coordinator-driver.ts'
import { hashOf, inline, makeTask, peerId, type TaskOptions, taskId } from '../support/task-fixtures.ts'

const alice = peerId(1)
const MiB = 1024 * 1024

const refused = (submission: Submission, from = submission.task.submitter) => {
  const driver = new CoordinatorDriver()
  const admittance = driver.submit(submission, from)
  if (admittance.accepted) return undefined
  expect(driver.events('taskRefused')).toEqual([
    { type: 'taskRefused', from, taskId: submission.task.taskId, code: admittance.code },
  ])
  expect(driver.coordinator.report(submission.task.taskId)).toBeUndefined()
  expect(driver.disk.size).toBe(0)
  return admittance.message
}

const blob = (sizeBytes: number): TaskOptions => ({
  input: { kind: 'blob', hash: hashOf('large'), sizeBytes },
})

describe('TSK-01 submission', () => {
  test('what is right is accepted, stored before it is answered, and announced', () => {
    const driver = new CoordinatorDriver()
    expect(driver.submit(makeTask(5))).toEqual({ taskId: taskId(5), accepted: true })
    expect([...driver.disk.keys()]).toEqual([`coordinator/task/${taskId(5)}`])
    expect(driver.events('taskAccepted')).toEqual([
      { type: 'taskAccepted', taskId: taskId(5), jobId: null, submitter: alice },
    ])
  })

  test('what comes by HTTP is answered to its request', () => {
    const driver = new CoordinatorDriver()
    const items = [makeTask(5), makeTask(6, { taskType: 'cobol' })]
    driver.give({
      kind: 'command',
      command: { type: 'coordinator/submit', requestId: 9, from: alice, items },
    })
    expect(driver.asks()).toMatchObject([
      {
        type: 'admittances',
        requestId: 9,
        items: [
          { taskId: taskId(5), accepted: true },
          { taskId: taskId(6), accepted: false, message: 'Unsupported task type: cobol' },
        ],
      },
    ])
  })

  test('the same submission again is accepted and changes nothing', () => {
    const driver = new CoordinatorDriver()
    driver.submit(makeTask(5))
    const rows = [...driver.disk]
    driver.forget()
    expect(driver.submit(makeTask(5))).toEqual({ taskId: taskId(5), accepted: true })
    expect([...driver.disk]).toEqual(rows)
    expect(driver.events('taskAccepted')).toEqual([])
    expect(driver.coordinator.counts().queue.normal).toBe(1)
  })

  test('another task under a taken id is refused, while it runs and when it has ended', () => {
    const driver = new CoordinatorDriver()
    for (const worker of [11, 12, 13].map(peerId)) driver.offer(worker)
    driver.submit(makeTask(5))
    const other = makeTask(5, { index: 1 })
    expect(driver.submit(other)).toMatchObject({ accepted: false, code: 'TaskIdTaken' })
    for (const worker of [11, 12].map(peerId)) driver.answer(worker, taskId(5), 'right')
    expect(driver.finished).toHaveLength(1)
    expect(driver.submit(other)).toMatchObject({ accepted: false, code: 'TaskIdTaken' })
    expect(driver.submit(makeTask(5))).toMatchObject({ accepted: true })
    expect(driver.events('taskAccepted')).toHaveLength(1)
  })

  test('critical priority is for admins', () => {
    expect(refused(makeTask(5, { priority: 'critical' }))).toMatch(/^Forbidden: missing \S+ permission$/)
    expect(refused(makeTask(5, { priority: 'critical', submitter: admin }))).toBeUndefined()
  })

  test('nobody submits in the name of another', () => {
    expect(refused(makeTask(5), peerId(2))).toMatch(/names another submitter/)
  })
})

describe('TSK-02 what a task may be', () => {
  test.each(['text_processing', 'data_analysis', 'model_inference', 'javascript', 'wasi'])(
    '%s is a type',
    (taskType) => {
      expect(refused(makeTask(5, { taskType }))).toBeUndefined()
    },
  )

  test.each(['', 'cobol', 'JavaScript', 'toString', '__proto__'])('%j is not', (taskType) => {
    expect(refused(makeTask(5, { taskType }))).toBe(`Unsupported task type: ${taskType}`)
  })

  test('a blob of 64 MB is taken, and one byte more is not', () => {
    const limit = 'Task payload exceeds 64 MB limit'
    expect(refused(makeTask(5, blob(64 * MiB)))).toBeUndefined()
    expect(refused(makeTask(5, blob(64 * MiB + 1)))).toBe(limit)
    expect(refused(makeTask(5, { programSizeBytes: 64 * MiB }))).toBeUndefined()
    expect(refused(makeTask(5, { programSizeBytes: 64 * MiB + 1 }))).toBe(limit)
  })

  test('an input that is not what the task names is refused', () => {
    const task = makeTask(5)
    expect(refused({ ...task, input: inline('another input') })).toMatch(/is not what inputHash says/)
    expect(refused({ ...task, input: { kind: 'blob', hash: hashOf('another'), sizeBytes: 5 } })).toMatch(
      /inputHash/,
    )
  })

  test.each([
    [3, 2],
    [4, 3],
    [5, 3],
    [5, 5],
    [7, 4],
  ])('TSK-09 %i replicas and a quorum of %i are a policy', (replicas, quorum) => {
    expect(refused(makeTask(5, { verification: { replicas, quorum } }))).toBeUndefined()
  })

  test.each([
    [1, 1, 'one worker'],
    [2, 2, 'fewer than three workers'],
    [3, 1, 'a quorum of one'],
    [3, 4, 'more votes than workers'],
    [4, 2, 'half of the workers'],
    [5, 2, 'less than half'],
    [6, 3, 'half again'],
    [8, 5, 'more workers than are lent'],
    [100, 51, 'a crowd'],
  ])('TSK-09 %i replicas and a quorum of %i are none: %s', (replicas, quorum) => {
    expect(refused(makeTask(5, { verification: { replicas, quorum } }))).toBeDefined()
  })
})

describe('TSK-04 queues', () => {
  /** The order in which three workers of one slot each are given these tasks. */
  function order(submissions: readonly Submission[]): string[] {
    const driver = new CoordinatorDriver()
    for (const submission of submissions) driver.submit(submission)
    const workers = [11, 12, 13].map(peerId)
    const started: string[] = []
    for (const worker of workers) driver.offer(worker)
    for (let turn = 0; turn < submissions.length; turn++) {
      const current = driver.heldBy(workers[0]!)[0]!.taskId
      started.push(current)
      for (const worker of workers) driver.answer(worker, current, 'right')
    }
    return started
  }

  test('critical comes before normal before low, and within one the first is the first', () => {
    const priorities = ['low', 'normal', 'critical', 'low', 'normal', 'critical'] as const
    const submissions = priorities.map((priority, n) => makeTask(n, { priority, submitter: admin }))
    expect(order(submissions)).toEqual([2, 5, 1, 4, 0, 3].map(taskId))
  })

  test('a lost replica is replaced before a fresh task of its priority is begun', () => {
    const driver = new CoordinatorDriver()
    const [w1, w2, w3, w4] = [11, 12, 13, 14].map(peerId) as ReturnType<typeof peerId>[]
    for (const worker of [w1!, w2!, w3!]) driver.offer(worker)
    for (const n of [0, 1]) driver.submit(makeTask(n))
    driver.lose(w2!)
    driver.offer(w4!)
    expect(driver.heldBy(w4!).map((assignment) => assignment.taskId)).toEqual([taskId(0)])
    expect(driver.holders(taskId(1))).toEqual([])
  })

  test('a critical task is begun before a low one that waits for fresh workers', () => {
    const driver = new CoordinatorDriver()
    const old = [11, 12, 13].map(peerId)
    for (const worker of old) driver.offer(worker)
    driver.submit(makeTask(0, { priority: 'low' }))
    for (const [n, worker] of old.entries()) driver.answer(worker, taskId(0), `answer ${n}`)
    for (const worker of old) driver.offer(worker, 0)
    driver.submit(makeTask(1, { priority: 'critical', submitter: admin }))
    for (const worker of [21, 22, 23].map(peerId)) driver.offer(worker)
    expect(driver.holders(taskId(1))).toHaveLength(3)
  })

  test('at 10,000 waiting, normal and low are refused and critical is still taken', () => {
    const driver = new CoordinatorDriver()
    for (let n = 0; n < 10_000; n++) {
      const priority = n % 2 === 0 ? 'normal' : 'low'
      if (!driver.submit(makeTask(n, { priority })).accepted) throw new Error(`task ${n} was refused`)
    }
    expect(driver.coordinator.counts().queue).toEqual({ critical: 0, normal: 5_000, low: 5_000 })
    for (const priority of ['normal', 'low'] as const) {
      expect(driver.submit(makeTask(20_000, { priority }))).toEqual({
        taskId: taskId(20_000),
        accepted: false,
        code: 'QueueFull',
        message: 'Task queue full, try again later',
      })
    }
    expect(driver.submit(makeTask(20_001, { priority: 'critical', submitter: admin }))).toMatchObject({
      accepted: true,
    })
    expect(driver.submit(makeTask(2))).toEqual({ taskId: taskId(2), accepted: true })
  })

  test('a place that is free again is given again', () => {
    const driver = new CoordinatorDriver({ queueMax: 2 })
    driver.submit(makeTask(0))
    driver.submit(makeTask(1))
    expect(driver.submit(makeTask(2))).toMatchObject({ code: 'QueueFull' })
    for (const worker of [11, 12, 13].map(peerId)) driver.offer(worker)
    expect(driver.submit(makeTask(2))).toMatchObject({ accepted: true })
  })

  test('tasks that were cancelled while they waited take no place', () => {
    const driver = new CoordinatorDriver({ queueMax: 5 })
    for (let n = 0; n < 5; n++) driver.submit(makeTask(n))
    for (let n = 1; n < 5; n++) driver.cancel(taskId(n), alice)
    expect(driver.coordinator.counts().queue.normal).toBe(1)
    for (let n = 11; n < 15; n++) expect(driver.submit(makeTask(n))).toMatchObject({ accepted: true })
    expect(driver.submit(makeTask(15))).toMatchObject({ code: 'QueueFull' })
  })
})
