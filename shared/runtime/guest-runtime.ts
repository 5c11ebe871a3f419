import type { Hash } from '../kernel/ids.ts'
import { Recent } from '../kernel/recent.ts'
import type { Limits } from '../task/task.ts'
import { createJavaScriptRuntime } from './javascript.ts'
import { programKind } from './program-kind.ts'
import type { ProgramRun, RunResult } from './program-runner.ts'
import type { QuickJsModule } from './quickjs-instance.ts'
import { programsHeld } from './sandbox-messages.ts'
import type { Runtime } from './serve-runs.ts'
import { compileWasi, runWasi, type WasiProgram } from './wasi/wasi-runtime.ts'
import type { WasmRefusal } from './wasm/refusal.ts'

export interface GuestRuntime extends Runtime {
  /** Makes an engine ahead of the first run; runs with other limits make their own. */
  warmUp(limits: Limits): Promise<void>
}

/** Runs JavaScript and WASI programs. `quickJs` as compiled by `compileQuickJs`. */
export function createGuestRuntime(quickJs: QuickJsModule): GuestRuntime {
  const javascript = createJavaScriptRuntime(quickJs)
  const wasi = new WasiRuntime()
  return {
    warmUp: (limits) => javascript.prepare(limits),
    async prepare({ program, limits }) {
      if (programKind(program) === 'javascript') await javascript.prepare(limits)
    },
    async run(run) {
      const kind = programKind(run.program)
      switch (kind) {
        case 'javascript':
          return javascript.run(run)
        case 'wasi':
          return wasi.run(run)
        case 'onnx':
          return noVerdict('The model was sent to a sandbox that runs no models')
      }
    },
  }
}

/** Keeps what it made of the last few modules: a job runs one of them many times. */
class WasiRuntime {
  readonly #compiled = new Recent<Hash, WasiProgram | WasmRefusal>(programsHeld)

  async run({ programHash, program, input, seed, limits }: ProgramRun): Promise<RunResult> {
    let compiled = this.#compiled.get(programHash)
    if (compiled === undefined) {
      try {
        compiled = await compileWasi(program)
      } catch (error) {
        return noVerdict(`The program could not be compiled here: ${String(error)}`)
      }
      this.#compiled.set(programHash, compiled)
    }
    if (!('kind' in compiled)) return runWasi(compiled, { input, seed, limits })
    return { kind: 'error', error: 'invalidProgram', message: compiled.message, fuelUsed: 0 }
  }
}

const noVerdict = (message: string): RunResult => ({
  kind: 'none',
  reason: 'host',
  message: message.slice(0, 1_000),
})
