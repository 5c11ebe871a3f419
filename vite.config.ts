import { readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'
import { leanLibp2p } from './scripts/lean-libp2p.ts'
import { precompress } from './scripts/precompress.ts'
import { programFiles } from './scripts/program-files.ts'
import { sandboxBundle } from './scripts/sandbox-bundle.ts'

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as {
  version: string
}

/** ONNX Runtime, as large as it is when unpacked. */
const onnxEngine = fileURLToPath(import.meta.resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm'))

export default defineConfig({
  root: 'web',
  publicDir: '../public',
  plugins: [leanLibp2p(), programFiles(), sandboxBundle(), precompress()],
  define: {
    'import.meta.env.TABMESH_VERSION': JSON.stringify(version),
    'import.meta.env.TABMESH_ONNX_BYTES': String(statSync(onnxEngine).size),
  },
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2024',
  },
})
