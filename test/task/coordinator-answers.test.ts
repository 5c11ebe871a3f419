import { describe, expect, test } from 'vitest'
import { toHex } from '../../shared/kernel/bytes.ts'
import type { Hash } from '../../shared/kernel/ids.ts'
import { commitmentHash, outcomeHash } from '../../shared/task/digest.ts'
import type { Answer, Assignment } from '../../shared/task/messages.ts'
import { leafHash, rootOf } from '../../shared/verification/vote-tree.ts'
import { sha256 } from '../sim/model-programs.ts'
import { CoordinatorDriver } from '../support/coordinator-driver.ts'
import { sendsOf } from '../support/machine-driver.ts'
import { answerTo, assignmentOf, hashOf, inline, makeTask, peerId, taskId } from '../support/task-fixtures.ts'

const [w1, w2, w3] = [peerId(11), peerId(12), peerId(13)] as const
const task = taskId(5)

function network(): CoordinatorDriver {
  const driver = new CoordinatorDriver()
  for (const worker of [w1, w2, w3]) driver.offer(worker, 4)
  driver.submit(makeTask(5))
  return driver
}

/** The two honest workers answer, and the third replica is out. */
function decided(): { readonly driver: CoordinatorDriver; readonly third: Assignment } {
  const driver = network()
  const third = driver.holding(w3, task)!
  driver.answer(w1, task, 'right')
  return { driver, third }
}

const otherHash = 'e'.repeat(64) as Hash
const wrongAnswers: readonly (readonly [string, (assignment: Assignment) => Answer])[] = [
  ['of another task under this id', (given) => answerTo(given, 'right', { taskDigest: otherHash })],
  [
    'whose outcome hash is not that of its outcome',
    (given) => answerTo(given, 'right', { outcomeHash: otherHash }),
  ],
  [
    'whose commitment does not open to its outcome',
    (given) => {
      const salt = new Uint8Array(32)
      const hash = commitmentHash(salt, otherHash, sha256)
      return answerTo(given, 'right', { commitment: { hash, salt, signature: new Uint8Array(64) } })
    },
  ],
  [
    'whose commitment has another salt',
    (given) => {
      const honest = answerTo(given, 'right')
      return { ...honest, commitment: { ...honest.commitment, salt: new Uint8Array(32) } }
    },
  ],
  [
    'whose output is not what its hash says',
    (given) => answerTo(given, 'right', { output: inline('other') }),
  ],
  [
    'whose blob is not what its hash says',
    (given) => answerTo(given, 'right', { output: { kind: 'blob', hash: otherHash, sizeBytes: 5_000 } }),
  ],
  ['without its output', (given) => answerTo(given, 'right', { output: null })],
  ['with an output beside an error', (given) => answerTo(given, { error: 'fuel' }, { output: inline('x') })],
  [
    'with an output over the limit',
    (given) =>
      answerTo(given, 'right', {
        output: { kind: 'blob', hash: hashOf('right'), sizeBytes: 1024 * 1024 + 1 },
      }),
  ],
]

describe('TSK-09 an answer that contradicts itself does not count', () => {
  test.each(wrongAnswers)('%s', (_name, make) => {
    const { driver, third } = decided()
    const effects = driver.answers(w3, [make(third)])
    expect(driver.events('badAnswer')).toMatchObject([{ worker: w3, taskId: task }])
    expect(driver.finished).toEqual([])
    expect(driver.events('verdict')).toEqual([])
    expect(sendsOf(effects, 'task/settle', w3)[0]?.taken).toHaveLength(1)
    driver.answer(w2, task, 'right')
    expect(driver.finished[0]!.votes.map((vote) => vote.peerId).sort()).toEqual([w1, w2])
  })

  test('and its worker does not get to keep the replica: another worker is asked', () => {
    const { driver, third } = decided()
    driver.offer(w3, 4)
    driver.offer(peerId(20), 4)
    driver.answers(w3, [answerTo(third, 'right', { output: null })])
    driver.offer(w3, 4)
    driver.advance(6_000)
    expect(driver.holding(peerId(20), task)).toBeDefined()
  })
})

describe('TSK-09 an attempt counts once, for its worker', () => {
  test('the same answer again is acknowledged and changes nothing', () => {
    const { driver, third } = decided()
    const answer = answerTo(third, 'wrong')
    driver.answers(w3, [answer])
    const effects = driver.answers(w3, [answer, answer])
    expect(sendsOf(effects, 'task/settle', w3)[0]!.taken).toHaveLength(2)
    expect(driver.events('badAnswer')).toEqual([])
    driver.answer(w2, task, 'right')
    expect(driver.events('verdict')).toHaveLength(3)
  })

  test('a second outcome for one attempt is named as such, and the first one stands', () => {
    const { driver, third } = decided()
    driver.answers(w3, [answerTo(third, 'wrong')])
    driver.answers(w3, [answerTo(third, 'right')])
    expect(driver.events('badAnswer')).toEqual([
      { type: 'badAnswer', worker: w3, taskId: task, what: 'second outcome for one attempt' },
    ])
    expect(driver.finished).toEqual([])
    driver.answer(w2, task, 'right')
    expect(driver.events('verdict').find((event) => event.worker === w3)?.judged).toBe('disagreed')
  })

  test('two outcomes in one message are no way round it', () => {
    const { driver, third } = decided()
    driver.answers(w3, [answerTo(third, 'wrong'), answerTo(third, 'right')])
    expect(driver.events('badAnswer')).toHaveLength(1)
    expect(driver.finished).toEqual([])
  })

  test('nobody answers for another, nor twice under two numbers', () => {
    const driver = network()
    const [mine, other] = [driver.holding(w1, task)!, driver.holding(w2, task)!]
    driver.answers(w1, [answerTo(mine, 'wrong'), answerTo(other, 'wrong')])
    driver.answers(w1, [
      answerTo({ ...mine, attempt: 4 }, 'wrong'),
      answerTo({ ...mine, attempt: 0 }, 'wrong'),
    ])
    expect(driver.finished).toEqual([])
    expect(driver.coordinator.report(task)?.status).toBe('pending_verification')
  })

  test('an answer of another epoch does not count', () => {
    const { driver, third } = decided()
    driver.answers(w3, [answerTo({ ...third, epoch: 2 }, 'right')])
    expect(driver.finished).toEqual([])
  })

  test('a stranger who was given nothing is not counted', () => {
    const { driver, third } = decided()
    driver.answers(peerId(40), [answerTo(third, 'right')])
    expect(driver.finished).toEqual([])
  })

  test('an answer for a task nobody knows is acknowledged, so that its worker lets go of it', () => {
    const driver = network()
    const unknown = assignmentOf(makeTask(77), 1)
    const effects = driver.answers(w1, [answerTo(unknown, 'right')])
    expect(sendsOf(effects, 'task/settle', w1)[0]!.taken).toEqual([
      { taskId: taskId(77), epoch: 1, attempt: 1 },
    ])
    expect(driver.events('badAnswer')).toEqual([])
  })

  test('a worker that answered never gets that task again, in any round', () => {
    const driver = network()
    driver.answer(w1, task, 'a')
    driver.answer(w2, task, 'b')
    driver.answer(w3, task, 'c')
    for (const worker of [w1, w2, w3]) driver.offer(worker, 4)
    driver.advance(30_000)
    expect(driver.events('taskAssigned')).toHaveLength(3)
    for (const worker of [21, 22].map(peerId)) driver.offer(worker, 4)
    expect(driver.events('taskAssigned')).toHaveLength(3)
  })
})

describe('TSK-11 votes of a batch', () => {
  test('each vote carries the proof that it is under the signature of its message', () => {
    const driver = network()
    for (const n of [6, 7, 8]) driver.submit(makeTask(n))
    for (const worker of [w1, w2]) {
      driver.answers(
        worker,
        driver.heldBy(worker).map((assignment) => answerTo(assignment, 'right')),
      )
    }
    expect(driver.finished).toHaveLength(4)
    for (const { votes } of driver.finished) {
      for (const vote of votes) {
        const digest = driver.finished.find((one) => one.votes.includes(vote))!.task
        const assignment = { taskId: digest.taskId, epoch: 1, attempt: vote.attempt, task: digest }
        const answer = answerTo(assignment as Assignment, 'right')
        const { index, size, path, root } = vote.batch
        expect(rootOf(leafHash(answer, sha256), index, size, path, sha256)).toBe(root)
        expect(toHex(vote.batch.signature)).toBe('02'.repeat(64))
        expect(vote.outcomeHash).toBe(outcomeHash({ kind: 'ok', outputHash: hashOf('right') }, sha256))
      }
    }
  })

  test('bad answers of a batch do not spoil the proofs of the good ones', () => {
    const driver = network()
    driver.submit(makeTask(6))
    const [first, second] = driver.heldBy(w1) as [Assignment, Assignment]
    driver.answers(w1, [answerTo(first, 'right', { output: null }), answerTo(second, 'right')])
    driver.answer(w2, second.taskId, 'right')
    const vote = driver.finished[0]!.votes.find((one) => one.peerId === w1)!
    const { index, size, path, root } = vote.batch
    expect(index).toBe(1)
    expect(rootOf(leafHash(answerTo(second, 'right'), sha256), index, size, path, sha256)).toBe(root)
  })
})

describe('TSK-09 the commitment of the first answer', () => {
  test('is wanted until the round has an answer, and again in the next round', () => {
    const driver = network()
    driver.submit(makeTask(6))
    const { taskId } = makeTask(6).task
    const wanted = () => driver.coordinator.wantsCommitment(taskId)
    expect(wanted()).toBe(true)
    driver.answer(w1, taskId, 'one')
    expect(wanted()).toBe(false)
    driver.answer(w2, taskId, 'two')
    driver.answer(w3, taskId, 'three')
    expect(driver.coordinator.report(taskId)?.status).toBe('pending')
    expect(wanted()).toBe(true)
  })

  test('that was not checked stands in no receipt', () => {
    const driver = network()
    driver.submit(makeTask(6))
    const { taskId } = makeTask(6).task
    const held = driver.heldBy(w1).find((one) => one.taskId === taskId)!
    driver.answers(w1, [{ ...answerTo(held, 'right'), commitment: null }])
    driver.answer(w2, taskId, 'right')
    expect(driver.finished.find((one) => one.task.taskId === taskId)).toMatchObject({
      status: 'completed',
      commitment: null,
    })
  })
})
