import { compileWasi, runWasi } from '../../../shared/runtime/wasi/wasi-runtime.ts'
import { runOf } from '../../support/program-run.ts'
import { readKernels } from '../runtime/kernels.ts'
import { median } from '../statistics.ts'

const kernelName = 'mandelbrot'
const firstSize = 60
const tries = 4
const runsEach = 30

/** A program and the size of its input that takes about a millisecond on this machine, instance and all. */
export async function millisecondProgram(): Promise<{
  readonly program: Uint8Array
  readonly size: number
  readonly milliseconds: number
}> {
  const { kernels } = await readKernels()
  const wasm = kernels
    .find(({ name }) => name === kernelName)
    ?.wasm.find(({ language }) => language === 'AssemblyScript')?.wasm
  if (wasm === undefined) throw new Error(`the kernel ${kernelName} is not built`)
  const compiled = await compileWasi(wasm)
  if ('kind' in compiled) throw new Error(compiled.message)
  let size = firstSize
  let milliseconds = 0
  for (let i = 0; i < tries; i++) {
    const run = runOf(wasm, size)
    const times = Array.from({ length: runsEach }, () => {
      const start = performance.now()
      const result = runWasi(compiled, run)
      if (result.kind !== 'ok') throw new Error(`${kernelName} ended with ${JSON.stringify(result)}`)
      return performance.now() - start
    })
    milliseconds = median(times)
    // Its work grows with the square of the size.
    if (i < tries - 1) size = Math.max(1, Math.round(size / Math.sqrt(milliseconds)))
  }
  return { program: wasm, size, milliseconds }
}
