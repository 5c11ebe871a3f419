import { type Bench, measureParts } from '../bench.ts'
import { measureChromiumTasks } from './chromium-tasks.ts'
import { measureNodeTasks } from './node-tasks.ts'
import { measureOnnx } from './onnx.ts'
import { measurePreparation } from './preparation.ts'

const parts = {
  node: measureNodeTasks,
  chromium: measureChromiumTasks,
  prepare: measurePreparation,
  onnx: measureOnnx,
}

export const runtimeBench: Bench = {
  name: 'runtime',
  about: 'programs in the sandbox against the same without it, and what a task costs besides',
  runs: 11,
  parts: Object.keys(parts),
  measure: (options) => measureParts(parts, options),
}
