// Makes dist/client, a package of its own: the client library for browsers and for Node.js, whole in one file each, with
// their types. It depends on nothing. `npm pack ./dist/client` packs it.
import { spawnSync } from 'node:child_process'
import { copyFileSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'vite'

const root = join(import.meta.dirname, '..')
const out = join(root, 'dist/client')
/** Node.js 20, and browsers of its time. */
const target = 'es2023'

/** Only the file for browsers: what a test in a browser needs. */
const isForBrowsersOnly = process.argv.includes('--browser')

if (!isForBrowsersOnly) rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
await bundle('web/client/tabmesh.ts', 'browser.js', false)
if (!isForBrowsersOnly) {
  await bundle('relay/client/tabmesh.ts', 'node.js', true)
  writeTypes()
  writePackage()
}
console.log(`client library: ${out}`)

async function bundle(entry: string, name: string, isForNode: boolean): Promise<void> {
  await build({
    configFile: false,
    root,
    logLevel: 'warn',
    publicDir: false,
    ...(isForNode ? { ssr: { noExternal: true, target: 'node' } } : {}),
    build: {
      outDir: out,
      emptyOutDir: false,
      target,
      minify: false,
      ...(isForNode ? { ssr: join(root, entry) } : { lib: { entry: join(root, entry), formats: ['es'] } }),
      rolldownOptions: { output: { entryFileNames: name, codeSplitting: false } },
    },
  })
}

/** As TypeScript emits them, but that other programs ask for `.js` where these files say `.ts`. */
function writeTypes(): void {
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.client.json'], {
    cwd: root,
    stdio: 'inherit',
  })
  if (status !== 0) throw new Error('the types of the client library could not be made')
  for (const path of globSync('types/**/*.d.ts', { cwd: out })) {
    const file = join(out, path)
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, text.replace(/(['"]\.\.?\/[^'"]*)\.ts(['"])/g, '$1.js$2'))
  }
}

function writePackage(): void {
  const read = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, unknown>
  const { name, version, description, license, type, engines } = read
  const exports = JSON.parse(JSON.stringify(read['exports']).replaceAll('./dist/client/', './')) as unknown
  const manifest = { name, version, description, license, type, engines, exports, sideEffects: false }
  writeFileSync(join(out, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
  copyFileSync(join(root, 'LICENSE'), join(out, 'LICENSE'))
  copyFileSync(join(root, 'docs/client.md'), join(out, 'README.md'))
}
