import { type Bench, measureParts } from '../bench.ts'

/** Each part is loaded when it is wanted: a browser's driver and a compiler take their time. */
const parts: Parameters<typeof measureParts>[0] = {
  wasi: async (options) => (await import('./numeric-kernels.ts')).measureWasiKernels(options),
  quickjs: async (options) => (await import('./numeric-kernels.ts')).measureQuickJsKernels(options),
  node: async (options) => (await import('./node-tasks.ts')).measureNodeTasks(options),
  chromium: async (options) => (await import('./chromium-tasks.ts')).measureChromiumTasks(options),
  prepare: async (options) => (await import('./preparation.ts')).measurePreparation(options),
  onnx: async (options) => (await import('./onnx.ts')).measureOnnx(options),
}

export const runtimeBench: Bench = {
  name: 'runtime',
  about: 'programs in the sandbox against the same without it, and what a task costs besides',
  runs: 21,
  parts: Object.keys(parts),
  measure: (options) => measureParts(parts, options),
}
