import loadWabt from 'wabt'
import type { RunResult } from '../../../shared/runtime/program-runner.ts'
import type { WasiProgram } from '../../../shared/runtime/wasi/wasi-runtime.ts'
import { compileWasi, runWasi } from '../../../shared/runtime/wasi/wasi-runtime.ts'
import type { WasiImport } from '../../../shared/runtime/wasm/wasi-imports.ts'
import { wasiImports, wasiModule } from '../../../shared/runtime/wasm/wasi-imports.ts'
import { defaultLimits } from '../../../shared/task/task.ts'
import type { BenchOptions } from './guest-bench.ts'
import { seed } from './guest-bench.ts'

const wabt = loadWabt()

/** The bytes of a module written as text. */
export async function assemble(text: string): Promise<Uint8Array> {
  const module = (await wabt).parseWat('test.wat', text, { bulk_memory: true })
  const { buffer } = module.toBinary({})
  module.destroy()
  return new Uint8Array(buffer)
}

const valueTypes = (letters: string): string =>
  [...letters].map((letter) => (letter === 'i' ? 'i32' : 'i64')).join(' ')

/** The import of a WASI function under its own name, with its own type. */
export function importOf(name: WasiImport): string {
  const [parameters = '', results = ''] = wasiImports[name].split('>')
  const type = `(param ${valueTypes(parameters)}) (result ${valueTypes(results)})`
  return `(import "${wasiModule}" "${name}" (func $${name} ${type}))`
}

/**
 * A module's text: it imports the functions that `code` calls, has a memory of one page unless told otherwise, and starts
 * with `start`. `$print address length` writes to the output, `$log` to the log; they use the first 16 bytes of memory.
 */
export function wat(start: string, more = '', memory = '1'): string {
  const print = (name: string, fd: number) => `(func $${name} (param i32 i32)
    (i32.store (i32.const 0) (local.get 0)) (i32.store (i32.const 4) (local.get 1))
    (drop (call $fd_write (i32.const ${fd}) (i32.const 0) (i32.const 1) (i32.const 8))))`
  const body = `${print('print', 1)} ${print('log', 2)} ${more}`
  const called = (Object.keys(wasiImports) as WasiImport[]).filter((name) =>
    `${body} ${start}`.includes(`$${name} `),
  )
  return `(module ${called.map(importOf).join(' ')} (memory (export "memory") ${memory}) ${body}
    (func (export "_start") ${start}))`
}

/** Prepares and compiles a module; a refusal is a fault of the test. */
export async function compile(program: Uint8Array | string): Promise<WasiProgram> {
  const bytes = typeof program === 'string' ? await assemble(program) : program
  const compiled = await compileWasi(bytes)
  if ('kind' in compiled) throw new Error(compiled.message)
  return compiled
}

/** One run with the defaults for what is not given. */
export function run(program: WasiProgram, { input = '', limits, ...options }: BenchOptions = {}): RunResult {
  const bytes = typeof input === 'string' ? new TextEncoder().encode(input) : input
  return runWasi(program, {
    input: bytes,
    seed: options.seed ?? seed,
    limits: { ...defaultLimits, ...limits },
  })
}

/** `ok <output>`, `error <kind>` or `none <reason>`. */
export function brief(result: RunResult): string {
  if (result.kind === 'ok') return `ok ${new TextDecoder().decode(result.output)}`
  return result.kind === 'error' ? `error ${result.error}` : `none ${result.reason}`
}

/** How a module's run ends, in brief. */
export async function outcomeOf(program: Uint8Array | string, options: BenchOptions = {}): Promise<string> {
  return brief(run(await compile(program), options))
}
