import type { ProgramRunner } from '../../shared/runtime/program-runner.ts'
import type { Limits } from '../../shared/task/task.ts'
import { defaultLimits } from '../../shared/task/task.ts'
import { createFrameRunner } from '../../web/sandbox/frame-runner.ts'

/*
 * What e2e/sandbox.spec.ts calls in the page. Everything handed over is JSON.
 */

export interface PageRun {
  readonly program: string
  readonly input?: unknown
  readonly limits?: Partial<Limits>
  readonly seed: string
  /** Kills the run after this long. */
  readonly abortMs?: number
}

let runner: ProgramRunner

const sandboxPage = {
  async start(slots: number, sandboxUrl = '/sandbox.html'): Promise<void> {
    runner = await createFrameRunner({ slots, sandboxUrl })
  },

  close(): Promise<void> {
    return runner.close()
  },

  /** The result with its output as text. */
  async run({ program, input, limits, seed, abortMs }: PageRun): Promise<Record<string, unknown>> {
    const encoder = new TextEncoder()
    const signal = abortMs === undefined ? new AbortController().signal : AbortSignal.timeout(abortMs)
    const result = await runner.run(
      {
        program: encoder.encode(program),
        input: encoder.encode(JSON.stringify(input ?? null)),
        seed,
        limits: { ...defaultLimits, ...limits },
      },
      signal,
    )
    return result.kind === 'ok'
      ? { ...result, output: new TextDecoder().decode(result.output) }
      : { ...result }
  },

  /** Milliseconds of each of so many runs of a program, one after the other. */
  async time(run: PageRun, count: number): Promise<number[]> {
    const times: number[] = []
    for (let i = 0; i < count; i++) {
      const start = performance.now()
      await sandboxPage.run(run)
      times.push(performance.now() - start)
    }
    return times
  },
}

declare global {
  interface Window {
    sandboxPage: typeof sandboxPage
  }
}
window.sandboxPage = sandboxPage
