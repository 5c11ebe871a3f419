import { describe, expect, test } from 'vitest'
import { CoordinatorDriver } from '../support/coordinator-driver.ts'
import { answerTo, makeTask, peerId, taskId } from '../support/task-fixtures.ts'

const [w1, w2, w3] = [peerId(11), peerId(12), peerId(13)] as const
const more = [21, 22, 23].map(peerId)
const task = taskId(5)

function running(): CoordinatorDriver {
  const driver = new CoordinatorDriver()
  for (const worker of [w1, w2, w3]) driver.offer(worker, 8)
  driver.submit(makeTask(5))
  for (const worker of [w1, w2, w3]) driver.offer(worker, 8)
  return driver
}

const conduct = (driver: CoordinatorDriver) =>
  driver.events('conduct').map(({ worker, reason, points }) => [worker, reason, points])

describe('REP-02 what counts for and against a worker', () => {
  test('+5 to every agreeing worker, the late third too, once each', () => {
    const driver = running()
    for (const worker of [w1, w2, w3]) driver.answer(worker, task, 'right')
    expect(conduct(driver)).toEqual([w1, w2, w3].map((worker) => [worker, 'task_success', 5]))
  })

  test('−10 for disagreeing with the quorum', () => {
    const driver = running()
    driver.answer(w1, task, 'wrong')
    driver.answer(w2, task, 'right')
    driver.answer(w3, task, 'right')
    expect(conduct(driver)[0]).toEqual([w1, 'disagreement', -10])
  })

  test('−10 to all where no two are equal', () => {
    const driver = running()
    for (const [at, worker] of [w1, w2, w3].entries()) driver.answer(worker, task, `answer ${at}`)
    expect(conduct(driver)).toEqual([w1, w2, w3].map((worker) => [worker, 'disagreement', -10]))
  })

  test('the third disagreement within 24 hours is fraud, and a day later it is one again', () => {
    const driver = new CoordinatorDriver()
    for (const worker of [w1, w2, w3]) driver.offer(worker, 8)
    const disagree = (n: number): void => {
      driver.submit(makeTask(n))
      driver.answer(w1, taskId(n), 'wrong')
      for (const worker of [w2, w3]) driver.answer(worker, taskId(n), 'right')
    }
    for (let n = 1; n <= 3; n++) disagree(n)
    driver.freeze(25 * 60 * 60_000)
    for (const worker of [w1, w2, w3]) driver.offer(worker, 8)
    disagree(4)
    const of1 = conduct(driver).filter(([worker]) => worker === w1)
    expect(of1).toEqual([
      [w1, 'disagreement', -10],
      [w1, 'disagreement', -10],
      [w1, 'fraud', -25],
      [w1, 'disagreement', -10],
    ])
  })

  test('an error that the quorum agrees on costs nobody', () => {
    const driver = running()
    for (const worker of [w1, w2, w3]) driver.answer(worker, task, { error: 'thrown' })
    expect(conduct(driver).map(([, reason]) => reason)).toEqual(Array(3).fill('task_success'))
  })

  test.each([
    ['host', 'task_failure', -5],
    ['wallClock', 'time_limit', -10],
  ] as const)(
    'a worker that gives back for %s pays when the quorum shows that it could be done',
    (why, reason, points) => {
      const driver = running()
      driver.handBack(w1, driver.heldBy(w1), why)
      driver.answer(w2, task, 'right')
      expect(conduct(driver)).toEqual([])
      driver.answer(w3, task, 'right')
      expect(conduct(driver)).toContainEqual([w1, reason, points])
    },
  )

  test('nobody pays for a breakdown where no quorum came', () => {
    const driver = running()
    for (const worker of more) driver.offer(worker, 8)
    for (let round = 0; round < 500 && driver.finished.length === 0; round++) {
      for (const worker of [w1, w2, w3, ...more])
        if (driver.holding(worker, task)) driver.handBack(worker, driver.heldBy(worker), 'host')
      driver.advance(4_000)
      for (const worker of [w1, w2, w3, ...more]) driver.offer(worker, 8)
    }
    expect(driver.finished).toMatchObject([{ status: 'failed' }])
    expect(conduct(driver)).toEqual([])
  })

  test.each(['paused', 'leaving', 'unverifiable'] as const)('giving back because %s is free', (why) => {
    const driver = running()
    driver.handBack(w1, driver.heldBy(w1), why)
    for (const worker of [w2, w3]) driver.answer(worker, task, 'right')
    expect(conduct(driver).filter(([worker]) => worker === w1)).toEqual([])
  })

  test('−15 for keeping a lease alive beyond the deadline', () => {
    const driver = new CoordinatorDriver()
    for (const worker of [w1, w2, w3]) driver.offer(worker, 8)
    driver.submit(makeTask(5, { limits: { maxDurationSeconds: 1 } }))
    for (let second = 0; second < 33; second++) {
      for (const worker of [w1, w2, w3]) driver.offer(worker, 8, driver.heldBy(worker), second * 1_000)
      driver.advance(1_000)
    }
    expect(conduct(driver)).toContainEqual([w1, 'timeout', -15])
  })

  test('−25 for two signed outcomes of one attempt', () => {
    const driver = running()
    const assignment = driver.holding(w1, task)!
    driver.answers(w1, [answerTo(assignment, 'right')])
    driver.answers(w1, [answerTo(assignment, 'other')])
    expect(conduct(driver)).toEqual([[w1, 'fraud', -25]])
  })

  test('a lost lease costs nothing', () => {
    const driver = running()
    driver.lose(w1)
    for (const worker of [w2, w3]) driver.answer(worker, task, 'right')
    expect(conduct(driver).filter(([worker]) => worker === w1)).toEqual([])
  })

  test('nothing is taken for what happened while the coordinator was away', () => {
    const driver = running()
    driver.freeze(10 * 60_000)
    driver.restart()
    driver.forget()
    driver.advance(20_000)
    for (const worker of more) driver.offer(worker, 8)
    for (const worker of more) if (driver.holding(worker, task)) driver.answer(worker, task, 'right')
    expect(conduct(driver).filter(([, reason]) => reason !== 'task_success')).toEqual([])
  })
})
