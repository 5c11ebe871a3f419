import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { compileOnnxEngine } from '../../shared/runtime/onnx/onnx-engine.ts'
import { createOnnxRuntime, type OnnxRuntime } from '../../shared/runtime/onnx/onnx-runtime.ts'

let compiled: Promise<WebAssembly.Module> | undefined

/** ONNX Runtime in this thread, compiled once. */
export async function onnxRuntime(): Promise<OnnxRuntime> {
  const file = createRequire(import.meta.url).resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm')
  compiled ??= readFile(file).then(compileOnnxEngine)
  return createOnnxRuntime(await compiled)
}
