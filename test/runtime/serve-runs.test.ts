import { describe, expect, test } from 'vitest'
import type { ProgramRun, RunResult } from '../../shared/runtime/program-runner.ts'
import { programsHeld, RunConversation, type RunRequest } from '../../shared/runtime/sandbox-messages.ts'
import { serveRuns } from '../../shared/runtime/serve-runs.ts'
import { runOf } from '../support/program-run.ts'

/** Host and worker of one conversation, with a runtime that answers with the program it was given. */
function bothEnds() {
  const sent: RunRequest[] = []
  const conversation = new RunConversation()
  const runtime = {
    run: async ({ program }: ProgramRun): Promise<RunResult> => ({
      kind: 'ok',
      output: program.slice(),
      fuelUsed: 0,
    }),
    prepare: async (): Promise<void> => undefined,
  }
  const serve = serveRuns(runtime, (reply) => conversation.receive(reply))
  const run = (program: string): Promise<RunResult> =>
    conversation.run(runOf(program), (request) => {
      sent.push(request)
      void serve(request)
    })
  return { sent, run, serve, conversation }
}

const text = (result: RunResult): string =>
  result.kind === 'ok' ? new TextDecoder().decode(result.output) : JSON.stringify(result)

describe('a program', () => {
  test('travels once, and is run from what the worker holds after that', async () => {
    const { sent, run } = bothEnds()
    expect([text(await run('a')), text(await run('a'))]).toEqual(['a', 'a'])
    expect(sent.map(({ program }) => program !== undefined)).toEqual([true, false])
  })

  test('host and worker agree on what is held through any order of programs', async () => {
    const { sent, run } = bothEnds()
    let state = 7
    for (let i = 0; i < 500; i++) {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31
      const name = `program ${state % (programsHeld + 2)}`
      expect(text(await run(name))).toBe(name)
    }
    expect(sent.filter(({ program }) => program === undefined).length).toBeGreaterThan(100)
  })

  test('that the worker does not hold gives no result', async () => {
    const { serve, conversation } = bothEnds()
    const running = conversation.run(runOf('a'), ({ program: _, ...rest }) => void serve(rest))
    expect(await running).toMatchObject({ kind: 'none', reason: 'host' })
  })
})
