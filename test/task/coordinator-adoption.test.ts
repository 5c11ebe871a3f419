import { describe, expect, test } from 'vitest'
import { CoordinatorDriver } from '../support/coordinator-driver.ts'
import { rowsOf } from '../support/stored-rows.ts'
import { jobId, makeTask, peerId, taskId } from '../support/task-fixtures.ts'

const alice = peerId(1)
const workers = [11, 12, 13].map(peerId)
const others = [21, 22, 23].map(peerId)
const task = taskId(5)

/** A coordinator with workers that has the tasks. */
function coordinator(at: readonly ReturnType<typeof peerId>[], ...numbers: number[]): CoordinatorDriver {
  const driver = new CoordinatorDriver()
  for (const worker of at) driver.offer(worker, 100)
  for (const n of numbers) driver.submit(makeTask(n, { jobId: jobId(1), index: n }))
  return driver
}

function adopt(taker: CoordinatorDriver, dead: CoordinatorDriver): void {
  taker.give({
    kind: 'command',
    command: { type: 'coordinator/adopt', requestId: 7, rows: rowsOf(dead.disk) },
  })
}

function complete(driver: CoordinatorDriver, said = 'right'): void {
  for (const worker of [...workers, ...others])
    if (driver.holding(worker, task) !== undefined) driver.answer(worker, task, said)
}

describe('TSK-14 a coordinator takes over the tasks of one that died', () => {
  test('what was open is handed out here, and ends once', () => {
    const dead = coordinator(workers, 5)
    const taker = coordinator(others)
    adopt(taker, dead)
    expect(taker.holders(task)).toEqual(others)
    complete(taker)
    expect(taker.finished).toMatchObject([{ status: 'completed' }])
    expect(taker.coordinator.job(jobId(1))).toMatchObject({ submitter: alice, accepted: 1, completed: 1 })
  })

  test('it is on the own disk: a restart right after changes nothing', () => {
    const dead = coordinator(workers, 5, 6)
    const taker = coordinator([])
    adopt(taker, dead)
    taker.restart()
    for (const worker of others) taker.offer(worker, 100)
    expect(taker.holders(task)).toEqual(others)
    expect(taker.coordinator.report(taskId(6))).toBeDefined()
  })

  test('an answer that was counted there counts here, and its worker is not asked again', () => {
    const dead = coordinator(workers, 5)
    dead.answer(workers[0]!, task, 'right')
    const taker = coordinator([...workers, others[0]!])
    adopt(taker, dead)
    expect(taker.holders(task)).not.toContain(workers[0])
    complete(taker)
    expect(taker.finished[0]!.votes.map((vote) => vote.peerId)).toContain(workers[0])
  })

  test('attempts that were out are lost at nobody’s cost, however often it happens', () => {
    let before = coordinator(workers, 5)
    for (let deaths = 0; deaths < 60; deaths++) {
      const taker = coordinator(workers)
      adopt(taker, before)
      expect(taker.holders(task)).toEqual(workers)
      expect(taker.events('attemptLost')).toEqual([])
      before = taker
    }
    complete(before)
    expect(before.finished).toMatchObject([{ status: 'completed' }])
  })

  test('an old number of there is late here', () => {
    const dead = coordinator(workers, 5)
    const old = dead.holding(workers[0]!, task)!
    const taker = coordinator(workers)
    adopt(taker, dead)
    const numbers = workers.map((worker) => taker.holding(worker, task)!.attempt)
    expect(numbers).not.toContain(old.attempt)
  })

  test('what had ended there has ended here: a submission of it is known and not done again', () => {
    const dead = coordinator(workers, 5)
    complete(dead)
    const taker = coordinator(others)
    adopt(taker, dead)
    expect(taker.submit(makeTask(5, { jobId: jobId(1), index: 5 })).accepted).toBe(true)
    expect(taker.holders(task)).toEqual([])
    expect(taker.coordinator.counts().tasks.completed).toBe(1)
  })

  test('its submitter, a peer that had not yet got it, gets it from here', () => {
    const dead = coordinator(workers, 5)
    complete(dead)
    const taker = coordinator(others)
    taker.up.add(alice)
    adopt(taker, dead)
    taker.advance(5_000)
    const [delivered] = taker.sends('task/finished', alice).flatMap(({ items }) => items)
    expect(delivered?.task.taskId).toBe(task)
  })

  test('open here, ended there: it ends here as it did there, and its workers are told', () => {
    const dead = coordinator(workers, 5)
    complete(dead)
    const taker = coordinator(others, 5)
    adopt(taker, dead)
    expect(taker.finished).toMatchObject([{ status: 'completed', votes: dead.finished[0]!.votes }])
    for (const worker of others) expect(taker.heldBy(worker)).toEqual([])
    expect([...taker.disk.keys()].filter((key) => !key.includes('/done/') && key.includes(task))).toEqual([
      `coordinator/awaited/${task}`,
    ])
  })

  test('ended here, open or ended there: nothing changes', () => {
    for (const isEnded of [false, true]) {
      const dead = coordinator(workers, 5)
      if (isEnded) complete(dead)
      const taker = coordinator(others, 5)
      complete(taker)
      const before = rowsOf(taker.disk)
      adopt(taker, dead)
      expect(taker.finished).toHaveLength(1)
      expect(rowsOf(taker.disk)).toEqual(before)
    }
  })

  test('open at both: it goes on as it is here', () => {
    const dead = coordinator(workers, 5)
    const taker = coordinator(others, 5)
    taker.forget()
    adopt(taker, dead)
    expect(taker.events('taskAssigned')).toEqual([])
    complete(taker)
    expect(taker.finished).toHaveLength(1)
  })

  test('adopting twice is adopting once, also with a restart in between', () => {
    const dead = coordinator(workers, 5, 6)
    complete(dead)
    const taker = coordinator([])
    adopt(taker, dead)
    const before = rowsOf(taker.disk)
    adopt(taker, dead)
    expect(rowsOf(taker.disk)).toEqual(before)
    taker.restart()
    adopt(taker, dead)
    expect(rowsOf(taker.disk)).toEqual(before)
    expect(taker.events('adopted').map(({ tasks, finished }) => [tasks, finished])).toEqual([
      [1, 1],
      [0, 0],
      [0, 0],
    ])
  })

  test('another task under the same id does not replace the one that is here', () => {
    const dead = coordinator(workers)
    dead.submit(makeTask(5, { index: 9 }))
    complete(dead)
    const taker = coordinator(others, 5)
    adopt(taker, dead)
    expect(taker.finished).toEqual([])
    expect(taker.coordinator.report(task)).toBeDefined()
  })
})
