import { describe, expect, test } from 'vitest'
import type { ProgramRun, RunResult } from '../../shared/runtime/program-runner.ts'
import { programsHeld, RunConversation, type RunRequest } from '../../shared/runtime/sandbox-messages.ts'
import { serveRuns } from '../../shared/runtime/serve-runs.ts'
import { runOf } from '../support/program-run.ts'

const echo = async ({ program, input }: ProgramRun): Promise<RunResult> => ({
  kind: 'ok',
  output: Uint8Array.from([...program, ...input]),
  fuelUsed: 0,
})

/** Host and worker of one conversation, with a runtime that answers with the program and the input it was given. */
function bothEnds(run: (run: ProgramRun) => Promise<RunResult> = echo) {
  const sent: RunRequest[] = []
  /** Results in each reply. */
  const replies: number[] = []
  const conversation = new RunConversation()
  const serve = serveRuns({ run, prepare: async () => undefined }, (reply) => {
    if (reply.kind === 'results') replies.push(reply.results.length)
    conversation.receive(reply)
  })
  const runAll = async (runs: readonly ProgramRun[], change = (request: RunRequest) => request) => {
    const ended: RunResult[] = []
    let served: Promise<void> | undefined
    conversation.run(
      runs,
      (results) => ended.push(...results),
      (request) => {
        sent.push(request)
        served = serve(change(request))
      },
    )
    await served
    return ended
  }
  return { sent, replies, runAll }
}

const text = (result: RunResult | undefined): string =>
  result?.kind === 'ok' ? new TextDecoder().decode(result.output) : JSON.stringify(result)

describe('a program', () => {
  test('travels once, and is run from what the worker holds after that', async () => {
    const { sent, runAll } = bothEnds()
    const run = runOf('a', new Uint8Array())
    expect([...(await runAll([run])), ...(await runAll([run]))].map(text)).toEqual(['a', 'a'])
    expect(sent.map(({ program }) => program !== undefined)).toEqual([true, false])
  })

  test('host and worker agree on what is held through any order of programs', async () => {
    const { sent, runAll } = bothEnds()
    let state = 7
    for (let i = 0; i < 500; i++) {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31
      const name = `program ${state % (programsHeld + 2)}`
      expect((await runAll([runOf(name, new Uint8Array())])).map(text)).toEqual([name])
    }
    expect(sent.filter(({ program }) => program === undefined).length).toBeGreaterThan(100)
  })

  test('that the worker does not hold gives no result', async () => {
    const { runAll } = bothEnds()
    const ended = await runAll([runOf('a'), runOf('a')], ({ program: _, ...rest }) => rest)
    expect(ended).toMatchObject([{ kind: 'none', reason: 'host' }])
  })
})

describe('runs that come together', () => {
  const runs = ['', 'b', 'cc', '', 'd'].map((input) => runOf('a', new TextEncoder().encode(input)))

  test('get each its own input, and one reply when they are short', async () => {
    const { replies, runAll } = bothEnds()
    expect((await runAll(runs)).map(text)).toEqual(['a', 'ab', 'acc', 'a', 'ad'])
    expect(replies).toEqual([5])
  })

  test('do not wait for one that takes long', async () => {
    const { replies, runAll } = bothEnds(async (run) => {
      await new Promise((resolve) => setTimeout(resolve, run.input.length === 2 ? 20 : 0))
      return await echo(run)
    })
    expect((await runAll(runs)).map(text)).toEqual(['a', 'ab', 'acc', 'a', 'ad'])
    expect(replies.length).toBeGreaterThan(1)
  })

  test('do not wait with large outputs', async () => {
    const { replies, runAll } = bothEnds(async () => ({
      kind: 'ok',
      output: new Uint8Array(256 * 1024),
      fuelUsed: 0,
    }))
    expect(await runAll(runs)).toHaveLength(5)
    expect(replies).toEqual([1, 1, 1, 1, 1])
  })

  test('end with the first that has no result', async () => {
    let count = 0
    const { runAll } = bothEnds(async (run) =>
      ++count === 3 ? { kind: 'none', reason: 'host', message: 'x' } : await echo(run),
    )
    expect((await runAll(runs)).map(({ kind }) => kind)).toEqual(['ok', 'ok', 'none'])
    expect(count).toBe(3)
  })
})
