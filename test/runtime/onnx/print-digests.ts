import { onnxRuntime } from '../../support/onnx-runtime.ts'
import { runOf } from '../../support/program-run.ts'
import { digest, onnxCorpus } from './corpus.ts'

/* Runs the corpus in a process of its own, for the engine's compilers to be chosen by flags; prints JSON. */
const digests: Record<string, string> = {}
for (const { name, program, input, limits } of onnxCorpus) {
  const runtime = await onnxRuntime()
  digests[name] = digest(await runtime.run(runOf(program, input, limits === undefined ? {} : { limits })))
}
console.log(JSON.stringify(digests))
