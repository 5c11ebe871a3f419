import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import type { ProgramRun, ProgramRunner, RunResult } from '../../shared/runtime/program-runner.ts'
import type { QuickJsModule } from '../../shared/runtime/quickjs-instance.ts'
import { compileQuickJs } from '../../shared/runtime/quickjs-instance.ts'
import { RunConversation } from '../../shared/runtime/sandbox-messages.ts'
import type { Sandbox } from '../../shared/runtime/sandbox-pool.ts'
import { createSandboxPool } from '../../shared/runtime/sandbox-pool.ts'
import type { ProgramWorkerData } from './program-worker.ts'

/** JavaScript heap of a thread in MiB; a guest's own memory is WebAssembly's and has its own limit. */
const heapMiB = 256

export interface ProgramPoolOptions {
  /** Worker threads, each with one run at a time; from 1. */
  readonly slots: number
}

/** Starts the threads and comes back when all are ready; rejects when one does not start. */
export async function createProgramPool({ slots }: ProgramPoolOptions): Promise<ProgramRunner> {
  const quickJs = await quickJsModule()
  return createSandboxPool({ slots, spawn: () => new ThreadSandbox(quickJs) })
}

let compiled: Promise<QuickJsModule> | undefined

/** Compiled once for the process; the threads share it. */
function quickJsModule(): Promise<QuickJsModule> {
  const file = createRequire(import.meta.url).resolve('@jitl/quickjs-wasmfile-release-sync/wasm')
  compiled ??= readFile(file).then(compileQuickJs)
  return compiled
}

/** A worker thread that sees neither the environment nor the arguments of this process. */
class ThreadSandbox implements Sandbox {
  readonly ready: Promise<void>
  readonly ended: Promise<string>
  readonly #worker: Worker
  readonly #conversation = new RunConversation()

  constructor(quickJs: QuickJsModule) {
    const workerData: ProgramWorkerData = { quickJs }
    const worker = new Worker(new URL('./program-worker.ts', import.meta.url), {
      workerData,
      env: {},
      argv: [],
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: heapMiB },
      name: 'program',
    })
    this.#worker = worker
    worker.on('message', (data: unknown) => this.#conversation.receive(data))
    this.ready = this.#conversation.ready
    this.ended = new Promise((resolve) => {
      worker.on('error', (error: unknown) => resolve(String(error)))
      worker.on('messageerror', (error: unknown) => resolve(String(error)))
      worker.on('exit', (code) => resolve(`its thread ended with code ${code}`))
    })
  }

  run(run: ProgramRun): Promise<RunResult> {
    return this.#conversation.run(run, (request, transfer) => this.#worker.postMessage(request, transfer))
  }

  async kill(): Promise<void> {
    await this.#worker.terminate()
  }
}
