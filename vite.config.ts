import { defineConfig } from 'vite'
import manifest from './package.json' with { type: 'json' }
import { sandboxBundle } from './scripts/sandbox-bundle.ts'

export default defineConfig({
  root: 'web',
  publicDir: '../public',
  plugins: [sandboxBundle()],
  define: { 'import.meta.env.TABMESH_VERSION': JSON.stringify(manifest.version) },
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2024',
  },
})
