import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Instant, PeerId } from '../../shared/kernel/ids.ts'
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

/** Who waits, and how often each other was served since they were. */
class TurnCounts {
  readonly #waiting = new Map<PeerId, number>()
  readonly #passed = new Map<PeerId, Map<PeerId, number>>()

  get waiting(): number {
    return [...this.#waiting.values()].reduce((sum, count) => sum + count, 0)
  }

  came(peer: PeerId): void {
    const count = this.#waiting.get(peer) ?? 0
    if (count === 0) this.#passed.set(peer, new Map())
    this.#waiting.set(peer, count + 1)
  }

  /** The most often that anybody who waits was passed by this peer since its own last turn. */
  served(peer: PeerId): number {
    this.#waiting.set(peer, this.#waiting.get(peer)! - 1)
    this.#passed.set(peer, new Map())
    let most = 0
    for (const [other, counts] of this.#passed) {
      if (other === peer || this.#waiting.get(other) === 0) continue
      const count = (counts.get(peer) ?? 0) + 1
      counts.set(peer, count)
      most = Math.max(most, count)
    }
    return most
  }
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
        const counts = new TurnCounts()
        for (const { add, submitter } of plan) {
          if (add) {
            queue.add(recordOf(submitter))
            counts.came(peerId(submitter))
          } else {
            const served = serve(queue)
            if (served === undefined) expect(counts.waiting).toBe(0)
            else expect(counts.served(served.submission.task.submitter)).toBeLessThanOrEqual(2)
          }
          expect(queue.size).toBe(counts.waiting)
        }
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
