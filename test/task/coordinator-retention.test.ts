import { describe, expect, test } from 'vitest'
import { CoordinatorDriver } from '../support/coordinator-driver.ts'
import { jobId, makeTask, peerId, taskId } from '../support/task-fixtures.ts'

const alice = peerId(1)
const workers = [11, 12, 13].map(peerId)
const dayMs = 24 * 60 * 60_000
const week = 7 * dayMs

function ended(numbers: readonly number[], driver = new CoordinatorDriver()): CoordinatorDriver {
  for (const worker of workers) driver.offer(worker, 100)
  for (const n of numbers) {
    driver.submit(makeTask(n, { jobId: jobId(1), index: n }))
    for (const worker of workers) driver.answer(worker, taskId(n), 'right')
    // What is delivered asks for no timer, and a week passes fast.
    const received = { type: 'task/finishedReceived', taskIds: [taskId(n)] } as const
    driver.give({ kind: 'message', from: alice, message: received })
  }
  return driver
}

const archiveAsks = (driver: CoordinatorDriver): string[] =>
  driver.asks().flatMap((ask) => (ask.type === 'archive' ? ask.keys : []))

function archive(driver: CoordinatorDriver, keys: readonly string[]): void {
  driver.give({ kind: 'command', command: { type: 'coordinator/archived', keys } })
}

describe('TSK-11 finished tasks are kept seven days, then archived', () => {
  test('not before, and then once', () => {
    const driver = ended([1, 2])
    driver.advance(week - 1)
    expect(archiveAsks(driver)).toEqual([])
    driver.advance(2)
    expect(archiveAsks(driver)).toEqual([1, 2].map((n) => driver.coordinator.finishedKeyOf(taskId(n))))
  })

  test('nothing is deleted before the archive has it; a host that could not is asked again', () => {
    const driver = ended([1])
    driver.advance(week)
    expect(driver.coordinator.finishedKeyOf(taskId(1))).toBeDefined()
    expect([...driver.disk.keys()].filter((key) => key.includes('/done/'))).toHaveLength(1)
    driver.forget()
    driver.advance(15 * 60_000)
    expect(archiveAsks(driver)).toHaveLength(1)
  })

  test('after it, no row of the task or of its job is left', () => {
    const driver = ended([1, 2])
    driver.advance(week)
    archive(driver, archiveAsks(driver))
    expect([...driver.disk.keys()].filter((key) => !key.includes('/history/'))).toEqual([])
    expect(driver.coordinator.finishedKeyOf(taskId(1))).toBeUndefined()
    driver.advance(week)
    expect(archiveAsks(driver)).toHaveLength(2)
  })

  test('a job that is still under way keeps its submitter', () => {
    const driver = ended([1])
    driver.advance(week - dayMs)
    driver.submit(makeTask(2, { jobId: jobId(1), index: 2 }))
    driver.freeze(dayMs)
    driver.advance(1_000)
    archive(driver, archiveAsks(driver))
    expect(driver.coordinator.job(jobId(1))?.submitter).toBe(alice)
    expect(driver.disk.has(`coordinator/job/${jobId(1)}`)).toBe(true)
  })

  test('time goes on over a restart: what ended six days before it goes one day after', () => {
    const driver = ended([1])
    driver.freeze(6 * dayMs)
    driver.restart()
    driver.offer(workers[0]!)
    driver.advance(dayMs - 1)
    expect(archiveAsks(driver)).toEqual([])
    driver.advance(60_000)
    expect(archiveAsks(driver)).toHaveLength(1)
  })

  test('beyond the cap the oldest go first, before their time', () => {
    const driver = ended([1, 2, 3, 4, 5], new CoordinatorDriver({ finishedMax: 3 }))
    driver.advance(1_000)
    expect(archiveAsks(driver)).toEqual([1, 2].map((n) => driver.coordinator.finishedKeyOf(taskId(n))))
  })

  test('a late word of the archive on a task that is not known any more changes nothing', () => {
    const driver = ended([1])
    driver.advance(week)
    const keys = archiveAsks(driver)
    archive(driver, keys)
    driver.forget()
    archive(driver, [...keys, 'coordinator/done/x/000000000/y', ''])
    expect(driver.history.filter((effect) => effect.kind === 'save')).toEqual([])
  })
})
