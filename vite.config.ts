import { defineConfig } from 'vite'

export default defineConfig({
  root: 'web',
  publicDir: '../public',
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    target: 'es2024',
  },
})
