import type { Hash } from '../kernel/ids.ts'
import type { Engine } from './program-kind.ts'
import { engineFor, programKind } from './program-kind.ts'
import type { ProgramRun, ProgramRunner, RunResult } from './program-runner.ts'

/** One place where a program runs, apart from everything of ours: a worker thread, or a frame with its worker. */
export interface Sandbox {
  /** Resolves when the first run can be given; never rejects, see `ended`. */
  readonly ready: Promise<void>
  /** Resolves with the reason when the sandbox does not start or breaks down by itself. */
  readonly ended: Promise<string>
  /** One run at a time. May stay open for ever: the pool waits no longer than it wants to. */
  run(run: ProgramRun): Promise<RunResult>
  /** Stops whatever runs, at once. The sandbox is of no use afterwards. */
  kill(): Promise<void>
}

export interface SandboxPoolOptions {
  /** Sandboxes, each with one run at a time; from 1. */
  readonly slots: number
  /** Makes a sandbox at once; it loads its engine by itself and says when it is ready. */
  readonly spawn: (engine: Engine) => Sandbox
  /** So long after a sandbox was killed the next one is started, if no run wants it before; 0 when not given. */
  readonly respawnMs?: number
}

/** Runs that may wait for a slot; the next one is answered `none` at once. */
const waitingMax = 1_024

/** A sandbox that takes longer to start is given up. ONNX Runtime has 3 MB to download first: 2 minutes at 200 kbit/s. */
const startMs: Readonly<Record<Engine, number>> = { guests: 20_000, onnx: 120_000 }

/** A timer of more fires at once. */
const timeoutMsMax = 2 ** 31 - 1

/** Starts the sandboxes and comes back when all are ready; rejects when one does not start. */
export async function createSandboxPool({
  slots,
  spawn,
  respawnMs = 0,
}: SandboxPoolOptions): Promise<ProgramRunner> {
  if (!Number.isInteger(slots) || slots < 1) throw new RangeError(`A pool needs 1 slot or more, not ${slots}`)
  const pool = new SandboxPool(slots, spawn, respawnMs)
  await pool.start()
  return pool
}

class SandboxPool implements ProgramRunner {
  readonly slots: number
  readonly #all: readonly Slot[]
  readonly #idle: Slot[]
  readonly #waiting: ((slot: Slot | undefined) => void)[] = []
  #closed = false

  constructor(slots: number, spawn: (engine: Engine) => Sandbox, respawnMs: number) {
    this.slots = slots
    this.#all = Array.from({ length: slots }, () => new Slot(spawn, respawnMs))
    this.#idle = [...this.#all]
  }

  async start(): Promise<void> {
    const failures = await Promise.all(this.#all.map((slot) => slot.start('guests')))
    const failure = failures.find((reason) => reason !== undefined)
    if (failure === undefined) return
    await this.close()
    throw new Error(`A sandbox for programs did not start: ${failure}`)
  }

  async run(run: ProgramRun, signal: AbortSignal): Promise<RunResult> {
    const slot = await this.#acquire(run, signal)
    if (slot === undefined) return this.#refusal(signal)
    try {
      return await slot.run(run, signal)
    } finally {
      this.#release(slot)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const give of this.#waiting.splice(0)) give(undefined)
    await Promise.all(this.#all.map((slot) => slot.close()))
  }

  #acquire({ programHash, program }: ProgramRun, signal: AbortSignal): Promise<Slot | undefined> {
    if (this.#closed || signal.aborted) return Promise.resolve(undefined)
    const slot = this.#takeIdle(engineFor(programKind(program)), programHash)
    if (slot !== undefined) return Promise.resolve(slot)
    if (this.#waiting.length >= waitingMax) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      const give = (given: Slot | undefined): void => {
        signal.removeEventListener('abort', leave)
        resolve(given)
      }
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(give), 1)
        resolve(undefined)
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting.push(give)
    })
  }

  /** Of the idle slots the one that can begin soonest. */
  #takeIdle(engine: Engine, programHash: Hash): Slot | undefined {
    const best = this.#idle.find((slot) => slot.serves(engine, programHash)) ?? this.#idle[0]
    if (best !== undefined) this.#idle.splice(this.#idle.indexOf(best), 1)
    return best
  }

  #release(slot: Slot): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#idle.push(slot)
    else next(slot)
  }

  #refusal(signal: AbortSignal): RunResult {
    if (signal.aborted) return cancelled
    if (this.#closed) return closed
    return { kind: 'none', reason: 'host', message: `More than ${waitingMax} programs wait for a slot` }
  }
}

const cancelled: RunResult = { kind: 'none', reason: 'cancelled', message: 'The run was cancelled' }
const closed: RunResult = { kind: 'none', reason: 'cancelled', message: 'The pool of sandboxes was closed' }

/**
 * Keeps one sandbox ready; one whose run gave no result is killed and replaced. A sandbox with ONNX Runtime serves one
 * model: a fault in the runtime that one model finds must not reach the answers of another.
 */
class Slot {
  readonly #spawn: (engine: Engine) => Sandbox
  readonly #respawnMs: number
  #respawning: ReturnType<typeof setTimeout> | undefined
  #engine: Engine = 'guests'
  /** The one model that the sandbox has run. */
  #model: Hash | undefined
  #sandbox: Sandbox | undefined
  /** Ends the run in progress. */
  #stop: ((result: RunResult) => void) | undefined
  #closed = false

  constructor(spawn: (engine: Engine) => Sandbox, respawnMs: number) {
    this.#spawn = spawn
    this.#respawnMs = respawnMs
  }

  serves(engine: Engine, programHash: Hash): boolean {
    return this.#engine === engine && (this.#model ?? programHash) === programHash
  }

  /** Undefined, or why the sandbox did not start. */
  async start(engine: Engine): Promise<string | undefined> {
    const sandbox = this.#current(engine)
    const { promise: late, resolve } = Promise.withResolvers<string>()
    const timer = setTimeout(() => resolve(`not ready after ${startMs[engine] / 1_000} s`), startMs[engine])
    const failure = await Promise.race([sandbox.ready.then(() => undefined), sandbox.ended, late])
    clearTimeout(timer)
    if (failure !== undefined) this.#drop(sandbox)
    return failure
  }

  async run(run: ProgramRun, signal: AbortSignal): Promise<RunResult> {
    if (this.#closed) return closed
    const engine = engineFor(programKind(run.program))
    if (this.#sandbox !== undefined && !this.serves(engine, run.programHash)) this.#drop(this.#sandbox)
    const failure = await unlessAborted(this.start(engine), signal)
    if (this.#closed) return closed
    if (failure !== undefined) {
      return { kind: 'none', reason: 'host', message: `A sandbox for the program did not start: ${failure}` }
    }
    if (signal.aborted) return cancelled
    const sandbox = this.#current(engine)
    if (engine === 'onnx') this.#model = run.programHash
    const result = await this.#runIn(sandbox, run, signal)
    if (result.kind === 'none') {
      this.#drop(sandbox)
      if (!this.#closed) this.#respawn(engine)
    }
    return result
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#respawning)
    this.#stop?.(closed)
    const sandbox = this.#sandbox
    this.#sandbox = undefined
    await sandbox?.kill()
  }

  async #runIn(sandbox: Sandbox, run: ProgramRun, signal: AbortSignal): Promise<RunResult> {
    const { promise, resolve } = Promise.withResolvers<RunResult>()
    const seconds = run.limits.maxDurationSeconds
    const message = `The program was killed after ${seconds} s`
    const timeoutMs = Math.min(1_000 * seconds, timeoutMsMax)
    const timer = setTimeout(() => resolve({ kind: 'none', reason: 'wallClock', message }), timeoutMs)
    const abort = (): void => resolve(cancelled)
    signal.addEventListener('abort', abort, { once: true })
    this.#stop = resolve
    sandbox.run(run).then(resolve, (error: unknown) => resolve(brokenDown(String(error))))
    const result = await promise
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
    this.#stop = undefined
    return result
  }

  #respawn(engine: Engine): void {
    if (this.#respawnMs === 0) return void this.#current(engine)
    clearTimeout(this.#respawning)
    this.#respawning = setTimeout(() => this.#current(engine), this.#respawnMs)
  }

  #current(engine: Engine): Sandbox {
    clearTimeout(this.#respawning)
    if (this.#sandbox !== undefined) return this.#sandbox
    const sandbox = this.#spawn(engine)
    this.#engine = engine
    this.#model = undefined
    this.#sandbox = sandbox
    void sandbox.ended.then((reason) => {
      if (this.#sandbox !== sandbox) return
      this.#stop?.(brokenDown(reason))
      this.#drop(sandbox)
    })
    return sandbox
  }

  #drop(sandbox: Sandbox): void {
    if (this.#sandbox === sandbox) this.#sandbox = undefined
    void sandbox.kill()
  }
}

/** As `started`, but over at once when the run is cancelled. */
async function unlessAborted<T>(started: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) return undefined
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const leave = (): void => resolve(undefined)
  signal.addEventListener('abort', leave, { once: true })
  const first = await Promise.race([started, promise])
  signal.removeEventListener('abort', leave)
  return first
}

function brokenDown(reason: string): RunResult {
  return { kind: 'none', reason: 'host', message: `The program's sandbox broke down: ${reason}` }
}
