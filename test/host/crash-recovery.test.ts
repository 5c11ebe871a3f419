import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { TaskId } from '../../shared/kernel/ids.ts'
import { Random } from '../../shared/kernel/random.ts'
import { CrashingRelay, submitter } from '../support/crashing-relay.ts'
import { makeTask } from '../support/task-fixtures.ts'

const tasks = 24

beforeEach(() => {
  vi.useFakeTimers({
    now: Date.UTC(2026, 10, 20),
    toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'],
  })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Kills the relay again and again while work goes on, then lets it come to its end. */
async function live(seed: number, commitMsMax: number): Promise<CrashingRelay> {
  const random = new Random(seed, 7)
  const relay = new CrashingRelay(seed, 4, commitMsMax)
  const submissions = Array.from({ length: tasks }, (_, n) => makeTask(n + 1, { submitter }))
  relay.start()
  for (let life = 0; life < 6; life++) {
    const open = submissions.filter(({ task }) => !relay.acknowledged.has(task.taskId))
    for (const submission of open.slice(0, 6)) {
      relay.submit([submission])
      await vi.advanceTimersByTimeAsync(random.below(300))
    }
    await vi.advanceTimersByTimeAsync(random.below(500))
    const known = new Set<TaskId>(relay.acknowledged)
    const ended = [...relay.ends.keys()]
    relay.kill()
    if (random.below(3) === 0) relay.forgetOne()
    await vi.advanceTimersByTimeAsync(random.below(4_000))
    relay.start()
    for (const taskId of known) if (!relay.isKnown(taskId)) relay.wrong.push(`${taskId} was lost`)
    for (const taskId of ended) if (!relay.isFinished(taskId)) relay.wrong.push(`${taskId} came undone`)
  }
  relay.submit(submissions)
  for (let beats = 0; beats < 12; beats++) {
    await vi.advanceTimersByTimeAsync(5_000)
    relay.beat()
  }
  return relay
}

test('TSK-14 killed at any moment, no accepted task is lost and none completes twice', async () => {
  let assigned = 0
  for (let seed = 1; seed <= 40; seed++) {
    const relay = await live(seed, seed % 2 === 0 ? 5 : 200)
    expect(relay.wrong, `seed ${seed}`).toEqual([])
    expect(relay.failures, `seed ${seed}`).toEqual([])
    expect(relay.acknowledged.size).toBe(tasks)
    for (const taskId of relay.acknowledged) {
      const ends = relay.ends.get(taskId) ?? []
      expect(relay.isFinished(taskId), `seed ${seed}: ${taskId} has come to its end`).toBe(true)
      expect(ends.length, `seed ${seed}: ends of ${taskId}`).toBeLessThanOrEqual(1)
      expect(ends.every(({ status }) => status === 'completed')).toBe(true)
    }
    const done = [...relay.disk.rows.keys()].filter((key) => key.startsWith('coordinator/done/'))
    const open = [...relay.disk.rows.keys()].filter((key) => /coordinator\/(task|state)\//.test(key))
    expect(done.length).toBe(tasks)
    expect(open).toEqual([])
    assigned += relay.given.size
    relay.kill()
  }
  // The relay did die in the midst of work: some of it was given out anew.
  expect(assigned).toBeGreaterThan(40 * tasks * 3)
})
