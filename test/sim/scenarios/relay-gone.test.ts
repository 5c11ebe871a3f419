import { describe, expect, test, vi } from 'vitest'
import type { TaskId } from '../../../shared/kernel/ids.ts'
import { type RunOptions, run } from '../run.ts'

vi.setConfig({ testTimeout: 120_000 })

/** The relay is gone from one second to another; what its submitters had received by then, and at the end. */
function withoutRelay(goneAt: number, backAt: number, options: Partial<RunOptions> = {}) {
  const received = new Map<TaskId, number>()
  const receivedAway = new Set<TaskId>()
  const submitted = { open: 0 }
  let isAway = false
  const report = run({
    ...{ seed: 21, peers: 60, minutes: 3, rate: 2, loss: 0, churn: 0, ...options },
    onEvent: (event) => {
      if (event.type !== 'resultReceived') return
      const { taskId } = event.finished.task
      received.set(taskId, (received.get(taskId) ?? 0) + 1)
      if (isAway) receivedAway.add(taskId)
    },
    onStart: (world, relay) => {
      world.later(goneAt * 1_000, () => {
        isAway = true
        world.kill(relay)
      })
      world.later(backAt * 1_000, () => {
        isAway = false
        world.restart(relay)
      })
    },
    onEnd: (world) => {
      world.runUntil(world.elapsedMs + 120_000)
      for (const node of world.nodes)
        submitted.open += node.up ? (node.peer.children.submitter?.open ?? 0) : 0
    },
  })
  return { report, received, receivedAway, submitted }
}

describe('TSK-14 the submitter’s node takes its tasks over when no relay is reachable', () => {
  test('tasks go on while the relay is gone, and each ends once for its submitter', () => {
    const { received, receivedAway, submitted, report } = withoutRelay(60, 170)
    expect(submitted.open).toBe(0)
    expect(receivedAway.size).toBeGreaterThan(50)
    expect([...received.values()].every((times) => times === 1)).toBe(true)
    expect(received.size).toBe(report.submitted)
    expect(report.wrong).toBe(0)
  })

  test('under loss, doubling and reordering too', () => {
    const { received, receivedAway, submitted, report } = withoutRelay(60, 170, {
      ...{ seed: 22, loss: 0.05, doubling: 0.05, reordering: 0.1 },
    })
    expect(submitted.open).toBe(0)
    expect(receivedAway.size).toBeGreaterThan(30)
    expect([...received.values()].every((times) => times === 1)).toBe(true)
    expect(received.size).toBe(report.submitted)
    expect(report.wrong).toBe(0)
  })

  test('a relay that is back within 30 s finds its tasks where they were', () => {
    const { receivedAway, submitted } = withoutRelay(60, 80)
    expect(submitted.open).toBe(0)
    expect(receivedAway.size).toBe(0)
  })

  test('what ended without it, it does not do again when it is back', () => {
    const { report, received } = withoutRelay(60, 170, { seed: 23, rate: 1 })
    expect(received.size).toBe(report.submitted)
    // Of the hundred and more that ended while it was gone, those it had are not done a second time.
    expect(report.duplicated).toBeLessThan(3)
  })
})
