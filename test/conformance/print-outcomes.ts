import { guestRuntime, runOf } from '../support/program-run.ts'
import { outcomeOf, conformanceSeed as seed } from './conformance-case.ts'
import { conformanceCases } from './conformance-cases.ts'

/* Runs the WebAssembly cases in a process of its own, for the engine's compilers to be chosen by flags; prints JSON. */
const runtime = await guestRuntime()
const outcomes: Record<string, string> = {}
for (const { name, program, input, limits } of await conformanceCases()) {
  if (name.startsWith('javascript:')) continue
  outcomes[name] = outcomeOf(await runtime.run(runOf(program, input, { seed, limits })))
}
console.log(JSON.stringify(outcomes))
