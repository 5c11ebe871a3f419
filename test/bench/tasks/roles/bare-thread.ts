import { parentPort } from 'node:worker_threads'
import { compileWasi, runWasi, type WasiProgram } from '../../../../shared/runtime/wasi/wasi-runtime.ts'
import { runOf } from '../../../support/program-run.ts'

interface BareRun {
  readonly program: Uint8Array
  readonly input: number
}

let compiled: WasiProgram | undefined

parentPort!.on('message', async ({ program, input }: BareRun) => {
  if (compiled === undefined) {
    const made = await compileWasi(program)
    if ('kind' in made) throw new Error(made.message)
    compiled = made
  }
  const result = runWasi(compiled, runOf(program, input))
  if (result.kind !== 'ok') throw new Error(`a run ended with ${JSON.stringify(result)}`)
  parentPort!.postMessage(result.output)
})
