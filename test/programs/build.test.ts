import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { buildPrograms } from '../../scripts/build-programs.ts'
import { builtIns } from '../../shared/runtime/built-in.ts'

const built = join(import.meta.dirname, '../../dist/programs')
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabmesh-programs-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true })
})

test('SBX-02 the same sources give the same bytes, wherever and however often they are built', async () => {
  const programs = await buildPrograms({ out: folder })
  expect(programs.every(({ isNew }) => isNew)).toBe(true)
  for (const { name } of programs) {
    const [once, again] = await Promise.all([built, folder].map((at) => readFile(join(at, `${name}.wasm`))))
    expect(once!.equals(again!), name).toBe(true)
  }
  await writeFile(join(folder, 'word_count.wasm'), 'spoilt')
  const again = await buildPrograms({ out: folder })
  expect(again.filter(({ isNew }) => isNew).map(({ name }) => name)).toEqual(['word_count'])
  expect((await readdir(folder)).filter((name) => !/\.(wasm|json)$/.test(name)).sort()).toEqual(
    expect.arrayContaining(['probes']),
  )
}, 180_000)

test('SBX-02 programs ask for nothing but to read, to write and to end, and start when they are called', async () => {
  for (const { name } of builtIns) {
    const module = await WebAssembly.compile(await readFile(join(built, `${name}.wasm`)))
    const imports = WebAssembly.Module.imports(module).map(
      ({ module: from, name: what }) => `${from}.${what}`,
    )
    expect(imports.sort()).toEqual(
      ['fd_read', 'fd_write', 'proc_exit'].map((call) => `wasi_snapshot_preview1.${call}`),
    )
    const exports = WebAssembly.Module.exports(module).map(({ name: what }) => what)
    expect(exports.sort()).toEqual(['_start', 'memory'])
  }
})
