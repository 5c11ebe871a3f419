import { existsSync, globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { buildPrograms } from '../../../scripts/build-programs.ts'
import type { Missing } from '../result.ts'

export type KernelLanguage = 'AssemblyScript' | 'C'

export interface WasmKernel {
  readonly language: KernelLanguage
  readonly wasm: Uint8Array<ArrayBuffer>
}

/** One algorithm, in WebAssembly and in JavaScript: the same size gives the same checksum. */
export interface Kernel {
  readonly name: string
  readonly wasm: readonly WasmKernel[]
  /** Source of a program, and its default export in this engine. */
  readonly javascript: string
  readonly native: (size: number) => unknown
  readonly sizes: Sizes
}

export interface Sizes {
  /** 10 to 40 ms in WebAssembly on a machine of 2025. */
  readonly wasm: number
  /** For QuickJS, which takes ten to fifty times as long as native JavaScript. */
  readonly quickJs: number
}

export interface Kernels {
  readonly kernels: readonly Kernel[]
  readonly missing: readonly Missing[]
}

const root = join(import.meta.dirname, '../../..')
const sources = join(root, 'programs/bench')
const builtFolder = join(root, 'dist/programs/bench')

/** What each kernel takes its size for stands in its source. */
const sizes: Readonly<Record<string, Sizes>> = {
  'matrix-multiply': { wasm: 256, quickJs: 96 },
  mandelbrot: { wasm: 300, quickJs: 60 },
  'n-body': { wasm: 200_000, quickJs: 8_000 },
  sieve: { wasm: 4_000_000, quickJs: 300_000 },
  quicksort: { wasm: 400_000, quickJs: 30_000 },
  'sha-256': { wasm: 60_000, quickJs: 1_500 },
}

/** The programs under programs/bench; those in AssemblyScript are built first, those in C come built. */
export async function readKernels(): Promise<Kernels> {
  await buildPrograms()
  const names = new Set([
    ...Object.keys(sizes),
    ...globSync('*/*.js', { cwd: sources }).map((path) => basename(path, '.js')),
  ])
  const kernels: Kernel[] = []
  const missing: Missing[] = []
  for (const name of names) {
    const kernel = await readKernel(name, missing)
    if (kernel !== undefined) kernels.push(kernel)
  }
  return { kernels, missing }
}

async function readKernel(name: string, missing: Missing[]): Promise<Kernel | undefined> {
  const given = sizes[name]
  const file = join(sources, name, `${name}.js`)
  if (given === undefined || !existsSync(file)) {
    const reason =
      given === undefined ? 'test/bench/runtime/kernels.ts names no size for it' : `there is no ${file}`
    missing.push({ name: `kernel ${name}`, reason })
    return undefined
  }
  const files = {
    AssemblyScript: join(builtFolder, `${name.replaceAll('-', '_')}.wasm`),
    C: join(sources, name, `${name}.wasm`),
  }
  const wasm: WasmKernel[] = []
  for (const [language, path] of Object.entries(files) as [KernelLanguage, string][]) {
    if (existsSync(path)) wasm.push({ language, wasm: new Uint8Array(await readFile(path)) })
    else missing.push({ name: `wasi ${name} ${language}`, reason: `there is no ${path}` })
  }
  const native = await importMain(file)
  return { name, wasm, javascript: await readFile(file, 'utf8'), native, sizes: given }
}

async function importMain(file: string): Promise<(size: number) => unknown> {
  const module = (await import(pathToFileURL(file).href)) as Record<string, unknown>
  const main = module['default']
  if (typeof main !== 'function') throw new Error(`${file} has no function as its default export`)
  return (size) => main(size) as unknown
}
