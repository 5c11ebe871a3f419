import type { Hash } from '../../shared/kernel/ids.ts'
import type { ProgramRunner, RunResult } from '../../shared/runtime/program-runner.ts'
import type { Limits } from '../../shared/task/task.ts'
import { defaultLimits } from '../../shared/task/task.ts'
import { createFrameRunner } from '../../web/sandbox/frame-runner.ts'

/*
 * What e2e/sandbox.spec.ts calls in the page. Everything handed over is JSON.
 */

export interface PageRun {
  /** Text, or bytes in base64. */
  readonly program: string | { readonly base64: string }
  /** A JSON value, or bytes in base64. */
  readonly input?: unknown
  readonly inputBase64?: string
  readonly limits?: Partial<Limits>
  readonly seed: string
  /** Kills the run after this long. */
  readonly abortMs?: number
}

let runner: ProgramRunner

const encode = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)
const fromBase64 = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text), (character) => character.charCodeAt(0))

async function hashOf(bytes: Uint8Array<ArrayBuffer>): Promise<Hash> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('') as Hash
}

let holder = new AbortController()
let held: Promise<RunResult>[] = []
let begun: Promise<Record<string, unknown>>[] = []

async function resultOf(
  { program, input, inputBase64, limits, seed, abortMs }: PageRun,
  signal = abortMs === undefined ? new AbortController().signal : AbortSignal.timeout(abortMs),
): Promise<RunResult> {
  const bytes = typeof program === 'string' ? encode(program) : fromBase64(program.base64)
  const run = {
    programHash: await hashOf(bytes),
    program: bytes,
    input: inputBase64 === undefined ? encode(JSON.stringify(input ?? null)) : fromBase64(inputBase64),
    seed,
    limits: { ...defaultLimits, ...limits },
  }
  return runner.run(run, signal)
}

const sandboxPage = {
  async start(slots: number, guests = '/sandbox.html'): Promise<void> {
    const sandboxUrls = { guests, onnx: '/sandbox-onnx.html' }
    runner = await createFrameRunner({ slots, sandboxUrls })
  },

  close(): Promise<void> {
    return runner.close()
  },

  /** The result with its output as text. */
  async run(run: PageRun): Promise<Record<string, unknown>> {
    const result = await resultOf(run)
    return result.kind === 'ok'
      ? { ...result, output: new TextDecoder().decode(result.output) }
      : { ...result }
  },

  /** As test/conformance/conformance-case.ts writes an outcome. */
  async outcome(run: PageRun): Promise<string> {
    const result = await resultOf(run)
    if (result.kind === 'none') return `none ${result.reason}: ${result.message}`
    return result.kind === 'ok'
      ? `ok ${await hashOf(result.output as Uint8Array<ArrayBuffer>)} ${result.fuelUsed}`
      : `error ${result.error} ${result.fuelUsed}`
  },

  /** Bytes that a run's output keeps alive, which may be a window into more than itself. */
  async outputBufferBytes(run: PageRun): Promise<number> {
    const result = await resultOf(run)
    return result.kind === 'ok' ? result.output.buffer.byteLength : Number.NaN
  },

  /** Starts runs that only `abortHeld` ends. */
  hold(run: PageRun, count: number): void {
    holder = new AbortController()
    held = Array.from({ length: count }, () => resultOf(run, holder.signal))
  },

  async abortHeld(): Promise<(string | undefined)[]> {
    holder.abort()
    return (await Promise.all(held)).map((result) => ('reason' in result ? result.reason : undefined))
  },

  /** Starts runs whose results `begun` waits for. */
  begin(run: PageRun, count: number): void {
    begun = Array.from({ length: count }, () => sandboxPage.run(run))
  },

  begun(): Promise<Record<string, unknown>[]> {
    return Promise.all(begun)
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
