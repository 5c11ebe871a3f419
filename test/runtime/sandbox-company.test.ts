import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Random } from '../../shared/kernel/random.ts'
import type {
  ProgramRun,
  ProgramRunner,
  RunResult,
  TimedResult,
} from '../../shared/runtime/program-runner.ts'
import { createSandboxPool } from '../../shared/runtime/sandbox-pool.ts'
import type { Sandbox } from '../../shared/runtime/sandbox-slot.ts'
import { runOf } from '../support/program-run.ts'

/*
 * Short runs go to a sandbox together. Whatever their company does, each ends as it would alone.
 */

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** What becomes of a run is in its input, so that it can be told whose result it got. */
type Fate = 'ok' | 'takes long' | 'hangs' | 'breaks' | 'none'

const limits = { maxDurationSeconds: 2 }
const longMs = 1_500
const never = new AbortController().signal
const run = (name: string, fate: Fate, n = 0): ProgramRun => runOf(name, `${fate}/${n}`, { limits })
const fateOf = ({ input }: ProgramRun) => JSON.parse(new TextDecoder().decode(input)).split('/')[0] as Fate
const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const ends: Readonly<Record<Fate, object>> = {
  ok: { kind: 'ok' },
  'takes long': { kind: 'ok' },
  hangs: { kind: 'none', reason: 'wallClock' },
  breaks: { kind: 'none', reason: 'host', message: "The program's sandbox broke down: it fell over" },
  none: { kind: 'none', reason: 'host', message: 'none' },
}

/** What tests see of all sandboxes of a pool. */
class Watch {
  /** Inputs of each request. */
  readonly requests: string[][] = []
  /** What no pool may do. */
  readonly faults: string[] = []
  alive = 0
  /** Milliseconds that a sandbox takes to start; `undefined` never does. */
  startMs: () => number | undefined = () => 0
}

/** Runs what it is given one after another, and gives results as a worker does: some at a time. */
class WorkingSandbox implements Sandbox {
  readonly ready: Promise<void>
  readonly ended: Promise<string>
  readonly #break: (reason: string) => void
  readonly #watch: Watch
  #isReady = false
  #isBusy = false
  #isKilled = false

  constructor(watch: Watch) {
    const ready = Promise.withResolvers<void>()
    const ended = Promise.withResolvers<string>()
    this.ready = ready.promise
    this.ended = ended.promise
    this.#break = ended.resolve
    this.#watch = watch
    watch.alive++
    const startMs = watch.startMs()
    setTimeout(() => {
      this.#isReady = startMs !== undefined
      if (this.#isReady) ready.resolve()
      else ended.resolve('it does not start')
    }, startMs ?? 5)
  }

  run(runs: readonly ProgramRun[], came: (results: readonly RunResult[]) => void): void {
    const { faults, requests } = this.#watch
    if (!this.#isReady) faults.push('a request before it is ready')
    if (this.#isBusy) faults.push('two requests at one time')
    if (this.#isKilled) faults.push('a request after its end')
    if (new Set(runs.map(({ programHash }) => programHash)).size !== 1) faults.push('programs of two kinds')
    requests.push(runs.map(({ input }) => JSON.parse(new TextDecoder().decode(input))))
    this.#isBusy = true
    void this.#work(runs, came)
  }

  async kill(): Promise<void> {
    if (!this.#isKilled) this.#watch.alive--
    this.#isKilled = true
  }

  fallOver(): void {
    this.#break('it fell over')
  }

  async #work(runs: readonly ProgramRun[], came: (results: readonly RunResult[]) => void): Promise<void> {
    let gathered: RunResult[] = []
    for (const [at, one] of runs.entries()) {
      const fate = fateOf(one)
      await sleep(fate === 'takes long' ? longMs : 1)
      if (fate === 'breaks') this.fallOver()
      if (fate === 'breaks' || fate === 'hangs' || this.#isKilled) return
      gathered.push(resultOf(fate, one))
      const isLast = fate === 'none' || at === runs.length - 1
      if (!isLast && at % 4 !== 3) continue
      this.#isBusy = !isLast
      came(gathered)
      if (isLast) return
      gathered = []
    }
  }
}

const resultOf = (fate: Fate, { input }: ProgramRun): RunResult =>
  fate === 'none'
    ? { kind: 'none', reason: 'host', message: 'none' }
    : { kind: 'ok', output: input, fuelUsed: 1 }

/** A pool that knows the runs of `a` and `b` to be short. */
async function knowing(slots: number, respawnMs = 0) {
  const watch = new Watch()
  const sandboxes: WorkingSandbox[] = []
  const spawn = (): Sandbox => {
    const sandbox = new WorkingSandbox(watch)
    sandboxes.push(sandbox)
    return sandbox
  }
  const starting = createSandboxPool({ slots, spawn, respawnMs })
  await pass(1)
  const pool = await starting
  for (const name of ['a', 'b'])
    for (let n = 0; n < 4; n++) {
      const known = pool.run(run(name, 'ok'), never)
      await pass(2)
      await known
    }
  watch.requests.length = 0
  return { watch, pool, sandboxes }
}

/** Its result once it has one. */
function ended(result: Promise<TimedResult>): { readonly now: TimedResult | undefined } {
  const state: { now: TimedResult | undefined } = { now: undefined }
  void result.then((it) => {
    state.now = it
  })
  return state
}

/** Runs that wait behind one that occupies the only slot, and so go together. */
function behindOne(pool: ProgramRunner, fates: readonly Fate[]) {
  const first = pool.run(run('a', 'ok', 99), never)
  const stops = fates.map(() => new AbortController())
  const results = fates.map((fate, n) => ended(pool.run(run('a', fate, n), stops[n]!.signal)))
  return { first, stops, results }
}

describe('short runs of one program', () => {
  test('go to a sandbox together, those of a program that is not known each by itself', async () => {
    const { watch, pool } = await knowing(1)
    const known = behindOne(pool, ['ok', 'ok', 'ok', 'ok', 'ok'])
    await pass(20)
    expect(watch.requests.map(({ length }) => length)).toEqual([1, 5])
    expect(known.results.map(({ now }) => now)).toMatchObject(
      [0, 1, 2, 3, 4].map((n) => ({ output: run('a', 'ok', n).input })),
    )
    expect(known.results.every(({ now }) => now!.durationMs < 5)).toBe(true)
    watch.requests.length = 0
    const unknown = [1, 2, 3].map((n) => pool.run(run('c', 'ok', n), never))
    await pass(20)
    await Promise.all(unknown)
    expect(watch.requests[0]).toHaveLength(1)
  })

  test('are shared among the slots', async () => {
    const { watch, pool } = await knowing(2)
    const all = Array.from({ length: 12 }, (_, n) => pool.run(run('a', 'ok', n), never))
    await pass(30)
    await Promise.all(all)
    expect(Math.max(...watch.requests.map(({ length }) => length))).toBeLessThanOrEqual(5)
  })

  test('do not wait behind one that takes long, where a slot is free', async () => {
    const { watch, pool } = await knowing(2)
    const other = pool.run(run('b', 'ok'), never)
    const { first, results } = behindOne(pool, ['takes long', 'ok', 'ok'])
    await pass(700)
    await Promise.all([first, other])
    expect(results.map(({ now }) => now?.kind)).toEqual([undefined, 'ok', 'ok'])
    await pass(longMs)
    expect(results[0]!.now).toMatchObject({ kind: 'ok' })
    expect(watch.faults).toEqual([])
  })

  test('a run that hangs has little more than its limit, and its company waits no longer than that', async () => {
    const { pool } = await knowing(1)
    const { results } = behindOne(pool, ['hangs', 'ok', 'ok'])
    await pass(2_000)
    expect(results.map(({ now }) => now)).toEqual([undefined, undefined, undefined])
    await pass(600)
    expect(results.map(({ now }) => now)).toMatchObject([ends.hangs, ends.ok, ends.ok])
  })

  test('a cancelled run does not keep the slot', async () => {
    const { pool } = await knowing(1)
    const { results, stops } = behindOne(pool, ['ok', 'ok', 'hangs', 'ok'])
    await pass(4)
    stops[2]!.abort()
    await pass(700)
    expect(results.map(({ now }) => now)).toMatchObject([
      ends.ok,
      ends.ok,
      { kind: 'none', reason: 'cancelled' },
      ends.ok,
    ])
  })

  test('are stopped at once when all that are left are cancelled', async () => {
    const { watch, pool } = await knowing(1)
    const { stops } = behindOne(pool, ['ok', 'takes long', 'ok'])
    await pass(4)
    for (const stop of stops) stop.abort()
    const next = ended(pool.run(run('a', 'ok', 50), never))
    await pass(10)
    expect(next.now).toMatchObject(ends.ok)
    expect(watch.alive).toBe(1)
  })

  test('one that is cancelled while its sandbox starts takes no other with it', async () => {
    const { watch, pool, sandboxes } = await knowing(1)
    watch.startMs = () => 50
    const { stops, results } = behindOne(pool, ['ok', 'ok', 'ok', 'ok'])
    sandboxes[0]!.fallOver()
    await pass(5)
    stops[0]!.abort()
    stops[1]!.abort()
    await pass(200)
    expect(results.map(({ now }) => now?.kind)).toEqual(['none', 'none', 'ok', 'ok'])
  })

  test('come before those that were asked for later, also when they are given a second time', async () => {
    const { watch, pool } = await knowing(2)
    const other = pool.run(run('b', 'takes long'), never)
    const { results } = behindOne(pool, ['hangs', 'ok', 'ok'])
    await pass(502)
    const later = ended(pool.run(run('a', 'ok', 50), never))
    await pass(2_100)
    await other
    expect(later.now).toMatchObject(ends.ok)
    expect(results.map(({ now }) => now)).toMatchObject([ends.hangs, ends.ok, ends.ok])
    const order = watch.requests.flat()
    expect(order.lastIndexOf('ok/2')).toBeLessThan(order.indexOf('ok/50'))
  })

  test('that have to begin in time go back, also when their company took that time', async () => {
    const { pool } = await knowing(1)
    const first = pool.run(run('a', 'ok', 99), never)
    const fatesOfThem: readonly Fate[] = ['takes long', 'takes long', 'ok', 'ok']
    const results = fatesOfThem.map((fate, n) =>
      ended(pool.run(run('a', fate, n), never, { beginWithinMs: 1_000 })),
    )
    await pass(1_100)
    await first
    const busy = { kind: 'none', reason: 'busy' }
    expect(results.map(({ now }) => now)).toMatchObject([undefined, busy, busy, busy])
    await pass(longMs)
    expect(results[0]!.now).toMatchObject(ends.ok)
  })

  test('of those whose sandbox does not start one ends, the others get one of their own', async () => {
    const { watch, pool, sandboxes } = await knowing(1)
    let starts = 0
    watch.startMs = () => (++starts === 1 ? undefined : 5)
    const { first, results } = behindOne(pool, ['ok', 'ok', 'ok'])
    sandboxes[0]!.fallOver()
    await pass(100)
    expect(await first).toMatchObject(ends.breaks)
    expect(results.map(({ now }) => now?.kind)).toEqual(['none', 'ok', 'ok'])
  })

  test('end at once when the pool is closed', async () => {
    const { pool } = await knowing(1)
    const { results } = behindOne(pool, ['ok', 'hangs', 'ok', 'ok'])
    await pass(4)
    await pool.close()
    await pass(0)
    for (const { now } of results.slice(1)) expect(now).toMatchObject({ kind: 'none', reason: 'cancelled' })
  })
})

const fates: readonly Fate[] = [...new Array<Fate>(12).fill('ok'), 'takes long', 'hangs', 'breaks', 'none']

/** Runs of all fates and cancellations at any moment, sandboxes that start slowly, not at all, or fall over. */
async function strain(seed: number) {
  const random = new Random(seed)
  const slots = 1 + random.below(3)
  const { watch, pool, sandboxes } = await knowing(slots, random.below(2) * 30)
  watch.startMs = () => (random.below(12) === 0 ? undefined : random.below(40))
  const asked: { fate: Fate; one: ProgramRun; stop: AbortController; state: ReturnType<typeof ended> }[] = []
  for (let n = 0; n < 120; n++) {
    const fate = fates[random.below(fates.length)]!
    const one = run(random.below(4) === 0 ? 'b' : 'a', fate, n)
    const stop = new AbortController()
    asked.push({ fate, one, stop, state: ended(pool.run(one, stop.signal)) })
    if (random.below(3) === 0) await pass(random.below(12))
    if (random.below(8) === 0) asked[random.below(asked.length)]!.stop.abort()
    if (random.below(30) === 0) sandboxes[random.below(sandboxes.length)]!.fallOver()
  }
  await pass(400_000)
  return { watch, pool, slots, asked }
}

test.each(Array.from({ length: 60 }, (_, seed) => seed))(
  'under strain each ends as it would alone (seed %i)',
  async (seed) => {
    const { watch, pool, slots, asked } = await strain(seed)
    for (const { fate, one, stop, state } of asked) {
      const result = state.now
      expect(result, `${fate} has an end`).toBeDefined()
      if (result!.kind === 'ok') {
        expect(['ok', 'takes long']).toContain(fate)
        expect(result!.output).toBe(one.input)
      } else if (result!.kind === 'none') {
        if (result!.reason === 'wallClock') expect(fate).toBe('hangs')
        if (result!.reason === 'cancelled') expect(stop.signal.aborted).toBe(true)
      }
    }
    expect(watch.faults).toEqual([])
    // Every slot is there.
    watch.startMs = () => 0
    const last = Array.from({ length: slots }, (_, n) =>
      ended(pool.run(run(`other ${n}`, 'takes long'), never)),
    )
    await pass(longMs + 50)
    expect(last.map(({ now }) => now?.kind)).toEqual(last.map(() => 'ok'))
    await pool.close()
    await pass(30_000)
    expect(watch.alive).toBe(0)
  },
)
