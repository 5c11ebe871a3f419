import { describe, expect, test } from 'vitest'
import { CoordinatorDriver } from '../support/coordinator-driver.ts'
import { answerTo, makeTask, peerId, taskId } from '../support/task-fixtures.ts'

const alice = peerId(1)
const [w1, w2, w3, w4] = [11, 12, 13, 14].map(peerId) as [
  typeof alice,
  typeof alice,
  typeof alice,
  typeof alice,
]
const workers = [w1, w2, w3]
const task = taskId(5)

function network(): CoordinatorDriver {
  const driver = new CoordinatorDriver()
  for (const worker of workers) driver.offer(worker)
  driver.submit(makeTask(5))
  return driver
}

describe('TSK-14 the coordinator is killed and started again on its disk', () => {
  test('before anything was handed out: the task is handed out after', () => {
    const driver = new CoordinatorDriver()
    driver.submit(makeTask(5))
    driver.restart()
    for (const worker of workers) driver.offer(worker)
    expect(driver.holders(task)).toEqual(workers)
  })

  test('with the task at its workers: they keep it, their answers count, and no one else is asked', () => {
    const driver = network()
    driver.restart()
    driver.forget()
    for (const worker of workers) driver.offer(worker)
    for (const worker of workers) driver.answer(worker, task, 'right')
    expect(driver.events('taskAssigned')).toEqual([])
    expect(driver.finished).toMatchObject([{ status: 'completed', attempts: 3 }])
  })

  test('after the first answer: the answer and its commitment are not lost', () => {
    const driver = network()
    driver.answer(w1, task, 'right')
    driver.restart()
    driver.answer(w2, task, 'right')
    const [finished] = driver.finished
    expect(finished!.votes.map((vote) => vote.peerId)).toEqual([w1, w2])
    expect(finished!.commitment?.peerId).toBe(w1)
  })

  test('after two different answers: the third still decides', () => {
    const driver = network()
    driver.answer(w1, task, 'wrong')
    driver.answer(w2, task, 'right')
    driver.restart()
    driver.answer(w3, task, 'right')
    expect(driver.finished).toMatchObject([{ status: 'completed' }])
    expect(driver.events('verdict').find((event) => event.worker === w1)?.judged).toBe('disagreed')
  })

  test('after a round without two equal: the workers of before are not asked again', () => {
    const driver = network()
    for (const [n, worker] of workers.entries()) driver.answer(worker, task, `${n}`)
    driver.restart()
    driver.forget()
    for (const worker of workers) driver.offer(worker)
    expect(driver.coordinator.report(task)?.missing).toEqual({ workers: 3 })
    for (const worker of [21, 22, 23].map(peerId)) driver.offer(worker)
    expect(driver.holders(task)).toEqual([21, 22, 23].map(peerId))
  })

  test('after the end: it does not end again, a late answer is taken and forgotten', () => {
    const driver = network()
    const late = driver.holding(w3, task)!
    driver.answer(w1, task, 'right')
    driver.answer(w2, task, 'right')
    driver.restart()
    driver.forget()
    driver.answers(w3, [answerTo(late, 'wrong')])
    expect(driver.finished).toEqual([])
    expect(driver.sends('task/settle', w3)).toHaveLength(1)
  })

  test('workers that do not come back lose their work after a lease', () => {
    const driver = network()
    driver.restart()
    driver.forget()
    driver.offer(w1)
    driver.offer(w2)
    for (let second = 0; second < 17; second++) {
      driver.advance(1_000)
      for (const worker of [w1, w2, w4]) driver.offer(worker)
    }
    expect(driver.events('attemptLost')).toMatchObject([{ worker: w3, reason: 'leaseLost' }])
    expect(driver.holding(w4, task)).toBeDefined()
  })

  test('the number of an attempt is never given twice', () => {
    const driver = network()
    driver.lose(w1)
    driver.restart()
    driver.offer(w4)
    driver.lose(w2)
    driver.restart()
    driver.offer(peerId(20))
    const numbers = driver.events('taskAssigned').map((event) => event.attempt)
    expect(new Set(numbers).size).toBe(numbers.length)
    expect(numbers.length).toBe(5)
  })

  test('with the submission of one who is away: the end waits for it', () => {
    const driver = network()
    driver.lose(alice)
    driver.restart()
    for (const worker of workers) driver.answer(worker, task, 'right')
    expect(driver.sends('task/finished', alice).length).toBeLessThanOrEqual(1)
    driver.restart()
    driver.up.add(alice)
    driver.forget()
    driver.give({ kind: 'command', command: { type: 'coordinator/peerUp', peer: alice } })
    expect(driver.sends('task/finished', alice)).toHaveLength(1)
  })

  test('after a cancellation: the task stays cancelled', () => {
    const driver = network()
    driver.cancel(task, alice)
    driver.restart()
    driver.forget()
    for (const worker of workers) driver.offer(worker)
    expect(driver.submit(makeTask(5)).accepted).toBe(true)
    driver.advance(10_000)
    expect(driver.events('taskAssigned')).toEqual([])
  })

  test('the time of every state is kept', () => {
    const driver = network()
    driver.advance(500)
    for (const worker of workers) driver.offer(worker)
    driver.advance(500)
    driver.restart()
    driver.advance(500)
    driver.answer(w1, task, 'right')
    driver.answer(w2, task, 'right')
    const times = driver.finished[0]!.transitions
    expect(times.map(([status]) => status)).toEqual([
      ...['pending', 'assigned', 'running', 'pending_verification', 'completed'],
    ])
    expect(times.map(([, at]) => at - times[0]![1])).toEqual([0, 0, 500, 1_500, 1_500])
  })

  test('with thousands of tasks waiting, the order in which they came is kept', () => {
    const driver = new CoordinatorDriver()
    const order = Array.from({ length: 200 }, (_, n) => (n * 73) % 200)
    for (const n of order) {
      driver.submit(makeTask(n))
      driver.advance(10)
    }
    // A store lists rows by key.
    const rows = [...driver.disk].sort(([a], [b]) => (a < b ? -1 : 1))
    driver.disk.clear()
    for (const [key, bytes] of rows) driver.disk.set(key, bytes)
    driver.restart()
    driver.forget()
    for (const worker of workers) driver.offer(worker)
    expect(driver.events('taskAssigned')[0]!.taskId).toBe(taskId(order[0]!))
    for (const worker of workers) driver.answer(worker, taskId(order[0]!), 'right')
    expect(driver.events('taskAssigned').at(-1)!.taskId).toBe(taskId(order[1]!))
  })
})
