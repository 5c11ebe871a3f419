import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Hash } from '../../shared/kernel/ids.ts'
import { createGuestRuntime, type GuestRuntime } from '../../shared/runtime/guest-runtime.ts'
import type { ProgramRun } from '../../shared/runtime/program-runner.ts'
import { compileQuickJs, type QuickJsModule } from '../../shared/runtime/quickjs-instance.ts'
import { defaultLimits, type Limits } from '../../shared/task/task.ts'

const utf8 = new TextEncoder()

export interface RunOptions {
  readonly seed?: string
  readonly limits?: Partial<Limits>
}

/** A run of a program, given as text or bytes, on an input: bytes as they are, any other value as JSON. */
export function runOf(
  program: string | Uint8Array,
  input: unknown = null,
  { seed = '00'.repeat(32), limits = {} }: RunOptions = {},
): ProgramRun {
  const bytes = typeof program === 'string' ? utf8.encode(program) : program
  return {
    programHash: createHash('sha256').update(bytes).digest('hex') as Hash,
    program: bytes,
    input: input instanceof Uint8Array ? input : utf8.encode(JSON.stringify(input)),
    seed,
    limits: { ...defaultLimits, ...limits },
  }
}

export async function quickJsModule(): Promise<QuickJsModule> {
  const file = createRequire(import.meta.url).resolve('@jitl/quickjs-wasmfile-release-sync/wasm')
  return compileQuickJs(await readFile(file))
}

/** The runtime of JavaScript and WASI programs in this thread. */
export async function guestRuntime(): Promise<GuestRuntime> {
  return createGuestRuntime(await quickJsModule())
}
