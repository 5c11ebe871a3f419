import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { builtinModules } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startHttp } from '../relay/http/http-fixture.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
const name = process.platform === 'win32' ? 'node.exe' : 'node'

/** The Node.js that its user has installed, not the project's own. */
function usersNode(): string {
  const folders = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((each) => !each.includes('node_modules'))
  const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
  if (found === undefined) throw new Error('there is no Node.js in PATH but that of the project')
  return found
}

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabmesh-package-'))
  await run(process.execPath, ['--disable-warning=ExperimentalWarning', 'scripts/build-client.ts'], {
    cwd: root,
  })
  const packed = await run('npm', ['pack', join(root, 'dist/client'), '--silent'], { cwd: folder })
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  const install = ['install', `./${packed.stdout.trim()}`, '--offline', '--no-audit', '--no-fund', '--silent']
  await run('npm', install, { cwd: folder })
}, 300_000)
afterAll(() => rm(folder, { recursive: true, force: true }))

const program = `
import { connect, openKey, verifyReceipt } from 'tabmesh'

const client = await connect({ relay: process.argv[2], key: await openKey('client.pem') })
const outputs = []
const run = client.map('export default (x) => x', [1, 'two', { three: 3 }], { taskType: 'javascript' })
for await (const { output } of run) outputs.push(output)
const task = await client.submit('export default (x) => x', 'alone', { taskType: 'javascript' })
const verdict = await verifyReceipt(await client.receipt(run.jobId))
const report = await client.status(run.jobId)
console.log(JSON.stringify({
  version: process.versions.node, outputs, alone: (await task.result()).output, verdict, completed: report.completed,
}))
`

describe('WEB-08 the package', () => {
  test('WEB-08 needs nothing else to be installed', async () => {
    const installed = (await readdir(join(folder, 'node_modules'))).filter((each) => !each.startsWith('.'))
    expect(installed).toEqual(['tabmesh'])
  })

  test.each([
    ['the Node.js of its user', usersNode()],
    ['the Node.js of the project', process.execPath],
  ])(
    'WEB-08 is used from plain JavaScript by %s',
    async (_, node) => {
      const http = await startHttp()
      try {
        await writeFile(join(folder, 'use.js'), program)
        const { stdout } = await run(node, ['use.js', http.server.url], { cwd: folder, timeout: 150_000 })
        const seen = JSON.parse(stdout)
        expect(Number(seen.version.split('.')[0])).toBeGreaterThanOrEqual(20)
        expect(seen).toMatchObject({
          ...{ outputs: [1, 'two', { three: 3 }], alone: 'alone', completed: 3 },
          verdict: { valid: true, tasks: 3, trust: 'none given' },
        })
      } finally {
        await http.close()
      }
    },
    180_000,
  )

  test('WEB-08 for browsers asks for no module, least of all one of Node.js', async () => {
    const text = await readFile(join(folder, 'node_modules/tabmesh/browser.js'), 'utf8')
    const wanted = [...text.matchAll(/(?:\bfrom|\bimport\(?)\s*["']([^"']+)["']/g)].map(
      ([, module]) => module!,
    )
    expect(wanted.filter((module) => builtinModules.includes(module) || module.startsWith('node:'))).toEqual(
      [],
    )
    expect(text).not.toMatch(/^import /m)
  })

  test.each(['nodenext', 'bundler'])(
    'WEB-08 has types that a program compiles against (%s)',
    async (resolution) => {
      await writeFile(
        join(folder, 'use.ts'),
        `import { type Client, connect, createKey, type ItemResult, itemsOf, type JobState, verifyReceipt } from 'tabmesh'
       const client: Client = await connect({ relay: ['http://a', 'http://b'], key: await createKey(), waitSeconds: 5 })
       const run = client.map(new Uint8Array(3), [1, { a: [null] }, new Uint8Array(2)], { taskType: 'wasi', output: 'bytes' })
       for await (const result of run) if (result.status === 'completed') result.output satisfies Uint8Array
       const job: JobState = run.state
       const again = client.map('export default 1', itemsOf(text(), 'csv'), { taskType: 'javascript', job, keep: true })
       for await (const result of again) result satisfies ItemResult
       async function* text() { yield 'a,b' }
       const { valid }: { valid: boolean } = await verifyReceipt('{}')
       for await (const report of client.watch('id')) if ('accepted' in report) report.accepted satisfies number
       // @ts-expect-error a program that is no program
       client.map(5, [], { taskType: 'wasi' })
       // @ts-expect-error an option that there is not
       client.map('', [], { taskType: 'wasi', colour: 'red' })
       export { valid }`,
      )
      const options = ['--noEmit', '--strict', '--target', 'es2023', '--lib', 'es2023,dom']
      const module = resolution === 'bundler' ? 'esnext' : 'nodenext'
      const kind = ['--module', module, '--moduleResolution', resolution, '--ignoreConfig']
      const tsc = join(root, 'node_modules/typescript/bin/tsc')
      const done = await run(process.execPath, [tsc, ...options, ...kind, 'use.ts'], { cwd: folder }).catch(
        (error: { stdout: string }) => error,
      )
      expect(done.stdout).toBe('')
    },
    180_000,
  )
})
