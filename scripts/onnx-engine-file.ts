import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vite'
import { prepareOnnxEngine } from '../shared/runtime/onnx/onnx-engine.ts'

const published = 'onnxruntime-web/ort-wasm-simd-threaded.wasm'
const file = fileURLToPath(new URL('../dist/engines/onnx.wasm', import.meta.url))

let written = false

/** ONNX Runtime made ready to count its fuel, as a file: once for a build, so that no tab has to. */
export function onnxEngineFile(): string {
  if (written) return file
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, prepareOnnxEngine(readFileSync(fileURLToPath(import.meta.resolve(published)))))
  written = true
  return file
}

/** Gives the page the prepared engine where it asks for the published one. */
export function onnxEngine(): Plugin {
  return {
    name: 'tabmesh-onnx-engine',
    enforce: 'pre',
    resolveId: (source) => (source === `${published}?url` ? `${onnxEngineFile()}?url` : undefined),
  }
}
