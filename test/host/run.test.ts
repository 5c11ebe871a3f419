import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ask, event, peerA, peerB, ScriptedRun, send, sendVolatile } from '../support/scripted-run.ts'

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'],
  })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Everything that is to happen without time passing has happened. */
async function quiet(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0)
}
/** Long enough for a commit to begin. */
async function gathered(): Promise<void> {
  await vi.advanceTimersByTimeAsync(2)
}

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  const note = (): void => {
    settled = true
  }
  promise.then(note, note)
  await quiet()
  return settled
}

describe('TSK-14 output commit', () => {
  test('what a tick saved is durable before anything it said leaves', async () => {
    const { run, store, left, tick } = scripted()
    tick((out) => {
      send(out, peerA, 1)
      out.save('k', 1)
      event(out, 2)
      ask(out, 3)
      out.publish('t', { type: 'task/waiting', missingWorkers: 0 })
    })
    await gathered()
    expect(store.commits.length).toBe(1)
    expect(left).toEqual([])
    store.commits[0]!.succeed()
    await quiet()
    expect(left).toEqual(['A:1', 'event 2', 'ask 3', 'publish t'])
    await run.stop()
  })

  test('what is volatile leaves at once', async () => {
    const { left, tick } = scripted()
    tick((out) => {
      out.save('k', 1)
      send(out, peerA, 1)
      sendVolatile(out, peerA, 2)
    })
    await quiet()
    expect(left).toEqual(['!A:2'])
  })

  test('a tick that saved nothing leaves at once when nothing before it waits', async () => {
    const { left, tick, store } = scripted()
    tick((out) => send(out, peerA, 1))
    await quiet()
    expect(left).toEqual(['A:1'])
    expect(store.commits).toEqual([])
  })

  test('a tick that saved nothing waits for the saves of earlier ticks', async () => {
    const { left, tick, store } = scripted()
    tick((out) => out.save('k', 1))
    tick((out) => send(out, peerA, 1))
    await gathered()
    tick((out) => event(out, 2))
    await gathered()
    expect(left).toEqual([])
    store.commits[0]!.succeed()
    await quiet()
    expect(left).toEqual(['A:1', 'event 2'])
  })

  test('what came while a commit was under way waits for its own', async () => {
    const { left, tick, store } = scripted()
    tick((out) => {
      out.save('k', 1)
      send(out, peerA, 1)
    })
    await gathered()
    tick((out) => {
      out.save('k', 2)
      send(out, peerA, 2)
    })
    await gathered()
    expect(store.commits.length).toBe(1)
    store.commits[0]!.succeed()
    await quiet()
    expect(left).toEqual(['A:1'])
    store.commits[1]!.succeed()
    await quiet()
    expect(left).toEqual(['A:1', 'A:2'])
  })

  test('saves reach the store in the order they were made, deletions included', async () => {
    const { tick, store } = scripted()
    tick((out) => {
      out.save('a', 1)
      out.save('a', undefined)
    })
    tick((out) => out.save('a', { n: 3 }))
    await gathered()
    expect(store.commits[0]!.changes.map(({ value }) => value && [...value])).toEqual([
      [1],
      undefined,
      [0xa1, 0x61, 0x6e, 3],
    ])
  })

  test('a value is saved as it was at the save, whatever becomes of it', async () => {
    const { tick, store } = scripted()
    const value = { n: 1 }
    tick((out) => out.save('a', value))
    await quiet()
    value.n = 2
    await gathered()
    expect(store.commits[0]!.changes[0]!.value).toEqual(Uint8Array.of(0xa1, 0x61, 0x6e, 1))
  })
})

describe('TSK-14 group commit', () => {
  test('gathers for 2 ms', async () => {
    const { tick, store } = scripted()
    tick((out) => out.save('a', 1))
    await vi.advanceTimersByTimeAsync(1)
    tick((out) => out.save('b', 1))
    await quiet()
    expect(store.commits.length).toBe(0)
    await vi.advanceTimersByTimeAsync(1)
    expect(store.commits.map(({ changes }) => changes.length)).toEqual([2])
  })

  test('waits no longer than for 64 ticks', async () => {
    const { tick, store } = scripted()
    for (let i = 0; i < 65; i++) tick((out) => out.save(`${i}`, 1))
    await quiet()
    expect(store.commits.map(({ changes }) => changes.length)).toEqual([64])
  })

  test('goes on by itself with what came meanwhile', async () => {
    const { tick, store, left } = scripted()
    tick((out) => out.save('a', 1))
    await gathered()
    for (let i = 0; i < 100; i++) {
      tick((out) => {
        out.save(`${i}`, i)
        send(out, peerA, i)
      })
    }
    await gathered()
    expect(store.commits.length).toBe(1)
    store.commits[0]!.succeed()
    await quiet()
    expect(store.commits.map(({ changes }) => changes.length)).toEqual([1, 100])
    store.commits[1]!.succeed()
    await quiet()
    expect(left.length).toBe(100)
  })
})

describe('DESIGN backpressure of the loop', () => {
  test('1,024 ticks that await their commit leave no room; their commit makes it', async () => {
    const { run, tick, store } = scripted()
    tick((out) => out.save('first', 1))
    await gathered()
    for (let i = 1; i < 1_023; i++) tick((out) => out.save(`${i}`, 1))
    await quiet()
    expect(await isSettled(run.room())).toBe(true)
    tick((out) => out.save('last', 1))
    await quiet()
    const room = run.room()
    expect(await isSettled(room)).toBe(false)
    store.commits[0]!.succeed()
    await quiet()
    store.commits[1]!.succeed()
    expect(await isSettled(room)).toBe(true)
  })

  test('ticks that had nothing to say do not use it up', async () => {
    const { run, tick, store } = scripted()
    tick((out) => out.save('k', 1))
    await gathered()
    for (let i = 0; i < 2_000; i++) tick((out) => sendVolatile(out, peerA, i))
    await quiet()
    expect(await isSettled(run.room())).toBe(true)
    store.commits[0]!.succeed()
    expect(await isSettled(run.room())).toBe(true)
  })

  test('inputs that are handled without a commit make room again', async () => {
    const { run, tick } = scripted()
    for (let i = 0; i < 1_500; i++) tick()
    const room = run.room()
    expect(await isSettled(room)).toBe(true)
  })

  test('nobody waits for room in a loop that stopped or failed', async () => {
    const failing = scripted()
    const stopping = scripted()
    for (const { tick } of [failing, stopping])
      for (let i = 0; i < 1_100; i++) tick((out) => out.save('k', 1))
    await quiet()
    const rooms = [failing.run.room(), stopping.run.room()]
    expect(await isSettled(Promise.race(rooms))).toBe(false)
    failing.store.commits[0]!.fail(new Error('disk full'))
    void stopping.run.stop()
    expect(await isSettled(Promise.all(rooms))).toBe(true)
  })
})

describe('TSK-14 a save that fails', () => {
  test('stops the node: nothing leaves, not even what is volatile, and its owner is told once', async () => {
    const { run, tick, store, left, failures } = scripted()
    tick((out) => {
      out.save('a', 1)
      send(out, peerA, 1)
    })
    await gathered()
    tick((out) => send(out, peerB, 2))
    const error = new Error('disk full')
    store.commits[0]!.fail(error)
    await quiet()
    tick((out) => sendVolatile(out, peerA, 3))
    tick((out) => {
      out.save('b', 1)
      throw new Error('not reached')
    })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(left).toEqual([])
    expect(failures).toEqual([error])
    expect(store.commits.length).toBe(1)
    await run.stop()
  })

  test('a store that throws at once is no better', async () => {
    const { run, tick, store, left, failures } = scripted()
    const error = new Error('closed')
    store.onCommit = () => {
      throw error
    }
    tick((out) => {
      out.save('a', 1)
      send(out, peerA, 1)
    })
    await gathered()
    expect(failures).toEqual([error])
    expect(left).toEqual([])
    await run.stop()
  })

  test('a row that has no bytes is a defect of ours and stops the node', async () => {
    const { run, tick, left, failures } = scripted()
    tick((out) => {
      send(out, peerA, 1)
      out.save('a', () => 0)
    })
    await gathered()
    expect(failures.length).toBe(1)
    expect(left).toEqual([])
    await run.stop()
  })

  test('questions asked before and after it are refused: their answers would rest on nothing', async () => {
    const { run, tick, store } = scripted()
    tick((out) => out.save('a', 1))
    await gathered()
    const during = run.ask(() => 'during')
    await quiet()
    tick((out) => out.save('b', 1))
    const queued = run.ask(() => 'queued')
    const refusals = Promise.allSettled([during, queued])
    await quiet()
    const error = new Error('disk full')
    store.commits[0]!.fail(error)
    const outcomes = await refusals
    expect(outcomes).toEqual([
      { status: 'rejected', reason: error },
      { status: 'rejected', reason: error },
    ])
    await expect(run.ask(() => 'after')).rejects.toBe(error)
  })
})

describe('DESIGN a broken invariant', () => {
  test('stops the node; what was durable before is not said any more either', async () => {
    const { run, tick, store, left, failures } = scripted()
    const error = new Error('broken invariant')
    tick((out) => {
      out.save('a', 1)
      send(out, peerA, 1)
    })
    await gathered()
    tick((out) => {
      send(out, peerA, 2)
      throw error
    })
    tick((out) => send(out, peerA, 3))
    await quiet()
    expect(failures).toEqual([error])
    store.commits[0]!.succeed()
    await quiet()
    expect(left).toEqual([])
    await run.stop()
  })

  test('so does an effect that cannot be carried out, whenever it leaves', async () => {
    for (const saves of [false, true]) {
      const rig = scripted()
      rig.rig.onLeft = () => {
        throw new Error('no such thing')
      }
      rig.tick((out) => {
        if (saves) out.save('a', 1)
        send(out, peerA, 1)
        send(out, peerA, 2)
      })
      await gathered()
      rig.store.commits[0]?.succeed()
      await quiet()
      expect(rig.failures.length).toBe(1)
      expect(rig.left).toEqual(['A:1'])
      await rig.run.stop()
    }
  })
})

describe('DESIGN questions', () => {
  test('are answered when all their answer rests on is durable', async () => {
    const { run, tick, store } = scripted()
    tick((out) => out.save('a', 1))
    await gathered()
    const answer = run.ask(() => 42)
    expect(await isSettled(answer)).toBe(false)
    store.commits[0]!.succeed()
    expect(await answer).toBe(42)
  })

  test('see what was posted before them', async () => {
    const { run, rig, tick, store } = scripted()
    tick((out) => out.save('a', 1))
    const answer = run.ask(() => rig.inputs.length)
    await gathered()
    expect(await isSettled(answer)).toBe(false)
    store.commits[0]!.succeed()
    expect(await answer).toBe(1)
  })

  test('are answered at once when nothing waits, and by a loop that was stopped', async () => {
    const { run } = scripted()
    expect(await run.ask(() => 1)).toBe(1)
    await run.stop()
    expect(await run.ask(() => 2)).toBe(2)
  })

  test('one that throws rejects, and the loop goes on', async () => {
    const { run, tick, left, failures } = scripted()
    const asked = run.ask(() => {
      throw new Error('no such task')
    })
    await expect(asked).rejects.toThrow('no such task')
    tick((out) => send(out, peerA, 1))
    await quiet()
    expect(left).toEqual(['A:1'])
    expect(failures).toEqual([])
  })
})

describe('OPS-01 stop', () => {
  test('makes what was posted and decided durable, and lets it leave', async () => {
    const { run, tick, store, left } = scripted()
    store.onCommit = ({ succeed }) => setTimeout(succeed, 500)
    tick((out) => {
      out.save('a', 1)
      send(out, peerA, 1)
    })
    await gathered()
    tick((out) => {
      out.save('b', 2)
      send(out, peerA, 2)
    })
    const stopped = run.stop()
    tick((out) => send(out, peerA, 3))
    await vi.advanceTimersByTimeAsync(2_000)
    await stopped
    expect(left.slice(0, 2)).toEqual(['A:1', 'A:2'])
    expect(store.keys).toEqual(['a', 'b'])
    const before = left.length
    tick((out) => send(out, peerA, 4))
    await vi.advanceTimersByTimeAsync(60_000)
    expect(left.length).toBe(before)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('resolves after a failed save, and after one that fails while it waits', async () => {
    const { run, tick, store, failures, left } = scripted()
    tick((out) => {
      out.save('a', 1)
      send(out, peerA, 1)
    })
    await gathered()
    const stopped = run.stop()
    await quiet()
    store.commits[0]!.fail(new Error('disk full'))
    await stopped
    await run.stop()
    expect(failures.length).toBe(1)
    expect(left).toEqual([])
  })
})

function scripted() {
  const rig = new ScriptedRun()
  const { run, store, left, failures } = rig
  return { rig, run, store, left, failures, tick: rig.tick.bind(rig) }
}
