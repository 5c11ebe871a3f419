import type { Plugin } from 'vite'

const glueFile = /\/onnxruntime-web\/dist\/ort-wasm-simd-threaded\.mjs$/

/** Where the glue finds out, with an `await` of its own, whether it was loaded as one of its own threads. */
const threadPart = 'var isPthread='

/**
 * Makes ONNX Runtime's glue fit for a script without modules: no `await` outside of functions, no address of its own,
 * and no WebAssembly beside it, which it is handed.
 */
export function onnxGlue(): Plugin {
  return {
    name: 'tabmesh-onnx-glue',
    enforce: 'pre',
    transform(code, id) {
      if (!glueFile.test(id)) return undefined
      const end = code.indexOf(threadPart)
      if (end < 0) throw new Error(`${id} is not the glue that is known here`)
      return { code: code.slice(0, end).replaceAll('import.meta.url', '"about:blank"'), map: null }
    },
  }
}
