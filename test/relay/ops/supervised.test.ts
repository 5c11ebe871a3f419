import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type RestartTimes, Supervised } from '../../../relay/ops/supervised.ts'

const times: RestartTimes = { firstMs: 20, longestMs: 80, healthyMs: 60_000, readyMs: 10_000, endMs: 10_000 }
const children: ChildProcess[] = []
const said: string[] = []
const gaveUp: number[] = []

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  said.length = 0
  gaveUp.length = 0
})

const stays = `console.log('up'); setInterval(() => {}, 1000)`
const endsWith = (code: number): string => `console.log('up', () => {}); process.exitCode = ${code}`

/** The first process runs the first script, and so on; the last script goes on. */
function supervised(scripts: readonly string[], over: Partial<RestartTimes> = {}): Supervised {
  return new Supervised({
    name: 'agent-1',
    launch: () => {
      const script = scripts[Math.min(children.length, scripts.length - 1)]!
      const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
      children.push(child)
      return child
    },
    say: (what) => said.push(what),
    gaveUp: (code) => gaveUp.push(code),
    times: { ...times, ...over },
  })
}

const launched = (count: number): Promise<void> =>
  vi.waitFor(() => expect(children.length).toBe(count), { timeout: 20_000, interval: 5 })

describe('OPS-01 a supervised process', () => {
  test('that is killed starts again', async () => {
    const one = supervised([stays])
    expect(await one.start()).toBe('up')
    children[0]!.kill('SIGKILL')
    await launched(2)
    await vi.waitFor(() => expect(said.length).toBe(2), { timeout: 10_000 })
    expect(said).toEqual([
      'agent-1 ended unasked (SIGKILL); starting it again in 0.02 s',
      'agent-1 is up again',
    ])
    await one.stop()
    expect(children[1]!.signalCode).toBe('SIGTERM')
    expect(gaveUp).toEqual([])
  })

  test('that ends again and again is waited for twice as long each time, up to the longest', async () => {
    const one = supervised([endsWith(1)])
    await one.start()
    await launched(5)
    await one.stop()
    const waits = said.map((line) => /\(exit code 1\); starting it again in (.*) s$/.exec(line)?.[1])
    expect(waits.filter((wait) => wait !== undefined).slice(0, 4)).toEqual(['0.02', '0.04', '0.08', '0.08'])
  })

  test('that was healthy for long is started again soon, however often it ended before', async () => {
    const one = supervised([endsWith(1)], { healthyMs: 0 })
    await one.start()
    await launched(4)
    await one.stop()
    expect(said.filter((line) => line.includes('again in')).every((line) => line.endsWith('0.02 s'))).toBe(
      true,
    )
  })

  test('with wrong settings is not started again', async () => {
    const one = supervised([stays, endsWith(2)])
    await one.start()
    children[0]!.kill('SIGKILL')
    await vi.waitFor(() => expect(gaveUp).toEqual([2]), { timeout: 10_000 })
    expect(said.at(-1)).toBe('agent-1 ended (exit code 2)')
    expect(children.length).toBe(2)
    await one.stop()
  })

  test('that never was up ends all, with its own exit code', async () => {
    const one = supervised(['process.exit(7)'])
    await expect(one.start()).rejects.toThrow('agent-1 ended before it was up')
    expect([gaveUp, said]).toEqual([[7], ['agent-1 ended (exit code 7)']])
    expect(children.length).toBe(1)
  })

  test('that cannot be started says why', async () => {
    const one = new Supervised({
      name: 'agent-1',
      launch: () => spawn('/no/such/program', { stdio: ['ignore', 'pipe', 'inherit'] }),
      say: (what) => said.push(what),
      gaveUp: (code) => gaveUp.push(code),
      times,
    })
    await expect(one.start()).rejects.toThrow('agent-1 ended before it was up')
    expect(said).toEqual(['agent-1 ended (spawn /no/such/program ENOENT)'])
    await one.stop()
  })

  test('that does not come up again is ended and started anew', async () => {
    const silent = 'setInterval(() => {}, 1000)'
    const one = supervised([stays, silent, stays], { readyMs: 4_000 })
    await one.start()
    children[0]!.kill('SIGKILL')
    await launched(3)
    expect(children[1]!.signalCode).toBe('SIGKILL')
    await one.stop()
  })

  test('that does not heed the request to end is made to', async () => {
    const deaf = `process.on('SIGTERM', () => {}); ${stays}`
    const one = supervised([deaf], { endMs: 100 })
    await one.start()
    await one.stop()
    expect(children[0]!.signalCode).toBe('SIGKILL')
  })

  test('is not started again when its end was asked for while it was down', async () => {
    const one = supervised([stays], { firstMs: 50 })
    await one.start()
    children[0]!.kill('SIGKILL')
    await vi.waitFor(() => expect(said.length).toBe(1), { interval: 1, timeout: 30_000 })
    await one.stop()
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(children.length).toBe(1)
  })
})
