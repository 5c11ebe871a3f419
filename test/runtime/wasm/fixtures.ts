import wabtInit from 'wabt'
import type { PreparedModule } from '../../../shared/runtime/wasm/prepare-module.ts'
import { prepareModule } from '../../../shared/runtime/wasm/prepare-module.ts'
import type { WasmRefusal } from '../../../shared/runtime/wasm/refusal.ts'
import { memoryFor } from '../../support/guest-memory.ts'

const wabt = await wabtInit()

/** All that the text may use; what of it is refused is the preparation's affair. */
const features = {
  exceptions: true,
  mutable_globals: true,
  sat_float_to_int: true,
  sign_extension: true,
  simd: true,
  threads: true,
  multi_value: true,
  tail_call: true,
  bulk_memory: true,
  reference_types: true,
  function_references: true,
  extended_const: true,
  relaxed_simd: true,
  memory64: true,
  multi_memory: true,
}

/** The module that a WebAssembly text describes. */
export function fromText(text: string): Uint8Array {
  const module = wabt.parseWat('test.wat', text, features)
  try {
    return module.toBinary({ write_debug_names: false }).buffer
  } finally {
    module.destroy()
  }
}

/** A WASI command: a memory of one page, the fields given, and `_start` unless there is one among them. */
export function command(fields: string): Uint8Array {
  const start = fields.includes('"_start"') ? '' : '(func (export "_start"))'
  const memory = fields.includes('(memory (') ? '' : '(memory (export "memory") 1)'
  return fromText(`(module ${fields} ${memory} ${start})`)
}

export function prepared(wasm: Uint8Array): PreparedModule {
  const outcome = prepareModule(wasm)
  if (outcome.kind === 'refused') throw new Error(outcome.message)
  return outcome
}

export function refusal(wasm: Uint8Array): WasmRefusal {
  const outcome = prepareModule(wasm)
  if (outcome.kind === 'prepared') throw new Error('The module was taken')
  return outcome
}

export interface Limits {
  readonly fuel?: bigint
  readonly callBudget?: number
  readonly pagesMax?: number
}

export interface Ended {
  /** What the trap says; undefined when it came to its end. */
  readonly trap: string | undefined
  readonly fuelUsed: bigint
  readonly fuel: bigint
  readonly callBudget: number
  readonly memoryHit: number
  readonly memory: DataView
}

type WasiFunctions = Record<string, (...args: (number | bigint)[]) => number>

/** Runs an instrumented module; WASI functions that are not given answer 0. */
export function run(wasm: Uint8Array, limits: Limits = {}, wasi: WasiFunctions = {}): Ended {
  const module = new WebAssembly.Module(wasm as Uint8Array<ArrayBuffer>)
  const functions = WebAssembly.Module.imports(module)
    .filter(({ kind }) => kind === 'function')
    .map(({ name }) => [name, wasi[name] ?? (() => 0)])
  const instance = new WebAssembly.Instance(module, {
    wasi_snapshot_preview1: Object.fromEntries(functions),
    ...memoryFor(wasm),
  })
  const { exports } = instance
  const global = (name: string) => exports[name] as WebAssembly.Global
  const fuel = limits.fuel ?? 1_000_000_000n
  global('fuel').value = fuel
  global('callBudget').value = limits.callBudget ?? 320 * 1024
  global('pagesMax').value = limits.pagesMax ?? 64
  let trap: string | undefined
  try {
    ;(exports['_start'] as () => void)()
  } catch (error) {
    trap = String(error)
  }
  return {
    trap,
    fuelUsed: fuel - (global('fuel').value as bigint),
    fuel: global('fuel').value as bigint,
    callBudget: global('callBudget').value as number,
    memoryHit: global('memoryHit').value as number,
    memory: new DataView((exports['memory'] as WebAssembly.Memory).buffer),
  }
}

export function repeat(count: number, piece: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => piece(index)).join('\n')
}
