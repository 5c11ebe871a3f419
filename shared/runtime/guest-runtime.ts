import type { Limits } from '../task/task.ts'
import { createJavaScriptRuntime } from './javascript.ts'
import { programKind } from './program-kind.ts'
import type { RunResult } from './program-runner.ts'
import type { QuickJsModule } from './quickjs-instance.ts'
import type { Runtime } from './serve-runs.ts'

export interface GuestRuntime extends Runtime {
  /** Makes an engine ahead of the first run; runs with other limits make their own. */
  warmUp(limits: Limits): Promise<void>
}

/** Runs JavaScript and WASI programs. `quickJs` as compiled by `compileQuickJs`. */
export function createGuestRuntime(quickJs: QuickJsModule): GuestRuntime {
  const javascript = createJavaScriptRuntime(quickJs)
  return {
    warmUp: (limits) => javascript.prepare(limits),
    async prepare({ program, limits }) {
      if (programKind(program) === 'javascript') await javascript.prepare(limits)
    },
    async run(run): Promise<RunResult> {
      const kind = programKind(run.program)
      switch (kind) {
        case 'javascript':
          return javascript.run(run)
        case 'wasi':
          return invalid('WASI programs are not supported by this version; write the program in JavaScript')
        case 'onnx':
          return {
            kind: 'none',
            reason: 'host',
            message: 'The model was sent to a sandbox that runs no models',
          }
      }
    },
  }
}

const invalid = (message: string): RunResult => ({
  kind: 'error',
  error: 'invalidProgram',
  message,
  fuelUsed: 0,
})
