import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { env, InferenceSession, Tensor } from 'onnxruntime-web/wasm'
import { tensorMagic } from '../../../shared/runtime/onnx/tensor.ts'
import type { ProgramRun } from '../../../shared/runtime/program-runner.ts'
import { onnxRuntime } from '../../support/onnx-runtime.ts'
import { runOf } from '../../support/program-run.ts'
import { alternate, repeated, repeatsFor } from '../alternate.ts'
import type { BenchOptions, Findings } from '../bench.ts'
import { type BenchResult, resultOf } from '../result.ts'
import { penguinInput, readPenguins } from './empty-programs.ts'
import { chainInput, chainModel, chainSize } from './matmul-chain.ts'

/** A model with one input, given both ways. */
interface Case {
  readonly name: string
  readonly model: Uint8Array
  readonly run: ProgramRun
  readonly feeds: Readonly<Record<string, Tensor>>
}

const roundMs = 60

/** Models in our runtime against the same in ONNX Runtime as published, both in this thread. */
export async function measureOnnx({ runs, progress }: BenchOptions): Promise<Findings> {
  env.wasm.numThreads = 1
  env.wasm.wasmBinary = new Uint8Array(
    await readFile(createRequire(import.meta.url).resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm')),
  ).buffer
  const results: BenchResult[] = []
  for (const one of [await penguins(), matmulChain()]) {
    progress(`ONNX: ${one.name}`)
    results.push(await measureModel(one, runs))
  }
  return { results, missing: [] }
}

async function measureModel({ name, model, run, feeds }: Case, runs: number): Promise<BenchResult> {
  const runtime = await onnxRuntime()
  const session = await InferenceSession.create(model)
  const ours = async (): Promise<void> => {
    const result = await runtime.run(run)
    if (result.kind !== 'ok') throw new Error(`${name} ended with ${JSON.stringify(result)}`)
    await runtime.prepare(run)
  }
  const bare = (): Promise<unknown> => session.run(feeds)
  const repeats = await repeatsFor(roundMs, ours)
  const times = await alternate(
    { ours: repeated(repeats, ours), bare: repeated(repeats, bare) },
    { runs, warmUps: 2 },
  )
  await session.release()
  const rate = (milliseconds: readonly number[]): number[] => milliseconds.map((ms) => (1_000 * repeats) / ms)
  return resultOf({
    name: `onnx ${name}`,
    unit: 'runs/s',
    samples: rate(times.ours),
    baseline: { name: 'onnxruntime-web', samples: rate(times.bare) },
  })
}

async function penguins(): Promise<Case> {
  const model = await readPenguins()
  const measurements = new Tensor('float32', Float32Array.from(penguinInput.measurements.flat()), [1, 4])
  return { name: 'penguins', model, run: runOf(model, penguinInput), feeds: { measurements } }
}

function matmulChain(): Case {
  const model = chainModel()
  const data = chainInput()
  const shape = [chainSize, chainSize]
  const header = new TextEncoder().encode(JSON.stringify([{ name: 'x', type: 'float32', shape }]))
  const length = new Uint8Array(Uint32Array.of(header.length).buffer)
  const input = Buffer.concat([tensorMagic, length, header, new Uint8Array(data.buffer)])
  return {
    name: `matmul chain ${chainSize}`,
    model,
    run: runOf(model, new Uint8Array(input)),
    feeds: { x: new Tensor('float32', data, shape) },
  }
}
