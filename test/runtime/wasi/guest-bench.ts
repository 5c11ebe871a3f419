import { WasiHost } from '../../../shared/runtime/wasi/wasi-host.ts'
import { type WasiImport, wasiImports } from '../../../shared/runtime/wasm/wasi-imports.ts'
import type { Limits } from '../../../shared/task/task.ts'
import { defaultLimits } from '../../../shared/task/task.ts'

const everyCall = Object.keys(wasiImports) as WasiImport[]
export const seed = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'
/** Two pages; the last byte of memory is one below. */
export const memoryEnd = 131_072

export interface BenchOptions {
  readonly input?: string | Uint8Array
  readonly seed?: string
  readonly limits?: Partial<Limits>
}

/** The host with a memory and a fuel gauge, and no guest: calls are made by hand, as a guest's would arrive. */
export class GuestBench {
  readonly host: WasiHost
  readonly memory = new WebAssembly.Memory({ initial: 2, maximum: 100 })
  readonly fuel: WebAssembly.Global<'i64'>

  constructor({ input = '', limits, ...options }: BenchOptions = {}) {
    const all = { ...defaultLimits, ...limits }
    const bytes = typeof input === 'string' ? new TextEncoder().encode(input) : input
    this.host = new WasiHost({ input: bytes, seed: options.seed ?? seed, limits: all }, everyCall)
    this.fuel = new WebAssembly.Global<'i64'>({ value: 'i64', mutable: true }, BigInt(all.fuel))
    this.host.attach(this.memory, this.fuel)
  }

  /** i32 arrive as signed numbers, i64 as signed bigints. */
  call(name: string, ...values: readonly (number | bigint)[]): number {
    const run = this.host.functions[name] as (...values: unknown[]) => number
    return run(...values.map((value) => (typeof value === 'number' ? value | 0 : value)))
  }

  get view(): DataView {
    return new DataView(this.memory.buffer)
  }

  bytes(address: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, address, length)
  }

  text(address: number, length: number): string {
    return new TextDecoder().decode(this.bytes(address, length))
  }

  u32(address: number): number {
    return this.view.getUint32(address, true)
  }

  u64(address: number): bigint {
    return this.view.getBigUint64(address, true)
  }

  put(address: number, text: string): void {
    this.bytes(address, text.length).set(new TextEncoder().encode(text))
  }

  /** Lists buffers as [address, length] at `address`. */
  list(address: number, ...buffers: readonly (readonly [number, number])[]): void {
    for (const [i, [start, length]] of buffers.entries()) {
      this.view.setUint32(address + 8 * i, start, true)
      this.view.setUint32(address + 8 * i + 4, length, true)
    }
  }

  get output(): string {
    return new TextDecoder().decode(this.host.output.bytes())
  }

  get log(): string {
    return new TextDecoder().decode(this.host.log.bytes())
  }

  /** What `run` costs in fuel. */
  cost(run: () => unknown): number {
    const before = this.fuel.value
    run()
    return Number(before - this.fuel.value)
  }
}
