import { parentPort, workerData } from 'node:worker_threads'
import { compile, run } from './wat-program.ts'

/** Runs each of the modules that it is given `times` times, on the stack that it was given, and tells how they ended. */
const { modules, times } = workerData as { modules: readonly Uint8Array[]; times: number }
for (const module of modules) {
  const program = await compile(module)
  const ends = new Set<string>()
  for (let i = 0; i < times; i++) {
    const result = run(program)
    ends.add(result.kind === 'error' ? `${result.error} after ${result.fuelUsed}` : JSON.stringify(result))
  }
  parentPort!.postMessage([...ends])
}
