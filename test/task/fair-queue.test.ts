import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Instant } from '../../shared/kernel/ids.ts'
import { FairQueue } from '../../shared/task/fair-queue.ts'
import { TaskRecord } from '../../shared/task/task-record.ts'
import { propertyRuns } from '../support/property-runs.ts'
import { hashOf, makeTask, peerId, startMs } from '../support/task-fixtures.ts'

let order = 0
const recordOf = (submitter: number, replicas = 3): TaskRecord => {
  order++
  const submission = makeTask(order, { submitter: peerId(submitter), verification: { replicas } })
  return new TaskRecord(submission, hashOf(`${order}`), 'http', startMs as Instant, order)
}

function serve(queue: FairQueue, workers = 100): TaskRecord | undefined {
  const record = queue.first(workers)
  if (record !== undefined) queue.delete(record)
  return record
}

describe('TSK-04 within a priority nobody starves', () => {
  test('a thousand tasks of one do not hold up the one of another', () => {
    const queue = new FairQueue()
    for (let i = 0; i < 1_000; i++) queue.add(recordOf(1))
    for (let i = 0; i < 10; i++) serve(queue)
    const one = recordOf(2)
    queue.add(one)
    expect([serve(queue), serve(queue)]).toContain(one)
  })

  test('who waits with many gets its turn as often as who comes with one after another', () => {
    const queue = new FairQueue()
    for (let i = 0; i < 100; i++) queue.add(recordOf(1))
    let ofOne = 0
    for (let i = 0; i < 100; i++) {
      queue.add(recordOf(2))
      if (serve(queue)?.submission.task.submitter === peerId(1)) ofOne++
    }
    expect(ofOne).toBeGreaterThanOrEqual(49)
    expect(ofOne).toBeLessThanOrEqual(51)
  })

  test('tasks of one submitter keep their order, whatever they want', () => {
    const queue = new FairQueue()
    const records = [3, 5, 3, 7, 3].map((replicas) => recordOf(1, replicas))
    for (const record of records) queue.add(record)
    expect(records.map(() => serve(queue))).toEqual(records)
  })

  test('a task that wants more workers than there are holds up none', () => {
    const queue = new FairQueue()
    const [large, small] = [recordOf(1, 7), recordOf(2, 3)]
    queue.add(large)
    queue.add(small)
    expect(serve(queue, 3)).toBe(small)
    expect(serve(queue, 3)).toBeUndefined()
    expect(serve(queue, 7)).toBe(large)
  })

  test('between two served tasks of a waiting submitter, no other is served more than twice', () => {
    const acts = fc.array(fc.record({ add: fc.boolean(), submitter: fc.integer({ min: 1, max: 5 }) }), {
      minLength: 50,
      maxLength: 300,
    })
    fc.assert(
      fc.property(acts, (plan) => {
        const queue = new FairQueue()
        const waiting = new Map<string, number>()
        const since = new Map<string, Map<string, number>>()
        for (const { add, submitter } of plan) {
          if (add) {
            const record = recordOf(submitter)
            const key = record.submission.task.submitter
            if ((waiting.get(key) ?? 0) === 0) since.set(key, new Map())
            waiting.set(key, (waiting.get(key) ?? 0) + 1)
            queue.add(record)
            continue
          }
          const served = serve(queue)
          const total = [...waiting.values()].reduce((sum, count) => sum + count, 0)
          if (served === undefined) {
            expect(total).toBe(0)
            continue
          }
          const key = served.submission.task.submitter
          waiting.set(key, waiting.get(key)! - 1)
          for (const [other, counts] of since) {
            if (other === key || (waiting.get(other) ?? 0) === 0) continue
            counts.set(key, (counts.get(key) ?? 0) + 1)
            expect(counts.get(key)).toBeLessThanOrEqual(2)
          }
          since.set(key, new Map())
        }
        expect(queue.size).toBe([...waiting.values()].reduce((sum, count) => sum + count, 0))
      }),
      propertyRuns(200),
    )
  })

  test('what is taken out again and again leaves nothing behind', () => {
    const queue = new FairQueue()
    const record = recordOf(1)
    for (let i = 0; i < 10_000; i++) {
      queue.add(record)
      queue.delete(record)
    }
    const last = recordOf(2)
    queue.add(last)
    expect([serve(queue), serve(queue)]).toEqual([last, undefined])
  })
})
