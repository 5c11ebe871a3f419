import { describe, expect, test } from 'vitest'
import type { ProgramRun, RunResult } from '../../shared/runtime/program-runner.ts'
import type { Sandbox } from '../../shared/runtime/sandbox-pool.ts'
import { createSandboxPool } from '../../shared/runtime/sandbox-pool.ts'
import { defaultLimits } from '../../shared/task/task.ts'

const never = new AbortController().signal
const someRun: ProgramRun = {
  program: new Uint8Array(),
  input: new Uint8Array(),
  seed: '00'.repeat(32),
  limits: defaultLimits,
}
const done: RunResult = { kind: 'ok', output: Uint8Array.of(49), fuelUsed: 0 }

/** A sandbox that the test plays. */
class PlayedSandbox implements Sandbox {
  readonly #ready = Promise.withResolvers<void>()
  readonly #ended = Promise.withResolvers<string>()
  readonly #result = Promise.withResolvers<RunResult>()
  readonly #started = Promise.withResolvers<void>()
  readonly ready = this.#ready.promise
  readonly ended = this.#ended.promise
  readonly started = this.#started.promise
  killed = false

  becomeReady(): this {
    this.#ready.resolve()
    return this
  }

  end(reason: string): this {
    this.#ended.resolve(reason)
    return this
  }

  answer(result: RunResult): this {
    this.#result.resolve(result)
    return this
  }

  fail(error: Error): this {
    this.#result.reject(error)
    return this
  }

  run(): Promise<RunResult> {
    this.#started.resolve()
    return this.#result.promise
  }

  kill(): Promise<void> {
    this.killed = true
    return Promise.resolve()
  }
}

/** A pool of one slot that gets these sandboxes one after the other. */
function poolOf(...sandboxes: readonly PlayedSandbox[]) {
  const left = [...sandboxes]
  const spawn = (): Sandbox => {
    const next = left.shift()
    if (next === undefined) throw new Error('one sandbox more than the test has')
    return next
  }
  return createSandboxPool({ slots: 1, spawn })
}

describe('a sandbox that breaks down', () => {
  test('during a run gives no result and is replaced', async () => {
    const [first, second] = [
      new PlayedSandbox().becomeReady(),
      new PlayedSandbox().becomeReady().answer(done),
    ]
    const pool = await poolOf(first, second)
    const running = pool.run(someRun, never)
    await first.started
    first.end('it fell over')
    expect(await running).toEqual({
      kind: 'none',
      reason: 'host',
      message: "The program's sandbox broke down: it fell over",
    })
    expect(first.killed).toBe(true)
    expect(await pool.run(someRun, never)).toEqual(done)
  })

  test('between runs is replaced before the next', async () => {
    const [first, second] = [
      new PlayedSandbox().becomeReady(),
      new PlayedSandbox().becomeReady().answer(done),
    ]
    const pool = await poolOf(first, second)
    first.end('it fell over')
    await first.ended
    expect(await pool.run(someRun, never)).toEqual(done)
    expect(first.killed).toBe(true)
  })

  test('by refusing a run gives no result', async () => {
    const first = new PlayedSandbox().becomeReady().fail(new Error('no way in'))
    const pool = await poolOf(first, new PlayedSandbox().becomeReady())
    expect(await pool.run(someRun, never)).toMatchObject({ kind: 'none', reason: 'host' })
  })

  test('by saying that its host did is replaced as well', async () => {
    const none: RunResult = { kind: 'none', reason: 'host', message: 'no memory left' }
    const first = new PlayedSandbox().becomeReady().answer(none)
    const second = new PlayedSandbox().becomeReady().answer(done)
    const pool = await poolOf(first, second)
    expect(await pool.run(someRun, never)).toEqual(none)
    expect(first.killed).toBe(true)
    expect(await pool.run(someRun, never)).toEqual(done)
  })
})

describe('a sandbox that does not start', () => {
  test('fails the whole pool at first', async () => {
    const broken = new PlayedSandbox().end('no such page')
    await expect(poolOf(broken)).rejects.toThrow('A sandbox for programs did not start: no such page')
    expect(broken.killed).toBe(true)
  })

  test('fails one run later on, and the one after it gets another', async () => {
    const [first, second] = [new PlayedSandbox().becomeReady(), new PlayedSandbox().end('no such page')]
    const third = new PlayedSandbox().becomeReady().answer(done)
    const pool = await poolOf(first, second, third)
    first.end('gone')
    await first.ended
    expect(await pool.run(someRun, never)).toMatchObject({ kind: 'none', reason: 'host' })
    expect(await pool.run(someRun, never)).toEqual(done)
  })
})

test('an answer that comes after the kill changes nothing', async () => {
  const [first, second] = [new PlayedSandbox().becomeReady(), new PlayedSandbox().becomeReady()]
  const pool = await poolOf(first, second)
  const controller = new AbortController()
  const running = pool.run(someRun, controller.signal)
  await first.started
  controller.abort()
  first.answer(done)
  expect(await running).toMatchObject({ kind: 'none', reason: 'cancelled' })
})
