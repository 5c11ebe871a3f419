import type { Limits } from '../task/task.ts'
import type { JavaScriptRuntime } from './javascript.ts'
import { createJavaScriptRuntime } from './javascript.ts'
import type { ProgramRun, RunResult } from './program-runner.ts'
import type { QuickJsModule } from './quickjs-instance.ts'

export type ProgramKind = 'javascript' | 'wasi'

/** A program says what it is by its first four bytes. */
export function programKind(program: Uint8Array): ProgramKind {
  const [a, b, c, d] = program
  return a === 0x00 && b === 0x61 && c === 0x73 && d === 0x6d ? 'wasi' : 'javascript'
}

/** Every kind of program behind one call; one run at a time. */
export interface Runtime {
  /** Makes an engine for a run with these limits ahead of it. */
  prepare(limits: Limits): Promise<void>
  /** Never rejects. */
  run(run: ProgramRun): Promise<RunResult>
}

/** `quickJs` as compiled by `compileQuickJs`. */
export function createRuntime(quickJs: QuickJsModule): Runtime {
  const javascript: JavaScriptRuntime = createJavaScriptRuntime(quickJs)
  return {
    prepare: (limits) => javascript.prepare(limits),
    async run(run) {
      const kind = programKind(run.program)
      switch (kind) {
        case 'javascript':
          return javascript.run(run)
        case 'wasi': {
          const message = 'WASI programs are not supported by this version; write the program in JavaScript'
          return { kind: 'error', error: 'invalidProgram', message, fuelUsed: 0 }
        }
      }
    },
  }
}
