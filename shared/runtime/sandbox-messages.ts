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

/** Host to worker. */
export interface RunRequest {
  readonly id: number
  readonly programHash: Hash
  /** Left out when the worker holds the program from an earlier run. */
  readonly program?: Uint8Array
  readonly input: Uint8Array
  readonly seed: string
  readonly limits: Limits
}

/** Programs that a worker holds; host and worker count alike, so that neither has to ask. */
export const programsHeld = 4

/** Worker to host: ready for its first run, or the result of the run of that id. */
export type WorkerReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'result'; readonly id: number; readonly result: RunResult }

const messageLengthMax = 1_000
const stackLengthMax = 4_000

/**
 * A reply as far as it can be one, copied field by field; undefined is for everything else. What comes out of a sandbox
 * is never trusted to have the shape it should have.
 */
export function parseReply(data: unknown, outputBytesMax: number): WorkerReply | undefined {
  if (!isRecord(data)) return undefined
  if (data['kind'] === 'ready') return { kind: 'ready' }
  const id = data['id']
  if (data['kind'] !== 'result' || !Number.isSafeInteger(id)) return undefined
  const result = parseResult(data['result'], outputBytesMax)
  return result === undefined ? undefined : { kind: 'result', id: id as number, result }
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

/** The host's end of one worker's port: one run at a time, and every reply but the one waited for is dropped. */
export class RunConversation {
  readonly ready: Promise<void>
  readonly #becomeReady: () => void
  readonly #held = new Recent<Hash, true>(programsHeld)
  #runs = 0
  #waiting:
    | { readonly id: number; readonly outputBytesMax: number; resolve(result: RunResult): void }
    | undefined

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.ready = promise
    this.#becomeReady = resolve
  }

  /** Sends a run by `send` and waits for its result. What is sent is a copy: the caller keeps its bytes. */
  run(run: ProgramRun, send: (request: RunRequest, transfer: ArrayBuffer[]) => void): Promise<RunResult> {
    const { promise, resolve } = Promise.withResolvers<RunResult>()
    const id = ++this.#runs
    const { programHash, seed, limits } = run
    this.#waiting = { id, outputBytesMax: limits.outputBytes, resolve }
    const input = new Uint8Array(run.input)
    const request = { id, programHash, input, seed, limits }
    if (this.#held.get(programHash) === true) {
      send(request, [input.buffer])
    } else {
      this.#held.set(programHash, true)
      const program = new Uint8Array(run.program)
      send({ ...request, program }, [program.buffer, input.buffer])
    }
    return promise
  }

  receive(data: unknown): void {
    const waiting = this.#waiting
    const reply = parseReply(data, waiting?.outputBytesMax ?? 0)
    if (reply?.kind === 'ready') this.#becomeReady()
    if (reply?.kind !== 'result' || reply.id !== waiting?.id) return
    this.#waiting = undefined
    waiting.resolve(reply.result)
  }
}
