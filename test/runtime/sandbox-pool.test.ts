import { describe, expect, test } from 'vitest'
import { Random } from '../../shared/kernel/random.ts'
import type { ProgramRun, ProgramRunner, RunResult } from '../../shared/runtime/program-runner.ts'
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

describe('runs of a program that is known to be short', () => {
  /** What becomes of a run is in its input, so that it can be told whose result it got. */
  type Fate = 'ok' | 'hangs' | 'breaks' | 'none'
  const limits = { maxDurationSeconds: 0.05 }
  const program = (name: string, fate: Fate, n = 0) => runOf(name, `${fate} ${n}`, { limits })
  const fateOf = (run: ProgramRun) => JSON.parse(new TextDecoder().decode(run.input)).split(' ')[0] as Fate

  const resultOf = (fate: 'ok' | 'none', { input }: ProgramRun): RunResult =>
    fate === 'ok'
      ? { kind: 'ok', output: input, fuelUsed: 1 }
      : { kind: 'none', reason: 'host', message: 'none' }

  interface Watch {
    /** Runs of each request. */
    readonly requests: number[]
    readonly faults: string[]
    spawned: number
  }

  /** Runs what it is given one after another, and tells a test of what no pool may do. */
  class WorkingSandbox implements Sandbox {
    readonly ready = Promise.resolve()
    readonly ended: Promise<string>
    readonly #break: (reason: string) => void
    readonly #watch: Watch
    #isBusy = false
    #isKilled = false

    constructor(watch: Watch) {
      const { promise, resolve } = Promise.withResolvers<string>()
      this.ended = promise
      this.#break = resolve
      this.#watch = watch
      watch.spawned++
    }

    run(runs: readonly ProgramRun[], came: (results: readonly RunResult[]) => void): void {
      if (this.#isBusy) this.#watch.faults.push('two requests at one time')
      if (this.#isKilled) this.#watch.faults.push('a request after its end')
      if (new Set(runs.map(({ programHash }) => programHash)).size !== 1)
        this.#watch.faults.push('programs of two kinds')
      this.#watch.requests.push(runs.length)
      this.#isBusy = true
      void this.#work(runs, came)
    }

    async #work(runs: readonly ProgramRun[], came: (results: readonly RunResult[]) => void): Promise<void> {
      let gathered: RunResult[] = []
      for (const [at, run] of runs.entries()) {
        await new Promise((resolve) => setTimeout(resolve, at % 3 === 0 ? 1 : 0))
        const fate = fateOf(run)
        if (fate === 'breaks') this.#break('it fell over')
        if (fate === 'breaks' || fate === 'hangs' || this.#isKilled) return
        gathered.push(resultOf(fate, run))
        const isLast = fate === 'none' || at === runs.length - 1
        if (!isLast && at % 4 !== 3) continue
        this.#isBusy = !isLast
        came(gathered)
        if (isLast) return
        gathered = []
      }
    }

    async kill(): Promise<void> {
      this.#isKilled = true
    }
  }

  async function working(slots: number) {
    const watch: Watch = { requests: [], faults: [], spawned: 0 }
    const pool = await createSandboxPool({ slots, spawn: () => new WorkingSandbox(watch) })
    return { watch, pool }
  }

  const right: Readonly<Record<Fate, object>> = {
    ok: { kind: 'ok' },
    hangs: { kind: 'none', reason: 'wallClock' },
    breaks: { kind: 'none', reason: 'host', message: "The program's sandbox broke down: it fell over" },
    none: { kind: 'none', reason: 'host', message: 'none' },
  }

  async function know(pool: ProgramRunner, name: string): Promise<void> {
    for (let n = 0; n < 3; n++) await pool.run(program(name, 'ok'), never)
  }

  test('go to a sandbox together, and those that are not known each by itself', async () => {
    const { watch, pool } = await working(1)
    await Promise.all([1, 2, 3, 4, 5, 6].map((n) => pool.run(program('a', 'ok', n), never)))
    expect(watch.requests[0]).toBe(1)
    await know(pool, 'a')
    watch.requests.length = 0
    const ended = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => pool.run(program('a', 'ok', n), never)))
    expect(watch.requests.reduce((sum, runs) => sum + runs, 0)).toBe(6)
    expect(Math.max(...watch.requests)).toBeGreaterThan(1)
    expect(ended).toMatchObject([1, 2, 3, 4, 5, 6].map((n) => ({ output: program('a', 'ok', n).input })))
    expect(ended.every(({ durationMs }) => durationMs < 20)).toBe(true)
  })

  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'end as they would alone, whatever is with them (seed %i)',
    async (seed) => {
      const random = new Random(seed)
      const { watch, pool } = await working(1 + random.below(3))
      for (const name of ['a', 'b']) await know(pool, name)
      const fates: readonly Fate[] = ['ok', 'ok', 'ok', 'ok', 'ok', 'ok', 'ok', 'hangs', 'breaks', 'none']
      const asked = Array.from({ length: 80 }, (_, n) => {
        const fate = fates[random.below(fates.length)]!
        const run = program(random.below(4) === 0 ? 'b' : 'a', fate, n)
        const stop = new AbortController()
        const isCancelled = random.below(8) === 0
        if (isCancelled) setTimeout(() => stop.abort(), random.below(60))
        return { fate, run, isCancelled, ended: pool.run(run, stop.signal) }
      })
      for (const { fate, run, isCancelled, ended } of asked) {
        const result = await ended
        if (isCancelled && result.kind === 'none' && result.reason === 'cancelled') continue
        expect(result).toMatchObject(right[fate])
        if (result.kind === 'ok') expect(result.output).toEqual(run.input)
      }
      expect(watch.faults).toEqual([])
      expect(Math.max(...watch.requests)).toBeGreaterThan(1)
      // Every slot goes on.
      const after = await Promise.all([1, 2, 3, 4].map((n) => pool.run(program('a', 'ok', n), never)))
      expect(after).toMatchObject([right.ok, right.ok, right.ok, right.ok])
      await pool.close()
    },
  )

  test('end at once when the pool is closed', async () => {
    const { pool } = await working(1)
    await know(pool, 'a')
    const running = [1, 2, 3, 4, 5].map((n) => pool.run(program('a', n === 3 ? 'hangs' : 'ok', n), never))
    await pool.close()
    for (const result of await Promise.all(running))
      expect(result).toMatchObject({ kind: 'none', reason: 'cancelled' })
  })
})
