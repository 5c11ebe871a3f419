import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isFinal, mayFollow } from '../../shared/task/lifecycle.ts'
import type { Assignment, Submission } from '../../shared/task/messages.ts'
import { handBackReasons } from '../../shared/task/messages.ts'
import { guestErrors } from '../../shared/task/task.ts'
import { CoordinatorDriver } from '../support/coordinator-driver.ts'
import { propertyRuns } from '../support/property-runs.ts'
import {
  answerTo,
  assignmentOf,
  type GivenAnswer,
  inline,
  makeTask,
  peerId,
} from '../support/task-fixtures.ts'

/** Peers that say whatever they like, of tasks that are there and tasks that are not. */
const peers = [11, 12, 13, 14, 15, 16, 17, 18].map(peerId)
const policies = [
  { replicas: 3, quorum: 2 },
  { replicas: 5, quorum: 3 },
  { replicas: 7, quorum: 4 },
  { replicas: 4, quorum: 3 },
]
const submissions: readonly Submission[] = policies.map((verification, n) =>
  makeTask(n, { verification, submitter: peers[n]!, limits: { maxDurationSeconds: 5 } }),
)

const whole = (max: number) => fc.nat({ max })
const anyPeer = fc.constantFrom(...peers)
const anyTask = fc.constantFrom(...submissions)
const attempt: fc.Arbitrary<Assignment> = fc
  .tuple(anyTask, whole(9), fc.integer({ min: 1, max: 2 }))
  .map(([submission, number, epoch]) => ({ ...assignmentOf(submission, number), epoch }))
const said = fc.oneof(
  fc.constantFrom('a', 'a', 'a', 'b', 'c', 'd'),
  fc.constantFrom(...guestErrors).map((error) => ({ error })),
)
const flaw: fc.Arbitrary<Partial<GivenAnswer>> = fc.oneof(
  { weight: 20, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.constant({ output: null }) },
  { weight: 1, arbitrary: fc.constant({ output: inline('z') }) },
)

type Step = (driver: CoordinatorDriver) => unknown
const answerHeld = fc.tuple(anyPeer, whole(20), said, flaw).map(
  ([from, which, what, over]): Step =>
    (driver) => {
      const held = driver.heldBy(from)
      if (held.length > 0) driver.answers(from, [answerTo(held[which % held.length]!, what, over)])
    },
)

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 16, arbitrary: answerHeld },
  {
    weight: 2,
    arbitrary: fc.tuple(anyPeer, fc.array(fc.tuple(attempt, said, flaw), { maxLength: 4 })).map(
      ([from, items]): Step =>
        (driver) =>
          driver.answers(
            from,
            items.map(([key, what, over]) => answerTo(key, what, over)),
          ),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(anyPeer, whole(4), fc.option(whole(1_000_000), { nil: undefined })).map(
      ([from, capacity, runningMs]): Step =>
        (driver) =>
          driver.offer(from, capacity, driver.heldBy(from), runningMs),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(anyPeer, whole(4), fc.array(attempt, { maxLength: 3 })).map(
      ([from, capacity, keys]): Step =>
        (driver) =>
          driver.offer(from, capacity, keys),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(anyPeer, fc.constantFrom(...handBackReasons)).map(
      ([from, reason]): Step =>
        (driver) =>
          driver.handBack(from, driver.heldBy(from).slice(0, 1), reason),
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(anyPeer, fc.constantFrom(...handBackReasons), fc.array(attempt, { maxLength: 3 }))
      .map(
        ([from, reason, keys]): Step =>
          (driver) =>
            driver.handBack(from, keys, reason),
      ),
  },
  {
    weight: 3,
    arbitrary: anyTask.map(
      (submission): Step =>
        (driver) =>
          driver.submit(submission),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(anyTask, anyPeer).map(
      ([submission, from]): Step =>
        (driver) =>
          driver.submit(submission, from),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(anyTask, anyPeer).map(
      ([submission, from]): Step =>
        (driver) =>
          driver.cancel(submission.task.taskId, from),
    ),
  },
  {
    weight: 1,
    arbitrary: anyPeer.map(
      (peer): Step =>
        (driver) =>
          driver.lose(peer),
    ),
  },
  {
    weight: 3,
    arbitrary: whole(20_000).map(
      (ms): Step =>
        (driver) =>
          driver.advance(ms),
    ),
  },
  {
    weight: 1,
    arbitrary: whole(100_000).map(
      (ms): Step =>
        (driver) => {
          driver.freeze(ms)
          driver.give({ kind: 'resumed', gapMs: ms })
        },
    ),
  },
  { weight: 1, arbitrary: fc.constant<Step>((driver) => driver.restart()) },
  {
    weight: 1,
    arbitrary: fc.tuple(anyPeer, anyTask).map(
      ([from, submission]): Step =>
        (driver) =>
          driver.give({
            kind: 'message',
            from,
            message: { type: 'task/finishedReceived', taskIds: [submission.task.taskId] },
          }),
    ),
  },
)

function expectSound(driver: CoordinatorDriver): void {
  const ends = driver.finished.map((finished) => finished.task.taskId)
  expect(new Set(ends).size).toBe(ends.length)
  for (const { task, status, votes, outcome, transitions } of driver.finished) {
    for (let i = 1; i < transitions.length; i++) {
      expect(mayFollow(transitions[i - 1]![0], transitions[i]![0])).toBe(true)
      expect(transitions[i]![1]).toBeGreaterThanOrEqual(transitions[i - 1]![1])
    }
    expect(isFinal(status)).toBe(true)
    expect(new Set(votes.map((vote) => vote.peerId)).size).toBe(votes.length)
    if (outcome === null) expect(votes).toEqual([])
    else {
      expect(votes.length).toBeGreaterThanOrEqual(task.verification.quorum)
      expect(new Set(votes.map((vote) => vote.outcomeHash)).size).toBe(1)
    }
  }
  for (const [, count] of Object.entries(driver.coordinator.counts().queue))
    expect(count).toBeGreaterThanOrEqual(0)
}

test('TSK-05 whatever peers say, in whatever order: no broken invariant, no illegal step, no second end', {
  timeout: 900_000,
}, () => {
  const ended: Record<string, number> = {}
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 100, maxLength: 400, size: 'max' }),
      whole(1_000),
      (steps, seed) => {
        const driver = new CoordinatorDriver({}, seed)
        for (const peer of peers) driver.offer(peer, 1 + (seed % 3))
        for (const submission of submissions) driver.submit(submission)
        for (const act of steps) act(driver)
        expectSound(driver)
        for (const { status, transitions } of driver.finished) {
          ended[status] = (ended[status] ?? 0) + 1
          if (transitions.some(([entered]) => entered === 'verification_failed'))
            ended.disputed = (ended.disputed ?? 0) + 1
        }
      },
    ),
    propertyRuns(150),
  )
  // It is no proof if nothing came of it.
  for (const way of ['completed', 'failed', 'cancelled', 'disputed'])
    expect([way, (ended[way] ?? 0) > 5]).toEqual([way, true])
})
