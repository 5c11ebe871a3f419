import { readFileSync, statSync } from 'node:fs'
import { defineConfig } from 'vite'
import { leanLibp2p } from './scripts/lean-libp2p.ts'
import { onnxEngine, onnxEngineFile } from './scripts/onnx-engine-file.ts'
import { precompress } from './scripts/precompress.ts'
import { programFiles } from './scripts/program-files.ts'
import { sandboxBundle } from './scripts/sandbox-bundle.ts'

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as {
  version: string
}

export default defineConfig({
  root: 'web',
  publicDir: '../public',
  plugins: [leanLibp2p(), programFiles(), onnxEngine(), sandboxBundle(), precompress()],
  define: {
    'import.meta.env.TABMESH_VERSION': JSON.stringify(version),
    'import.meta.env.TABMESH_ONNX_BYTES': String(statSync(onnxEngineFile()).size),
  },
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2024',
  },
})
