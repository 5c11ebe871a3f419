import { describe, expect, test } from 'vitest'
import type { ProgramRun, RunResult } from '../../shared/runtime/program-runner.ts'
import { createSandboxPool } from '../../shared/runtime/sandbox-pool.ts'
import type { Sandbox } from '../../shared/runtime/sandbox-slot.ts'
import { runOf } from '../support/program-run.ts'

const never = new AbortController().signal
const someRun = runOf('')
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
  #failure: Error | undefined
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
    this.#failure = error
    return this
  }

  run(runs: readonly ProgramRun[], came: (results: readonly RunResult[]) => void): void {
    if (this.#failure !== undefined) throw this.#failure
    this.#started.resolve()
    void this.#result.promise.then((result) => came(runs.map(() => result)))
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
    expect(await running).toMatchObject({
      kind: 'none',
      reason: 'host',
      message: "The program's sandbox broke down: it fell over",
    })
    expect(first.killed).toBe(true)
    expect(await pool.run(someRun, never)).toMatchObject(done)
  })

  test('between runs is replaced before the next', async () => {
    const [first, second] = [
      new PlayedSandbox().becomeReady(),
      new PlayedSandbox().becomeReady().answer(done),
    ]
    const pool = await poolOf(first, second)
    first.end('it fell over')
    await first.ended
    expect(await pool.run(someRun, never)).toMatchObject(done)
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
    expect(await pool.run(someRun, never)).toMatchObject(none)
    expect(first.killed).toBe(true)
    expect(await pool.run(someRun, never)).toMatchObject(done)
  })
})

test('a sandbox that cannot be made ends its run, and the slot is there for the next', async () => {
  const left = [new PlayedSandbox().becomeReady(), undefined, new PlayedSandbox().becomeReady().answer(done)]
  const [first] = left
  const spawn = (): Sandbox => {
    const next = left.shift()
    if (next === undefined) throw new Error('no frame')
    return next
  }
  const pool = await createSandboxPool({ slots: 1, spawn })
  first!.end('gone')
  await first!.ended
  expect(await pool.run(someRun, never)).toMatchObject({ kind: 'none', reason: 'host' })
  expect(await pool.run(someRun, never)).toMatchObject(done)
})

test('a run that finds no slot in time ends busy, and one that has begun does not', async () => {
  const sandbox = new PlayedSandbox().becomeReady()
  const pool = await poolOf(sandbox)
  const running = pool.run(someRun, never, { beginWithinMs: 10 })
  const late = pool.run(someRun, never, { beginWithinMs: 10 })
  const patient = pool.run(someRun, never)
  expect(await late).toMatchObject({ kind: 'none', reason: 'busy' })
  sandbox.answer(done)
  expect([await running, await patient]).toMatchObject([done, done])
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
    expect(await pool.run(someRun, never)).toMatchObject(done)
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

describe('sandboxes for models', () => {
  const model = (name: string) => runOf(Uint8Array.from([0x08, ...new TextEncoder().encode(name)]))

  /** A pool whose sandboxes are all ready and answer; the list tells what each was made for. */
  async function poolThatNotes(slots: number) {
    const made: { readonly engine: string; readonly sandbox: PlayedSandbox }[] = []
    const spawn = (engine: string): Sandbox => {
      const sandbox = new PlayedSandbox().becomeReady().answer(done)
      made.push({ engine, sandbox })
      return sandbox
    }
    return { made, pool: await createSandboxPool({ slots, spawn }) }
  }

  test('SBX-01 one model has a sandbox to itself, and the next one another', async () => {
    const { made, pool } = await poolThatNotes(1)
    await pool.run(model('a'), never)
    await pool.run(model('a'), never)
    await pool.run(model('b'), never)
    await pool.run(someRun, never)
    expect(made.map(({ engine }) => engine)).toEqual(['guests', 'onnx', 'onnx', 'guests'])
    expect(made.map(({ sandbox }) => sandbox.killed)).toEqual([true, true, true, false])
  })

  test('a run goes to the idle sandbox that has its model', async () => {
    const { made, pool } = await poolThatNotes(2)
    await pool.run(model('a'), never)
    await pool.run(someRun, never)
    await pool.run(model('a'), never)
    await pool.run(someRun, never)
    expect(made.map(({ engine }) => engine)).toEqual(['guests', 'guests', 'onnx'])
  })

  test('a run that is cancelled while its engine loads ends at once', async () => {
    const loading = new PlayedSandbox()
    const pool = await poolOf(new PlayedSandbox().becomeReady(), loading)
    const stop = new AbortController()
    const running = pool.run(model('a'), stop.signal)
    stop.abort()
    expect(await running).toMatchObject({ kind: 'none', reason: 'cancelled' })
    expect(loading.killed).toBe(false)
  })
})
