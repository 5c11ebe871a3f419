import { describe, expect, test } from 'vitest'
import type { PeerId } from '../../shared/kernel/ids.ts'
import type { Admission } from '../../shared/task/messages.ts'
import { CoordinatorDriver } from '../support/coordinator-driver.ts'
import { makeTask, peerId, taskId } from '../support/task-fixtures.ts'

const workers = [11, 12, 13, 14, 15].map(peerId)
const [w1] = workers as [PeerId]
const errorTarget = 0.05

/** Five workers of five operators, each with room for many. */
function network(sameSubnet = false): CoordinatorDriver {
  const driver = new CoordinatorDriver()
  for (const [n, worker] of workers.entries()) {
    driver.admissions.set(worker, {
      operator: null,
      subnetTag: sameSubnet ? 'aa' : `a${n}`,
      relay: peerId(1),
      signature: new Uint8Array(64),
    } satisfies Admission)
    driver.offer(worker, 50)
  }
  return driver
}

/** Everybody answers what it holds, until nobody holds anything. */
function work(
  driver: CoordinatorDriver,
  lie: (worker: PeerId) => string | undefined = () => undefined,
): void {
  for (let turn = 0; turn < 20; turn++) {
    for (const worker of workers) {
      for (const { taskId: id } of [...driver.heldBy(worker)])
        driver.answer(worker, id, lie(worker) ?? `right ${id}`)
    }
  }
}

/** Plain tasks, by which everybody earns its history. */
function earn(driver: CoordinatorDriver, tasks: number, lie?: (worker: PeerId) => string | undefined): void {
  for (let n = 0; n < tasks; n++) {
    driver.submit(makeTask(10_000 + n))
    work(driver, lie)
  }
}

const adaptive = (n: number) => makeTask(n, { verification: { errorTarget } })

describe('TSK-09 adaptive: as many replicas as are needed for the error target', () => {
  test('of newcomers nothing is believed: three replicas', () => {
    const driver = network()
    driver.submit(adaptive(5))
    expect(driver.holders(taskId(5))).toHaveLength(3)
  })

  test('of workers with a long history one is enough, but for spot checks', () => {
    const driver = network()
    earn(driver, 200)
    driver.forget()
    for (let n = 0; n < 200; n++) {
      driver.submit(adaptive(n))
      work(driver)
    }
    const executions = driver.finished.reduce((sum, { attempts }) => sum + attempts, 0)
    expect(driver.finished).toHaveLength(200)
    const full = driver.finished.filter(({ votes }) => votes.length >= 2).length
    expect(full).toBeGreaterThan(5)
    expect(full).toBeLessThan(50)
    expect(executions).toBeLessThan(1.5 * 200)
    for (const { status } of driver.finished) expect(status).toBe('completed')
  })

  test('a spot check looks like any other task until its first answer is in', () => {
    const driver = network()
    earn(driver, 400)
    let checked = 0
    for (let n = 0; n < 100; n++) {
      driver.submit(adaptive(n))
      const [first, ...others] = driver.holders(taskId(n))
      expect(others).toEqual([])
      driver.answer(first!, taskId(n), 'right')
      const more = driver.holders(taskId(n))
      if (more.length > 0) checked++
      for (const worker of more) driver.answer(worker, taskId(n), 'right')
    }
    expect(checked).toBeGreaterThan(2)
    expect(checked).toBeLessThan(30)
  })

  test('workers of one subnet do not make one another believed', () => {
    const driver = network(true)
    earn(driver, 200)
    driver.submit(adaptive(5))
    expect(driver.holders(taskId(5))).toHaveLength(3)
  })

  test('what they are believed for outlives a restart, and a second of it at most is lost', () => {
    const driver = network()
    earn(driver, 200)
    driver.advance(2_000)
    driver.restart()
    for (const worker of workers) driver.offer(worker, 50)
    let single = 0
    for (let n = 0; n < 20; n++) {
      driver.submit(adaptive(n))
      if (driver.holders(taskId(n)).length === 1) single++
      work(driver)
    }
    expect(single).toBeGreaterThan(10)
  })

  test('one that disagreed with a quorum is not believed any more', () => {
    const driver = network()
    earn(driver, 200)
    for (let n = 20_000; driver.events('conduct').every(({ reason }) => reason !== 'disagreement'); n++) {
      driver.submit(makeTask(n))
      work(driver, (worker) => (worker === w1 ? 'lie' : undefined))
    }
    for (const worker of workers) driver.offer(worker, worker === w1 ? 50 : 0)
    driver.submit(adaptive(5))
    expect(driver.holders(taskId(5))).toEqual([])
  })

  test('dissent among the first answers brings in the quorum', () => {
    const driver = network()
    earn(driver, 20)
    driver.submit(adaptive(5))
    const first = driver.holders(taskId(5))
    expect(first.length).toBeLessThan(3)
    driver.answer(first[0]!, taskId(5), 'lie')
    work(driver)
    expect(driver.finished.at(-1)).toMatchObject({ status: 'completed' })
    expect(driver.finished.at(-1)!.votes.length).toBeGreaterThanOrEqual(2)
  })
})

describe('REP-02 canaries: tasks whose answer is known', () => {
  test('a believed worker that turns to lying is found out by them, and nothing in them tells', () => {
    const driver = network()
    earn(driver, 400)
    driver.forget()
    let canaries = 0
    for (let n = 0; n < 3_000 && canaries === 0; n++) {
      driver.submit(adaptive(n))
      for (const assignment of driver.heldBy(w1)) {
        if (assignment.taskId === taskId(n)) continue
        canaries++
        expect(Object.keys(assignment).sort()).toEqual(
          ['attempt', 'epoch', 'input', 'programSizeBytes', 'signature', 'task', 'taskId'].sort(),
        )
      }
      // It lies from then on, and does not know that this one is known.
      work(driver, (worker) => (canaries > 0 && worker === w1 ? 'lie' : undefined))
    }
    expect(driver.events('conduct').filter(({ reason }) => reason === 'fraud')).toMatchObject([
      { worker: w1, points: -25 },
    ])
    expect(canaries).toBeGreaterThan(0)
  })

  test('they take no more than the room that the worker said it has', () => {
    const driver = network()
    earn(driver, 400)
    for (let n = 0; n < 1_000; n++) {
      for (const worker of workers) driver.offer(worker, 1)
      driver.submit(adaptive(n))
      for (const worker of workers) expect(driver.heldBy(worker).length).toBeLessThanOrEqual(1)
      work(driver)
    }
  })

  test('a right answer to one is a verified one, and it changes nothing of the task', () => {
    const driver = network()
    earn(driver, 400)
    driver.forget()
    const before = driver.coordinator.counts().tasks.completed
    for (let n = 0; n < 1_000; n++) {
      driver.submit(adaptive(n))
      work(driver)
    }
    expect(driver.finished).toHaveLength(1_000)
    expect(driver.coordinator.counts().tasks.completed).toBe(before + 1_000)
    expect(driver.events('taskAssigned').length).toBeGreaterThan(
      driver.finished.reduce((sum, { attempts }) => sum + attempts, 0),
    )
  })
})
