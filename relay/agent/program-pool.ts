import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import type { ProgramRun, ProgramRunner, RunResult } from '../../shared/runtime/program-runner.ts'
import type { QuickJsModule } from '../../shared/runtime/quickjs-instance.ts'
import { compileQuickJs } from '../../shared/runtime/quickjs-instance.ts'
import type { ProgramWorkerData, ProgramWorkerReply } from './program-worker.ts'

/** Runs that may wait for a slot; the next one is answered `none` at once. */
const waitingMax = 1_024

/** JavaScript heap of a worker; a guest's own memory is WebAssembly's and has its own limit. */
const heapMiB = 256

export interface ProgramPoolOptions {
  /** Worker threads, each with one run at a time; from 1. */
  readonly slots: number
}

/** Starts the threads and comes back when all are ready; rejects when one does not start. */
export async function createProgramPool({ slots }: ProgramPoolOptions): Promise<ProgramRunner> {
  if (!Number.isInteger(slots) || slots < 1) throw new RangeError(`A pool needs 1 slot or more, not ${slots}`)
  const pool = new ProgramPool(await quickJsModule(), slots)
  await pool.start()
  return pool
}

let compiled: Promise<QuickJsModule> | undefined

/** Compiled once for the process; the threads share it. */
function quickJsModule(): Promise<QuickJsModule> {
  const file = createRequire(import.meta.url).resolve('@jitl/quickjs-wasmfile-release-sync/wasm')
  compiled ??= readFile(file).then(compileQuickJs)
  return compiled
}

class ProgramPool implements ProgramRunner {
  readonly slots: number
  readonly #threads: readonly Thread[]
  readonly #idle: Thread[]
  readonly #waiting: ((thread: Thread | undefined) => void)[] = []
  #closed = false

  constructor(quickJs: QuickJsModule, slots: number) {
    this.slots = slots
    this.#threads = Array.from({ length: slots }, () => new Thread(quickJs))
    this.#idle = [...this.#threads]
  }

  async start(): Promise<void> {
    try {
      await Promise.all(this.#threads.map((thread) => thread.ready()))
    } catch (error) {
      await this.close()
      throw new Error('A worker thread for programs did not start', { cause: error })
    }
  }

  async run(run: ProgramRun, signal: AbortSignal): Promise<RunResult> {
    const thread = await this.#acquire(signal)
    if (thread === undefined) return this.#refusal(signal)
    try {
      return await thread.run(run, signal)
    } finally {
      this.#release(thread)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const give of this.#waiting.splice(0)) give(undefined)
    await Promise.all(this.#threads.map((thread) => thread.close()))
  }

  #acquire(signal: AbortSignal): Promise<Thread | undefined> {
    if (this.#closed || signal.aborted) return Promise.resolve(undefined)
    const thread = this.#idle.pop()
    if (thread !== undefined) return Promise.resolve(thread)
    if (this.#waiting.length >= waitingMax) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      const give = (given: Thread | undefined): void => {
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

  #release(thread: Thread): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#idle.push(thread)
    else next(thread)
  }

  #refusal(signal: AbortSignal): RunResult {
    if (signal.aborted) return cancelled
    if (this.#closed) return { kind: 'none', reason: 'cancelled', message: 'The program pool was closed' }
    return { kind: 'none', reason: 'host', message: `More than ${waitingMax} programs wait for a slot` }
  }
}

const cancelled: RunResult = { kind: 'none', reason: 'cancelled', message: 'The run was cancelled' }

/** One slot: a worker thread that is killed and replaced when a run has to end. */
class Thread {
  readonly #quickJs: QuickJsModule
  #worker: Worker | undefined
  #ready: Promise<Worker> | undefined
  #kill: ((result: RunResult) => void) | undefined
  #closed = false

  constructor(quickJs: QuickJsModule) {
    this.#quickJs = quickJs
  }

  ready(): Promise<Worker> {
    if (this.#ready !== undefined) return this.#ready
    const workerData: ProgramWorkerData = { quickJs: this.#quickJs }
    const worker = new Worker(new URL('./program-worker.ts', import.meta.url), {
      workerData,
      env: {},
      argv: [],
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: heapMiB },
      name: 'program',
    })
    this.#worker = worker
    const ready = new Promise<Worker>((resolve, reject) => {
      worker.once('message', () => resolve(worker))
      worker.once('error', reject)
      worker.once('exit', (code) => reject(new Error(`The worker thread ended with code ${code}`)))
    })
    // A thread that dies is forgotten here, so that the next run starts another one.
    const forget = (error: unknown): void => {
      if (this.#worker !== worker) return
      this.#worker = undefined
      this.#ready = undefined
      this.#kill?.({
        kind: 'none',
        reason: 'host',
        message: `The program's thread broke down: ${String(error)}`,
      })
    }
    worker.on('error', forget)
    worker.on('exit', forget)
    ready.catch(() => {})
    this.#ready = ready
    return ready
  }

  async run(run: ProgramRun, signal: AbortSignal): Promise<RunResult> {
    let worker: Worker
    try {
      worker = await this.ready()
    } catch (error) {
      return { kind: 'none', reason: 'host', message: `No thread for the program: ${String(error)}` }
    }
    if (signal.aborted || this.#closed) return cancelled
    const result = await this.#runOn(worker, run, signal)
    if (result.kind === 'none' && !this.#closed) this.#replace(worker)
    return result
  }

  async close(): Promise<void> {
    this.#closed = true
    const worker = this.#worker
    this.#worker = undefined
    this.#ready = undefined
    this.#kill?.({ kind: 'none', reason: 'cancelled', message: 'The program pool was closed' })
    await worker?.terminate()
  }

  #runOn(worker: Worker, run: ProgramRun, signal: AbortSignal): Promise<RunResult> {
    const { promise, resolve } = Promise.withResolvers<RunResult>()
    const seconds = run.limits.maxDurationSeconds
    const message = `The program was killed after ${seconds} s`
    const timer = setTimeout(() => resolve({ kind: 'none', reason: 'wallClock', message }), 1_000 * seconds)
    const abort = (): void => resolve(cancelled)
    const answer = (reply: ProgramWorkerReply): void => {
      if (reply !== null) resolve(reply)
    }
    this.#kill = resolve
    signal.addEventListener('abort', abort, { once: true })
    worker.on('message', answer)
    // Copies, because transferring takes the whole buffer that a view may share with others.
    const copy = { ...run, program: run.program.slice(), input: run.input.slice() }
    worker.postMessage(copy, [copy.program.buffer, copy.input.buffer])
    return promise.finally(() => {
      clearTimeout(timer)
      this.#kill = undefined
      signal.removeEventListener('abort', abort)
      worker.off('message', answer)
    })
  }

  /** Ends a thread whose run gave no result and starts another one ahead of the next run. */
  #replace(worker: Worker): void {
    if (this.#worker === worker) {
      this.#worker = undefined
      this.#ready = undefined
    }
    void worker.terminate()
    void this.ready().catch(() => {})
  }
}
