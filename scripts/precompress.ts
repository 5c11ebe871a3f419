import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { Plugin } from 'vite'

const compressible = /\.(?:js|css|html|svg|wasm|json)$/
/** Larger files are compressed a little less: the last tenth of ONNX Runtime would take half a minute, in bytes. */
const largeBytes = 4 * 2 ** 20
/** Smaller files do not gain a packet, in bytes. */
const worthwhileBytes = 1_024

/** Writes a `.br` and a `.gz` beside each built file, once, so that the relay need not compress at every request. */
export function precompress(): Plugin {
  let folder = ''
  return {
    name: 'precompress',
    apply: 'build',
    configResolved(config) {
      folder = config.build.outDir.startsWith('/')
        ? config.build.outDir
        : join(config.root, config.build.outDir)
    },
    async closeBundle() {
      for (const name of await readdir(folder, { recursive: true })) {
        if (!compressible.test(name)) continue
        const path = join(folder, name)
        const bytes = await readFile(path)
        if (bytes.length < worthwhileBytes) continue
        const quality = bytes.length > largeBytes ? 9 : 11
        const params = { [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_LGWIN]: 24 }
        await writeFile(`${path}.br`, await promisify(brotliCompress)(bytes, { params }))
        await writeFile(`${path}.gz`, await promisify(gzip)(bytes, { level: 9 }))
      }
    },
  }
}
