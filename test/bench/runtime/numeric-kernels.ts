import { compileWasi, runWasi } from '../../../shared/runtime/wasi/wasi-runtime.ts'
import { defaultLimits } from '../../../shared/task/task.ts'
import { guestRuntime, runOf } from '../../support/program-run.ts'
import { alternate, type Side } from '../alternate.ts'
import type { BenchOptions, Findings } from '../bench.ts'
import { type BenchResult, type Missing, resultOf, rounded } from '../result.ts'
import { geometricMean, median } from '../statistics.ts'
import { type Kernel, readKernels, type WasmKernel } from './kernels.ts'
import { runRaw } from './raw-wasi.ts'

/** The aim: what fuel, canonical NaNs and the bounded stack may cost, over all kernels. */
const instrumentedRatioMin = 0.5
/** Instances until the engine's optimising compiler has seen enough. */
const warmUps = 3
/** Nothing here is about the limits. */
const limits = { ...defaultLimits, fuel: 1e15 }

/** Programs in the sandbox's WASI, against the same module as it was given and the same algorithm in JavaScript. */
export async function measureWasiKernels({ runs, progress }: BenchOptions): Promise<Findings> {
  const { kernels, missing } = await readKernels()
  const results: BenchResult[] = []
  const ratios: number[] = []
  for (const kernel of kernels) {
    for (const wasm of kernel.wasm) {
      progress(`WASI: ${kernel.name} in ${wasm.language}`)
      const sides = await wasiSides(kernel, wasm)
      const times = await alternate(sides, { runs, warmUps })
      const name = `wasi ${kernel.name} ${wasm.language}`
      const uninstrumented = { name: 'uninstrumented', samples: times.raw }
      const native = { name: 'native JavaScript', samples: times.native }
      results.push(
        resultOf({ name, unit: 'ms', samples: times.sandboxed, baseline: uninstrumented }),
        resultOf({ name: `${name} vs native`, unit: 'ms', samples: times.sandboxed, baseline: native }),
      )
      ratios.push(median(times.raw) / median(times.sandboxed))
    }
  }
  return { results: [...results, ...meanOf(ratios)], missing }
}

function meanOf(ratios: readonly number[]): BenchResult[] {
  if (ratios.length === 0) return []
  const mean = resultOf({
    name: 'wasi geometric mean of all',
    unit: 'share',
    samples: [geometricMean(ratios)],
    baseline: { name: 'uninstrumented', samples: [1] },
    target: { ratioMin: instrumentedRatioMin },
  })
  return [{ ...mean, min: rounded(Math.min(...ratios)), max: rounded(Math.max(...ratios)) }]
}

/** Programs in the sandbox's QuickJS against the same text run by this engine. */
export async function measureQuickJsKernels({ runs, progress }: BenchOptions): Promise<Findings> {
  const { kernels, missing } = await readKernels()
  const results: BenchResult[] = []
  const runtime = await guestRuntime()
  for (const { name, javascript, native, sizes } of kernels) {
    progress(`QuickJS: ${name}`)
    const run = runOf(javascript, sizes.quickJs, { limits })
    const expected = JSON.stringify(native(sizes.quickJs))
    const quickJs = async (): Promise<void> => {
      const result = await runtime.run(run)
      const output = result.kind === 'ok' ? new TextDecoder().decode(result.output) : result.kind
      if (output !== expected) throw new Error(`${name} in QuickJS gave ${output}, not ${expected}`)
    }
    const times = await alternate({ quickJs, native: () => native(sizes.quickJs) }, { runs, warmUps: 1 })
    const baseline = { name: 'native JavaScript', samples: times.native }
    results.push(resultOf({ name: `quickjs ${name}`, unit: 'ms', samples: times.quickJs, baseline }))
  }
  return { results, missing: onceEach(missing) }
}

function onceEach(missing: readonly Missing[]): readonly Missing[] {
  return missing.filter(({ name }) => !name.startsWith('wasi'))
}

type WasiSides = Readonly<Record<'sandboxed' | 'raw' | 'native', Side>>

/** All of them give the same, or this throws. */
async function wasiSides(
  { name, native, sizes }: Kernel,
  { wasm, language }: WasmKernel,
): Promise<WasiSides> {
  const program = await compileWasi(wasm)
  if ('kind' in program) throw new Error(`${name} in ${language} is refused: ${program.message}`)
  const raw = await WebAssembly.compile(wasm)
  const bytes = new TextEncoder().encode(JSON.stringify(sizes.wasm))
  const sandboxed = (): string => {
    const result = runWasi(program, { input: bytes, seed: '00'.repeat(32), limits })
    if (result.kind !== 'ok') throw new Error(`${name} in ${language} ended with ${JSON.stringify(result)}`)
    return new TextDecoder().decode(result.output)
  }
  const plain = (): string => new TextDecoder().decode(runRaw(raw, bytes))
  const outputs = [sandboxed().trim(), plain().trim(), JSON.stringify(native(sizes.wasm))]
  if (new Set(outputs).size > 1)
    throw new Error(`${name} in ${language} gives different outputs: ${outputs.join(', ')}`)
  return { sandboxed, raw: plain, native: () => native(sizes.wasm) }
}
