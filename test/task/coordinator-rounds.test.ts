import { describe, expect, test } from 'vitest'
import { commitmentHash } from '../../shared/task/digest.ts'
import { isFinal, mayFollow } from '../../shared/task/lifecycle.ts'
import type { FinishedTask } from '../../shared/task/messages.ts'
import { sha256 } from '../sim/model-programs.ts'
import { CoordinatorDriver } from '../support/coordinator-driver.ts'
import { sendsOf } from '../support/machine-driver.ts'
import { hashOf, makeTask, peerId, taskId } from '../support/task-fixtures.ts'

const alice = peerId(1)
const w1 = peerId(11)
const w2 = peerId(12)
const w3 = peerId(13)
const w4 = peerId(14)
const w5 = peerId(15)
const w6 = peerId(16)
const task = taskId(5)

/** A network of these workers with task 5 handed out. */
function network(...workers: readonly ReturnType<typeof peerId>[]): CoordinatorDriver {
  const driver = new CoordinatorDriver()
  for (const worker of workers) driver.offer(worker)
  driver.submit(makeTask(5))
  return driver
}

const verdicts = (driver: CoordinatorDriver) =>
  Object.fromEntries(driver.events('verdict').map(({ worker, judged }) => [worker, judged]))

function expectLegal(finished: FinishedTask): void {
  const { transitions } = finished
  expect(transitions[0]![0]).toBe('pending')
  expect(transitions.at(-1)![0]).toBe(finished.status)
  for (let i = 1; i < transitions.length; i++) {
    expect(mayFollow(transitions[i - 1]![0], transitions[i]![0])).toBe(true)
    expect(transitions[i]![1]).toBeGreaterThanOrEqual(transitions[i - 1]![1])
    expect(isFinal(transitions[i]![0])).toBe(i === transitions.length - 1)
  }
}

describe('TSK-09 three workers, two equal answers', () => {
  test('the replicas go out at once, to three different workers, once each', () => {
    const driver = network(w1, w2, w3, w4)
    expect(driver.holders(task)).toHaveLength(3)
    expect(driver.events('taskAssigned')).toHaveLength(3)
    expect(new Set(driver.events('taskAssigned').map((event) => event.worker)).size).toBe(3)
  })

  test('the second equal answer completes the task, with both votes', () => {
    const driver = network(w1, w2, w3)
    driver.answer(w1, task, 'right')
    expect(driver.coordinator.report(task)?.status).toBe('pending_verification')
    expect(driver.finished).toEqual([])
    driver.answer(w3, task, 'right')
    const [finished] = driver.finished
    expect(finished).toMatchObject({
      status: 'completed',
      outcome: { kind: 'ok', outputHash: hashOf('right') },
      attempts: 3,
      error: null,
    })
    expect(finished!.votes.map((vote) => vote.peerId).sort()).toEqual([w1, w3])
    expect(finished!.output).toEqual({ kind: 'inline', bytes: new Uint8Array(Buffer.from('right')) })
    expectLegal(finished!)
  })

  test('the third answer still counts for or against its worker, and changes nothing else', () => {
    for (const [third, judged] of [
      ['right', 'agreed'],
      ['wrong', 'disagreed'],
    ] as const) {
      const driver = network(w1, w2, w3)
      driver.answer(w1, task, 'right')
      driver.answer(w2, task, 'right')
      driver.advance(1_000)
      driver.answer(w3, task, third)
      expect(verdicts(driver)).toEqual({ [w1]: 'agreed', [w2]: 'agreed', [w3]: judged })
      expect(driver.finished).toHaveLength(1)
      expect(driver.finished[0]!.votes).toHaveLength(2)
    }
  })

  test('one who answers wrongly first is outvoted and named', () => {
    const driver = network(w1, w2, w3)
    driver.answer(w2, task, 'wrong')
    driver.answer(w1, task, 'right')
    driver.answer(w3, task, 'right')
    expect(driver.finished[0]).toMatchObject({
      status: 'completed',
      outcome: { outputHash: hashOf('right') },
      commitment: null,
    })
    expect(verdicts(driver)).toEqual({ [w1]: 'agreed', [w2]: 'disagreed', [w3]: 'agreed' })
    expect(driver.coordinator.counts().disagreements).toEqual({ [w2]: 1 })
  })

  test('one who says it cannot be done is outvoted like any other', () => {
    const driver = network(w1, w2, w3)
    driver.answer(w2, task, { error: 'fuel' })
    driver.answer(w1, task, 'right')
    driver.answer(w3, task, 'right')
    expect(driver.finished[0]!.status).toBe('completed')
    expect(verdicts(driver)[w2]).toBe('disagreed')
  })

  test('an error of the program, found by two, ends the task failed with votes and nobody is blamed', () => {
    const driver = network(w1, w2, w3)
    driver.answer(w1, task, { error: 'thrown' })
    driver.answer(w2, task, { error: 'thrown' })
    driver.answer(w3, task, { error: 'thrown' })
    const [finished] = driver.finished
    expect(finished).toMatchObject({
      status: 'failed',
      outcome: { kind: 'error', error: 'thrown' },
      error: { kind: 'thrown', message: 'it thrown' },
      output: null,
    })
    expect(finished!.votes).toHaveLength(2)
    expect(verdicts(driver)).toEqual({ [w1]: 'agreed', [w2]: 'agreed', [w3]: 'agreed' })
    expect(driver.coordinator.counts().disagreements).toEqual({})
    expect(driver.events('taskAssigned')).toHaveLength(3)
    expectLegal(finished!)
  })

  test('two different errors are different answers', () => {
    const driver = network(w1, w2, w3)
    driver.answer(w1, task, { error: 'thrown' })
    driver.answer(w2, task, { error: 'fuel' })
    expect(driver.finished).toEqual([])
    driver.answer(w3, task, { error: 'fuel' })
    expect(driver.finished[0]!.outcome).toEqual({ kind: 'error', error: 'fuel' })
    expect(verdicts(driver)[w1]).toBe('disagreed')
  })

  test('the others are told the commitment to the first answer, and no answer', () => {
    const driver = network(w1, w2, w3)
    const salt = sha256(Buffer.from('salt'))
    const effects = driver.answer(w2, task, 'right')
    for (const other of [w1, w3]) {
      const [told] = sendsOf(effects, 'task/committed', other)
      expect(told).toMatchObject({ items: [{ taskId: task, peerId: w2 }] })
    }
    expect(sendsOf(effects, 'task/committed', w2)).toEqual([])
    const toWorkers = JSON.stringify(effects.filter((effect) => effect.kind === 'send'))
    expect(toWorkers).not.toContain(hashOf('right'))
    expect(commitmentHash(salt, hashOf('right'), sha256)).not.toBe(hashOf('right'))
  })

  test('the commitment is opened in the end when the first answer is the agreed one', () => {
    const driver = network(w1, w2, w3)
    driver.answer(w2, task, 'right')
    driver.answer(w1, task, 'right')
    const { commitment, votes } = driver.finished[0]!
    expect(commitment?.peerId).toBe(w2)
    expect(commitmentHash(commitment!.salt, votes[0]!.outcomeHash, sha256)).toBe(commitment!.hash)
  })

  test('with fewer workers than replicas nothing is handed out, and the report says how many are missing', () => {
    const driver = new CoordinatorDriver()
    driver.submit(makeTask(5))
    expect(driver.coordinator.report(task)).toMatchObject({ status: 'pending', missing: { workers: 3 } })
    driver.offer(w1, 10)
    expect(driver.coordinator.report(task)?.missing).toEqual({ workers: 2 })
    driver.offer(w2, 10)
    expect(driver.coordinator.report(task)?.missing).toEqual({ workers: 1 })
    expect(driver.events('taskAssigned')).toEqual([])
    driver.offer(w3)
    expect(driver.events('taskAssigned')).toHaveLength(3)
    expect(driver.coordinator.report(task)?.missing).toBeUndefined()
  })

  test('a worker that lends nothing is no worker', () => {
    const driver = network(w1, w2)
    driver.offer(w3, 0)
    expect(driver.coordinator.report(task)?.missing).toEqual({ workers: 1 })
    expect(driver.events('taskAssigned')).toEqual([])
  })

  test('busy workers are not missing ones', () => {
    const driver = network(w1, w2, w3)
    driver.submit(makeTask(6))
    expect(driver.coordinator.report(taskId(6))).toMatchObject({ status: 'pending' })
    expect(driver.coordinator.report(taskId(6))?.missing).toBeUndefined()
  })

  test('a policy of three of five waits for the third equal answer', () => {
    const driver = new CoordinatorDriver()
    for (const worker of [w1, w2, w3, w4, w5]) driver.offer(worker)
    driver.submit(makeTask(5, { verification: { replicas: 5, quorum: 3 } }))
    expect(driver.holders(task)).toHaveLength(5)
    driver.answer(w1, task, 'right')
    driver.answer(w2, task, 'right')
    driver.answer(w3, task, 'wrong')
    driver.answer(w4, task, 'other')
    expect(driver.finished).toEqual([])
    driver.answer(w5, task, 'right')
    expect(driver.finished[0]!.votes).toHaveLength(3)
    expect(verdicts(driver)).toMatchObject({ [w3]: 'disagreed', [w4]: 'disagreed', [w5]: 'agreed' })
  })
})

describe('TSK-10 no two equal', () => {
  const disagree = (driver: CoordinatorDriver, workers: readonly ReturnType<typeof peerId>[]) => {
    for (const [n, worker] of workers.entries()) driver.answer(worker, task, `${n} of ${worker}`)
  }

  test('the round fails, and three fresh workers get the task', () => {
    const driver = network(w1, w2, w3)
    disagree(driver, [w1, w2, w3])
    expect(verdicts(driver)).toEqual({ [w1]: 'noQuorum', [w2]: 'noQuorum', [w3]: 'noQuorum' })
    expect(driver.holders(task)).toEqual([])
    expect(driver.coordinator.report(task)).toMatchObject({ status: 'pending', missing: { workers: 3 } })
    for (const worker of [w4, w5]) driver.offer(worker)
    expect(driver.holders(task)).toEqual([])
    driver.offer(w6)
    expect(driver.holders(task)).toEqual([w4, w5, w6])
    driver.answer(w4, task, 'right')
    driver.answer(w6, task, 'right')
    expect(driver.finished[0]).toMatchObject({ status: 'completed', attempts: 6 })
    expect(driver.finished[0]!.votes.map((vote) => vote.peerId)).toEqual([w4, w6])
    expect(driver.finished[0]!.transitions.map(([status]) => status)).toEqual([
      ...['pending', 'assigned', 'running', 'pending_verification', 'verification_failed'],
      ...['pending', 'assigned', 'running', 'pending_verification', 'completed'],
    ])
    expectLegal(driver.finished[0]!)
  })

  test('answers of an earlier round do not make a quorum with those of a later one', () => {
    const driver = network(w1, w2, w3)
    driver.answer(w1, task, 'right')
    driver.answer(w2, task, 'b')
    driver.answer(w3, task, 'c')
    for (const worker of [w4, w5, w6]) driver.offer(worker)
    driver.answer(w4, task, 'right')
    expect(driver.finished).toEqual([])
  })

  test('three such rounds and the task fails without votes', () => {
    const driver = network(w1, w2, w3)
    disagree(driver, [w1, w2, w3])
    const more = [21, 22, 23, 24, 25, 26].map(peerId)
    for (const worker of more) driver.offer(worker)
    disagree(driver, driver.holders(task))
    expect(driver.finished).toEqual([])
    disagree(driver, driver.holders(task))
    expect(driver.finished).toHaveLength(1)
    expect(driver.finished[0]).toMatchObject({
      status: 'failed',
      outcome: null,
      votes: [],
      error: { kind: 'noQuorum' },
      attempts: 9,
    })
    expectLegal(driver.finished[0]!)
    expect(driver.events('verdict')).toHaveLength(9)
  })

  test('other tasks pass one that waits for fresh workers', () => {
    const driver = network(w1, w2, w3)
    disagree(driver, [w1, w2, w3])
    driver.submit(makeTask(6))
    expect(driver.holders(taskId(6))).toEqual([w1, w2, w3])
  })

  test('the submitter hears of the end once, whatever came before', () => {
    const driver = network(w1, w2, w3)
    disagree(driver, [w1, w2, w3])
    for (const worker of [w4, w5, w6]) driver.offer(worker)
    for (const worker of [w4, w5, w6]) driver.answer(worker, task, 'right')
    expect(driver.sends('task/finished', alice)).toHaveLength(1)
  })
})
