import { describe, expect, test } from 'vitest'
import { assignmentOf, makeTask } from '../support/task-fixtures.ts'
import { relay, WorkerDriver } from '../support/worker-driver.ts'

const assignments = [1, 2, 3].map((n) => assignmentOf(makeTask(n), 1))

describe('OPS-01 a worker that is about to leave', () => {
  test('gives back what has not begun, and finishes and answers what has', () => {
    const driver = new WorkerDriver(1)
    driver.assign(relay, ...assignments)
    driver.give({ kind: 'command', command: { type: 'worker/drain' } })
    const [back] = driver.sends('task/handBack')
    expect(back?.items.map(({ taskId }) => taskId)).toEqual(assignments.slice(1).map((each) => each.taskId))
    expect(back?.items.map(({ reason }) => reason)).toEqual(['leaving', 'leaving'])
    const [run] = driver.runs()
    driver.finish(run!.runId)
    driver.advance(1_000)
    expect(driver.sends('task/answers').flatMap(({ items }) => items)).toHaveLength(1)
    expect(driver.worker.held).toBe(1)
    driver.settle(relay, [assignments[0]!])
    expect(driver.worker.held).toBe(0)
  })

  test('says that it takes nothing more, and gives back what crosses that word', () => {
    const driver = new WorkerDriver(2)
    driver.give({ kind: 'command', command: { type: 'worker/drain' } })
    expect(driver.sends('task/offer').at(-1)?.capacity).toBe(0)
    driver.assign(relay, ...assignments)
    expect(driver.runs()).toEqual([])
    expect(driver.sends('task/handBack').flatMap(({ items }) => items)).toHaveLength(3)
  })

  test('an assignment that is repeated while its run goes on is not given back', () => {
    const driver = new WorkerDriver(1)
    driver.assign(relay, assignments[0]!)
    driver.give({ kind: 'command', command: { type: 'worker/drain' } })
    driver.assign(relay, assignments[0]!)
    expect(driver.sends('task/handBack')).toEqual([])
    expect(driver.runs()).toHaveLength(1)
  })

  test('lends again when told to', () => {
    const driver = new WorkerDriver(1)
    driver.give({ kind: 'command', command: { type: 'worker/drain' } })
    driver.lend(1)
    expect(driver.sends('task/offer').at(-1)?.capacity).toBeGreaterThan(0)
    driver.assign(relay, assignments[0]!)
    expect(driver.runs()).toHaveLength(1)
  })
})
