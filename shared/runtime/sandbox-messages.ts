import type { Hash } from '../kernel/ids.ts'
import { Recent } from '../kernel/recent.ts'
import type { GuestError, Limits } from '../task/task.ts'
import { guestErrors } from '../task/task.ts'
import type { ProgramRun, RunResult } from './program-runner.ts'

/*
 * What a host and its sandboxes say to one another: the same between app and frame as between agent and worker thread.
 */

/**
 * App to frame, once, as a window message: the engine's bytes, because a compiled module does not survive the way to
 * another origin, and two ports. Over `frame` the frame says that it failed to start; `worker` goes on to the worker.
 */
export interface FrameStart {
  readonly engine: Uint8Array
  readonly frame: MessagePort
  readonly worker: MessagePort
}

/** An engine compiled: stateless, and shared by every thread of a host. */
export type EngineModule = WebAssembly.Module

/** Frame to worker, once: the engine compiled. */
export interface WorkerStart {
  readonly engine: EngineModule
  readonly port: MessagePort
}

/** Host to worker: runs of one program under the same limits, one after another. */
export interface RunRequest {
  readonly id: number
  readonly programHash: Hash
  /** Left out when the worker holds the program from an earlier run. */
  readonly program?: Uint8Array
  readonly limits: Limits
  /** The inputs of the runs, one behind the other, and where each ends. */
  readonly inputs: Uint8Array
  readonly inputEnds: readonly number[]
  readonly seeds: readonly string[]
}

/** Programs that a worker holds; host and worker count alike, so that neither has to ask. */
export const programsHeld = 4

/**
 * Worker to host: ready for its first request, or the next results of the request of that id, in its order. After a
 * result that is `none` no other comes: the worker begins no run in a sandbox that had a fault.
 */
export type WorkerReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'results'; readonly id: number; readonly results: readonly RunResult[] }

const messageLengthMax = 1_000
const stackLengthMax = 4_000

/**
 * A reply as far as it can be one, copied field by field; undefined is for everything else. What comes out of a sandbox
 * is never trusted to have the shape it should have. More than `resultsMax` results, from 1, are no reply.
 */
export function parseReply(
  data: unknown,
  outputBytesMax: number,
  resultsMax: number,
): WorkerReply | undefined {
  if (!isRecord(data)) return undefined
  if (data['kind'] === 'ready') return { kind: 'ready' }
  const { id, results } = data
  if (data['kind'] !== 'results' || !Number.isSafeInteger(id)) return undefined
  if (!Array.isArray(results) || results.length === 0 || results.length > resultsMax) return undefined
  const parsed: RunResult[] = []
  for (const each of results) {
    const result = parseResult(each, outputBytesMax)
    if (result === undefined) return undefined
    parsed.push(result)
  }
  return { kind: 'results', id: id as number, results: parsed }
}

function parseResult(data: unknown, outputBytesMax: number): RunResult | undefined {
  if (!isRecord(data)) return undefined
  const { kind, output, error, message, stack, fuelUsed, reason } = data
  if (kind === 'none') {
    return reason === 'host' && isText(message, messageLengthMax) ? { kind, reason, message } : undefined
  }
  if (!Number.isSafeInteger(fuelUsed) || (fuelUsed as number) < 0) return undefined
  const spent = { fuelUsed: fuelUsed as number }
  if (kind === 'ok') {
    if (!(output instanceof Uint8Array) || output.length > outputBytesMax) return undefined
    // A small window into a large buffer would keep the whole of it.
    const isWhole = output.length === output.buffer.byteLength
    return { kind, output: isWhole ? output : output.slice(), ...spent }
  }
  if (kind !== 'error' || !isGuestError(error) || !isText(message, messageLengthMax)) return undefined
  if (stack === undefined) return { kind, error, message, ...spent }
  return isText(stack, stackLengthMax) ? { kind, error, message, stack, ...spent } : undefined
}

function isRecord(data: unknown): data is Record<string, unknown> {
  return typeof data === 'object' && data !== null
}

function isText(data: unknown, lengthMax: number): data is string {
  return typeof data === 'string' && data.length <= lengthMax
}

function isGuestError(data: unknown): data is GuestError {
  return (guestErrors as readonly unknown[]).includes(data)
}

/** What waits for results: the request, and how many of them are still to come. */
interface Waiting {
  readonly id: number
  readonly outputBytesMax: number
  left: number
  readonly came: (results: readonly RunResult[]) => void
}

/** The host's end of one worker's port: one request at a time, and every reply but those waited for is dropped. */
export class RunConversation {
  readonly ready: Promise<void>
  readonly #becomeReady: () => void
  readonly #held = new Recent<Hash, true>(programsHeld)
  #requests = 0
  #waiting: Waiting | undefined

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ready = promise
    this.#becomeReady = resolve
  }

  /**
   * Sends runs of one program, under the limits of the first, by `send`; `came` gets their results in order, some at a
   * time. What is sent is a copy: the caller keeps its bytes.
   */
  run(
    runs: readonly ProgramRun[],
    came: (results: readonly RunResult[]) => void,
    send: (request: RunRequest, transfer: ArrayBuffer[]) => void,
  ): void {
    const [first] = runs
    if (first === undefined) return
    const { programHash, limits } = first
    const id = ++this.#requests
    this.#waiting = { id, outputBytesMax: limits.outputBytes, left: runs.length, came }
    const inputs = joined(runs.map(({ input }) => input))
    const inputEnds = endsOf(runs.map(({ input }) => input.length))
    const request = { id, programHash, limits, inputs, inputEnds, seeds: runs.map(({ seed }) => seed) }
    if (this.#held.get(programHash) === true) {
      send(request, [inputs.buffer])
    } else {
      this.#held.set(programHash, true)
      const program = new Uint8Array(first.program)
      send({ ...request, program }, [program.buffer, inputs.buffer])
    }
  }

  receive(data: unknown): void {
    const waiting = this.#waiting
    const reply = parseReply(data, waiting?.outputBytesMax ?? 0, waiting?.left ?? 0)
    if (reply?.kind === 'ready') this.#becomeReady()
    if (reply?.kind !== 'results' || waiting === undefined || reply.id !== waiting.id) return
    waiting.left -= reply.results.length
    if (waiting.left === 0) this.#waiting = undefined
    waiting.came(reply.results)
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let end = 0
  for (const part of parts) {
    whole.set(part, end)
    end += part.length
  }
  return whole
}

function endsOf(lengths: readonly number[]): number[] {
  let end = 0
  return lengths.map((length) => (end += length))
}
