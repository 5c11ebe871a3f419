import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createProgramPool } from '../../relay/agent/program-pool.ts'
import type { ProgramRunner, RunResult } from '../../shared/runtime/program-runner.ts'
import { runOf } from '../support/program-run.ts'
import { attackPrograms } from './attack-programs.ts'
import { assemble, wat } from './wasi/wat-program.ts'

const never = new AbortController().signal
const attacks = await attackPrograms()
let pool: ProgramRunner
beforeAll(async () => {
  pool = await createProgramPool({ slots: 1 })
})
afterAll(() => pool.close())

function endOf(result: RunResult): string {
  if (result.kind === 'none') return result.reason === 'wallClock' ? 'killed' : `none ${result.message}`
  return result.kind === 'ok' ? 'ok' : result.error
}

test.each(attacks)(
  'SBX-03 $name ends as $end on Node, and ordinary work goes on',
  async ({ end, ...attack }) => {
    const { program, input, limits } = attack
    const ended = endOf(await pool.run(runOf(program, input, { limits }), never))
    expect(ended).toBe(end)
    const next = await pool.run(runOf('export default (x) => x + 1', 1), never)
    expect(next.kind === 'ok' && new TextDecoder().decode(next.output)).toBe('2')
  },
  70_000,
)

describe('SBX-03 a killed guest stops burning CPU within 3 s', () => {
  const limits = { fuel: Number.MAX_SAFE_INTEGER, maxDurationSeconds: 60 }
  const native =
    'export default () => { const a = "a".repeat(2e7); let n = 0; for (;;) n += a.indexOf("ab") }'

  test.each([
    ['a native call', () => Promise.resolve(native)],
    ['a WASI loop', () => assemble(wat('(loop (br 0))'))],
  ])('%s, in each of two threads', async (_name, program) => {
    const two = await createProgramPool({ slots: 2 })
    try {
      const controller = new AbortController()
      const run = runOf(await program(), null, { limits })
      const running = [two.run(run, controller.signal), two.run(run, controller.signal)]
      // At work once half a core's worth is used in a while.
      while ((await cpuShare(200)) < 0.5);
      controller.abort()
      expect((await Promise.all(running)).map(endOf)).toEqual([
        expect.stringContaining('none'),
        expect.stringContaining('none'),
      ])
      const start = performance.now()
      while ((await cpuShare(200)) > 0.3) expect(performance.now() - start).toBeLessThan(3_000)
      const next = await Promise.all(
        [1, 2].map((x) => two.run(runOf('export default (x) => x + 1', x), never)),
      )
      expect(next.map(endOf)).toEqual(['ok', 'ok'])
    } finally {
      await two.close()
    }
  })
})

/** Cores that this process used over so many milliseconds. */
async function cpuShare(ms: number): Promise<number> {
  const [start, before] = [performance.now(), process.cpuUsage()]
  await new Promise((resolve) => setTimeout(resolve, ms))
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000 / (performance.now() - start)
}
