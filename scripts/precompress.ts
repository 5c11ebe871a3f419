import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { Plugin } from 'vite'

const compressible = /\.(?:js|css|html|svg|wasm|json)$/
/** Larger files are compressed a little less: the last tenth of ONNX Runtime would take half a minute, in bytes. */
const largeBytes = 4 * 2 ** 20
/** Smaller files do not gain a packet, in bytes. */
const worthwhileBytes = 1_024

/** What was compressed before, by its bytes and how; most files of a build are those of the last. */
const cache = join(import.meta.dirname, '../node_modules/.cache/precompressed')

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
        const brotli = () => promisify(brotliCompress)(bytes, { params })
        await writeFile(`${path}.br`, await onceFor(bytes, `br${quality}`, brotli))
        await writeFile(`${path}.gz`, await onceFor(bytes, 'gz9', () => promisify(gzip)(bytes, { level: 9 })))
      }
    },
  }
}

/** `how` names all that the outcome depends on besides the bytes and the version of the compressor. */
async function onceFor(
  bytes: Uint8Array,
  how: string,
  compress: () => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const { brotli, zlib } = process.versions
  const key = createHash('sha256').update(`${how} ${brotli} ${zlib}\n`).update(bytes).digest('hex')
  const file = join(cache, key)
  const known = await readFile(file).catch(() => undefined)
  if (known !== undefined) return known
  const compressed = await compress()
  await mkdir(cache, { recursive: true })
  // Whole or not at all, whoever else builds at the same time.
  const other = `${file}.${randomUUID()}`
  await writeFile(other, compressed)
  await rename(other, file)
  return compressed
}
