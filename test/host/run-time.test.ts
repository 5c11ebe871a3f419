import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Instant } from '../../shared/kernel/ids.ts'
import { ManualTimers } from '../support/manual-timers.ts'
import { ScriptedRun } from '../support/scripted-run.ts'

const start = Date.UTC(2026, 10, 20)

beforeEach(() => {
  vi.useFakeTimers({
    now: start,
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

describe('DESIGN time', () => {
  test('never goes back for the machine; set back, it goes on at half speed until the clock is there again', async () => {
    const { tick, rig } = scripted()
    for (const time of [5, 3, 5, 9, -1_000, -990, 10, 1_010, 2_000]) {
      vi.setSystemTime(start + time)
      tick()
      await quiet()
    }
    expect(rig.inputs.map(({ now }) => now - start)).toEqual([5, 5, 6, 9, 9, 14, 514, 1_014, 2_000])
  })

  test('a lease still ends after the clock was set back by an hour, and no timer fires before its time', async () => {
    const { tick, rig } = scripted()
    const at = start + 15_000
    tick((out) => out.timer('lease', at as Instant))
    await vi.advanceTimersByTimeAsync(1_000)
    vi.setSystemTime(start - 3_600_000)
    await vi.advanceTimersByTimeAsync(40_000)
    const fired = rig.inputs.filter(({ input }) => input.kind === 'timer')
    expect(fired.length).toBe(1)
    expect(fired[0]!.now - at).toBeGreaterThanOrEqual(0)
    expect(fired[0]!.now - at).toBeLessThan(1_000)
  })

  test('a timer fires at its time, is replaced by its key and stopped by it', async () => {
    const { tick, rig } = scripted()
    tick((out, now) => {
      out.timer('a', (now + 100) as Instant)
      out.timer('b', (now + 100) as Instant)
      out.timer('c', (now - 5) as Instant)
    })
    await vi.advanceTimersByTimeAsync(50)
    tick((out, now) => {
      out.timer('a', (now + 100) as Instant)
      out.timer('b', undefined)
    })
    await vi.advanceTimersByTimeAsync(1_000)
    const fired = rig.inputs.filter(({ input }) => input.kind === 'timer')
    expect(fired.map(({ input, now }) => [input, now - start])).toEqual([
      [{ kind: 'timer', key: 'c' }, 0],
      [{ kind: 'timer', key: 'a' }, 150],
    ])
  })

  test('a timer further away than any the platform sets does not fire at once', async () => {
    const { tick, rig } = scripted()
    tick((out, now) => out.timer('far', (now + 400 * 24 * 3_600_000) as Instant))
    await vi.advanceTimersByTimeAsync(3_600_000)
    expect(rig.inputs.filter(({ input }) => input.kind === 'timer')).toEqual([])
  })

  test('a jump forward by over 10 s is told before anything else', async () => {
    const { tick, rig } = scripted()
    tick((out, now) => out.timer('t', (now + 5_000) as Instant))
    await vi.advanceTimersByTimeAsync(1_000)
    vi.setSystemTime(start + 3_600_000)
    tick()
    await quiet()
    await vi.advanceTimersByTimeAsync(5_000)
    expect(rig.inputs.slice(1).map(({ input }) => input)).toEqual([
      { kind: 'resumed', gapMs: 3_600_000 },
      { kind: 'start' },
      { kind: 'timer', key: 't' },
    ])
  })

  test('it is noticed without any other input', async () => {
    const { tick, rig } = scripted()
    tick()
    await quiet()
    vi.setSystemTime(start + 60_000)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(rig.inputs.map(({ input }) => input.kind)).toEqual(['start', 'resumed'])
    await vi.advanceTimersByTimeAsync(60_000)
    expect(rig.inputs.length).toBe(2)
  })

  test('10 s exactly are no jump, nor is a clock that was set back', async () => {
    const { tick, rig } = scripted()
    tick()
    await quiet()
    vi.setSystemTime(start + 10_000)
    tick()
    await quiet()
    vi.setSystemTime(start - 3_600_000)
    tick()
    await vi.advanceTimersByTimeAsync(30_000)
    expect(rig.inputs.map(({ input }) => input.kind)).toEqual(['start', 'start', 'start'])
  })

  test('a long start is no jump: the loop looks at the clock from its first input on', async () => {
    const { tick, rig } = scripted()
    vi.setSystemTime(start + 60_000)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(rig.inputs).toEqual([])
    tick()
    await quiet()
    expect(rig.inputs.map(({ input }) => input.kind)).toEqual(['start'])
  })
})

describe('TSK-06 timers that the loop is given', () => {
  test('it uses for the machine’s timers, its pulse and its commits, and none of the platform’s', async () => {
    const timers = new ManualTimers()
    const rig = new ScriptedRun(() => start + timers.now, timers)
    rig.store.onCommit = (commit) => commit.succeed()
    rig.tick((out, now) => {
      out.save('k', 1)
      out.timer('beat', (now + 5_000) as Instant)
    })
    await quiet()
    expect(vi.getTimerCount()).toBe(0)
    await timers.pass(2)
    expect(rig.store.keys).toEqual(['k'])
    await timers.pass(4_998)
    expect(rig.inputs.map(({ input }) => input)).toEqual([{ kind: 'start' }, { kind: 'timer', key: 'beat' }])
    // The pulse that came every 2 s until now does not.
    timers.now += 20_000
    await timers.pass(0)
    expect(rig.inputs.at(-1)?.input).toEqual({ kind: 'resumed', gapMs: 20_000 })
    await rig.run.stop()
    expect(timers.pending).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
  })
})

function scripted() {
  const rig = new ScriptedRun()
  return { rig, tick: rig.tick.bind(rig) }
}
