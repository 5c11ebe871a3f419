import type { Missing } from '../result.ts'
import { compileOwn, ownKernels } from './own-kernels.ts'

export interface WasmKernel {
  readonly language: 'AssemblyScript' | 'C'
  readonly wasm: Uint8Array<ArrayBuffer>
}

/** One algorithm, in WebAssembly and in JavaScript: the same input gives the same output. */
export interface Kernel {
  readonly name: string
  readonly wasm: readonly WasmKernel[]
  /** Source of a program, and its default export in this engine. */
  readonly javascript: string
  readonly native: (input: unknown) => unknown
  readonly input: unknown
  /** For QuickJS, which takes ten to fifty times as long. */
  readonly smallInput: unknown
}

export interface Kernels {
  readonly kernels: readonly Kernel[]
  readonly missing: readonly Missing[]
}

export async function readKernels(): Promise<Kernels> {
  const kernels: Kernel[] = []
  for (const own of ownKernels) {
    const wasm = [{ language: 'AssemblyScript' as const, wasm: await compileOwn(own) }]
    const native = await importText(own.javascript)
    kernels.push({ ...own, wasm, native, input: null, smallInput: null })
  }
  return { kernels, missing: [] }
}

async function importText(source: string): Promise<(input: unknown) => unknown> {
  const module = (await import(`data:text/javascript,${encodeURIComponent(source)}`)) as Record<
    string,
    unknown
  >
  const main = module['default']
  if (typeof main !== 'function') throw new Error('A kernel has no function as its default export')
  return (input) => main(input) as unknown
}
