import type { Limits } from '../../task/task.ts'
import type { WasiImport } from '../wasm/wasi-imports.ts'
import { descriptorCalls } from './descriptor-calls.ts'
import { Descriptors } from './descriptors.ts'
import { GuestMemory } from './guest-memory.ts'
import { fuelPerCall, Meter } from './meter.ts'
import { processCalls } from './process-calls.ts'
import { RandomBytes } from './random-bytes.ts'
import { refusedCalls } from './refused-calls.ts'
import { InputStream, OutputStream } from './streams.ts'

type Call = (...values: never[]) => number

/** What one run of a guest finds outside of itself: the functions of wasi_snapshot_preview1. */
export class WasiHost {
  /** Those of WASI that the guest imports. */
  readonly functions: WebAssembly.ModuleImports
  readonly meter = new Meter()
  readonly output: OutputStream
  readonly log: OutputStream
  readonly #memory = new GuestMemory()

  constructor(
    { input, seed, limits }: { readonly input: Uint8Array; readonly seed: string; readonly limits: Limits },
    imported: readonly WasiImport[],
  ) {
    this.output = new OutputStream('output', limits.outputBytes, this.meter)
    this.log = new OutputStream('log', limits.logBytes, this.meter)
    const descriptors = new Descriptors([new InputStream(input), this.output, this.log])
    const calls: Readonly<Record<WasiImport, Call>> = {
      ...descriptorCalls(descriptors, this.#memory, this.meter),
      ...processCalls(descriptors, this.#memory, this.meter, new RandomBytes(seed)),
      ...refusedCalls(descriptors),
    }
    this.functions = {}
    for (const name of imported) this.functions[name] = this.#charged(calls[name])
  }

  /** Before the guest's first call. */
  attach(memory: WebAssembly.Memory, fuel: WebAssembly.Global<'i64'>): void {
    this.#memory.attach(memory)
    this.meter.attach(fuel)
  }

  /** The call paid for, its 32-bit values unsigned; path_open has nine, the most of all. */
  #charged(call: Call) {
    const run = call as (...values: Value[]) => number
    return (a: Value, b: Value, c: Value, d: Value, e: Value, f: Value, g: Value, h: Value, i: Value) => {
      this.meter.charge(fuelPerCall)
      return run(
        unsigned(a),
        unsigned(b),
        unsigned(c),
        unsigned(d),
        unsigned(e),
        unsigned(f),
        unsigned(g),
        unsigned(h),
        unsigned(i),
      )
    }
  }
}

type Value = number | bigint | undefined

/** The engine hands over a guest's i32 signed; an i64 stays so. */
function unsigned(value: Value): Value {
  return typeof value === 'number' ? value >>> 0 : value
}
