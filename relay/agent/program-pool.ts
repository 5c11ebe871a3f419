import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import { compileOnnxEngine } from '../../shared/runtime/onnx/onnx-engine.ts'
import type { Engine } from '../../shared/runtime/program-kind.ts'
import type { ProgramRun, ProgramRunner, RunResult } from '../../shared/runtime/program-runner.ts'
import { compileQuickJs } from '../../shared/runtime/quickjs-instance.ts'
import { type EngineModule, RunConversation } from '../../shared/runtime/sandbox-messages.ts'
import { createSandboxPool } from '../../shared/runtime/sandbox-pool.ts'
import type { Sandbox } from '../../shared/runtime/sandbox-slot.ts'
import type { ProgramWorkerData } from './program-worker.ts'

/** JavaScript heap of a thread in MiB; a guest's own memory is WebAssembly's and has its own limit. */
const heapMiB = 256

export interface ProgramPoolOptions {
  /** Worker threads, each with one run at a time; from 1. */
  readonly slots: number
}

/** Starts the threads and comes back when all are ready; rejects when one does not start. */
export async function createProgramPool({ slots }: ProgramPoolOptions): Promise<ProgramRunner> {
  return createSandboxPool({ slots, spawn: (engine) => new ThreadSandbox(engine) })
}

/** Each engine: where its bytes are, how they are compiled, and which worker runs it. */
const engines = {
  guests: {
    file: '@jitl/quickjs-wasmfile-release-sync/wasm',
    compile: compileQuickJs,
    worker: './program-worker.ts',
  },
  onnx: {
    file: 'onnxruntime-web/ort-wasm-simd-threaded.wasm',
    compile: compileOnnxEngine,
    worker: './onnx-worker.ts',
  },
} as const satisfies Record<Engine, object>

const compiled = new Map<Engine, Promise<EngineModule>>()

/** Loaded when first needed and compiled once for the process; the threads share it. */
function loadEngine(engine: Engine): Promise<EngineModule> {
  const known = compiled.get(engine)
  if (known !== undefined) return known
  const { file, compile } = engines[engine]
  const loaded = readFile(createRequire(import.meta.url).resolve(file)).then((wasm) =>
    compile(new Uint8Array(wasm)),
  )
  compiled.set(engine, loaded)
  loaded.catch(() => compiled.delete(engine))
  return loaded
}

/** A worker thread that sees neither the environment nor the arguments of this process. */
class ThreadSandbox implements Sandbox {
  readonly ready: Promise<void>
  readonly ended: Promise<string>
  readonly #conversation = new RunConversation()
  #worker: Worker | undefined
  #isKilled = false

  constructor(engine: Engine) {
    const { promise, resolve } = Promise.withResolvers<string>()
    this.ended = promise
    this.ready = this.#conversation.ready
    loadEngine(engine).then(
      (module) => this.#start(engine, module, resolve),
      (error: unknown) => resolve(`its engine cannot be loaded: ${String(error)}`),
    )
  }

  run(runs: readonly ProgramRun[], came: (results: readonly RunResult[]) => void): void {
    this.#conversation.run(runs, came, (request, transfer) => this.#worker?.postMessage(request, transfer))
  }

  async kill(): Promise<void> {
    this.#isKilled = true
    await this.#worker?.terminate()
  }

  #start(engine: Engine, module: EngineModule, ended: (reason: string) => void): void {
    if (this.#isKilled) return
    const workerData: ProgramWorkerData = { engine: module }
    const worker = new Worker(new URL(engines[engine].worker, import.meta.url), {
      workerData,
      env: {},
      argv: [],
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: heapMiB },
      name: 'program',
    })
    this.#worker = worker
    worker.on('message', (data: unknown) => this.#conversation.receive(data))
    worker.on('error', (error: unknown) => ended(String(error)))
    worker.on('messageerror', (error: unknown) => ended(String(error)))
    worker.on('exit', (code) => ended(`its thread ended with code ${code}`))
  }
}
