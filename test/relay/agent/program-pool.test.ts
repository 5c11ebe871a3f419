import { afterEach, describe, expect, test } from 'vitest'
import { createProgramPool } from '../../../relay/agent/program-pool.ts'
import type { ProgramRunner, RunResult } from '../../../shared/runtime/program-runner.ts'
import type { Limits } from '../../../shared/task/task.ts'
import { runOf } from '../../support/program-run.ts'

const never = new AbortController().signal
const pools: ProgramRunner[] = []

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()))
})

async function pool(slots: number): Promise<ProgramRunner> {
  const made = await createProgramPool({ slots })
  pools.push(made)
  return made
}

function run(
  runner: ProgramRunner,
  program: string,
  {
    limits = {},
    signal = never,
    input = 1,
  }: { limits?: Partial<Limits>; signal?: AbortSignal; input?: unknown } = {},
): Promise<RunResult> {
  return runner.run(runOf(program, input, { limits }), signal)
}

const text = (result: RunResult): string =>
  result.kind === 'ok' ? new TextDecoder().decode(result.output) : JSON.stringify(result)

/** One poll in minutes: native code that no fuel stops in time. */
const uninterruptible =
  'export default () => { const a = "a".repeat(2e7); let n = 0; for (;;) n += a.indexOf("ab") }'
const endless = 'export default () => { for (;;); }'

describe('TSK-07 programs in worker threads', () => {
  test('run at the same time, one in each slot', async () => {
    const runner = await pool(2)
    const results = await Promise.all(
      [1, 2, 3, 4, 5].map((input) => run(runner, 'export default (x) => x * x', { input })),
    )
    expect(results.map(text)).toEqual(['1', '4', '9', '16', '25'])
    expect(runner.slots).toBe(2)
  })

  test('keep nothing from one run to the next', async () => {
    const runner = await pool(1)
    const program = 'export default () => { globalThis.n = (globalThis.n ?? 0) + 1; return globalThis.n }'
    expect([text(await run(runner, program)), text(await run(runner, program))]).toEqual(['1', '1'])
  })

  test('leave the bytes of the caller as they were', async () => {
    const runner = await pool(1)
    const whole = new TextEncoder().encode('export default (x) => x  12')
    await runner.run(runOf(whole.subarray(0, 23), whole.subarray(25)), never)
    expect(whole.length).toBe(27)
  })

  test('an error of the program is its outcome', async () => {
    expect(await run(await pool(1), 'export default () => { throw new Error("x") }')).toMatchObject({
      error: 'thrown',
    })
  })
})

describe('SBX-03 kills', () => {
  test('what fuel cannot stop is killed by the wall clock, and the slot works on', async () => {
    const runner = await pool(1)
    const result = await run(runner, uninterruptible, { limits: { fuel: 1e15, maxDurationSeconds: 0.2 } })
    expect(result).toMatchObject({
      kind: 'none',
      reason: 'wallClock',
      message: 'The program was killed after 0.2 s',
    })
    expect(text(await run(runner, 'export default (x) => x + 1'))).toBe('2')
  })

  test('an abort ends the run, and the slot works on', async () => {
    const runner = await pool(1)
    const controller = new AbortController()
    const running = run(runner, endless, { limits: { fuel: 1e15 }, signal: controller.signal })
    controller.abort()
    expect(await running).toMatchObject({ kind: 'none', reason: 'cancelled' })
    expect(text(await run(runner, 'export default (x) => x + 1'))).toBe('2')
  })

  test('an abort before the run starts it not at all', async () => {
    expect(await run(await pool(1), endless, { signal: AbortSignal.abort() })).toMatchObject({
      reason: 'cancelled',
    })
  })

  test('an abort while waiting gives up the place', async () => {
    const runner = await pool(1)
    const [first, second] = [new AbortController(), new AbortController()]
    const running = run(runner, endless, { signal: first.signal })
    const waiting = run(runner, endless, { signal: second.signal })
    const last = run(runner, 'export default (x) => x + 1')
    second.abort()
    expect(await waiting).toMatchObject({ kind: 'none', reason: 'cancelled' })
    first.abort()
    expect(await running).toMatchObject({ kind: 'none', reason: 'cancelled' })
    expect(text(await last)).toBe('2')
  })

  test('closing ends what runs and what waits, and later runs are refused', async () => {
    const runner = await pool(1)
    const open = [run(runner, endless), run(runner, endless)]
    await runner.close()
    expect((await Promise.all(open)).map((result) => 'reason' in result && result.reason)).toEqual([
      'cancelled',
      'cancelled',
    ])
    expect(await run(runner, 'export default () => 1')).toMatchObject({ kind: 'none', reason: 'cancelled' })
  })
})

describe('refusals', () => {
  test.each([0, -1, 1.5, Number.NaN])('a pool of %s slots', async (slots) => {
    await expect(createProgramPool({ slots })).rejects.toThrow('A pool needs 1 slot or more')
  })

  test('more than 1,024 waiting runs', async () => {
    const runner = await pool(1)
    const open = Array.from({ length: 1_026 }, () => run(runner, endless))
    expect(await open[1_025]).toMatchObject({ kind: 'none', reason: 'host' })
    await runner.close()
    await Promise.all(open)
  })
})
