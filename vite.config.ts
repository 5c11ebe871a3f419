import { defineConfig } from 'vite'
import { sandboxBundle } from './scripts/sandbox-bundle.ts'

export default defineConfig({
  root: 'web',
  publicDir: '../public',
  plugins: [sandboxBundle()],
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2024',
  },
})
