import { existsSync, readFileSync } from 'node:fs'
import type { Plugin } from 'vite'
import { builtIns } from '../shared/runtime/built-in.ts'
import { buildPrograms } from './build-programs.ts'

const fileOf = (name: string) => new URL(`../dist/programs/${name}.wasm`, import.meta.url)
/** The model that the page offers as an example. */
const exampleModel = new URL('../programs/onnx/penguins.onnx', import.meta.url)

/**
 * Builds the programs, and serves those that come with the network as `/programs/NAME.wasm`, and an example of a model as
 * `/programs/penguins.onnx`: the page fetches what it needs.
 */
export function programFiles(): Plugin {
  return {
    name: 'tabmesh-programs',
    applyToEnvironment: ({ name }) => name === 'client',
    async buildStart() {
      await buildPrograms()
    },
    generateBundle() {
      for (const { name } of builtIns) {
        this.emitFile({
          type: 'asset',
          fileName: `programs/${name}.wasm`,
          source: readFileSync(fileOf(name)),
        })
      }
      this.emitFile({
        type: 'asset',
        fileName: 'programs/penguins.onnx',
        source: readFileSync(exampleModel),
      })
    },
    configureServer(server) {
      server.middlewares.use('/programs/penguins.onnx', (_request, response) => {
        response.setHeader('content-type', 'application/octet-stream')
        response.end(readFileSync(exampleModel))
      })
      server.middlewares.use('/programs', (request, response, next) => {
        const name = /^\/(\w+)\.wasm$/.exec(request.url ?? '')?.[1]
        if (name === undefined || !existsSync(fileOf(name))) {
          next()
          return
        }
        response.setHeader('content-type', 'application/wasm')
        response.end(readFileSync(fileOf(name)))
      })
    },
  }
}
