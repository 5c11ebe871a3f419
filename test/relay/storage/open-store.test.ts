import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DirectoryLock } from '../../../relay/storage/directory-lock.ts'
import { StorageMetrics } from '../../../relay/storage/metered-store.ts'
import { openStore } from '../../../relay/storage/open-store.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabmesh-open-'))
})

afterEach(() => rm(folder, { recursive: true, force: true }))

/** Opens a store in a process of its own and gives the database libraries that this made it load. */
async function loadedBy(settings: object): Promise<string[]> {
  const script = `
    import { registerHooks } from 'node:module'
    registerHooks({ resolve(name, context, next) {
      if (/^(ioredis|pg)$/.test(name)) console.log(name)
      return next(name, context)
    } })
    const { openStore } = await import(${JSON.stringify(new URL('../../../relay/storage/open-store.ts', import.meta.url).href)})
    const { StorageMetrics } = await import(${JSON.stringify(new URL('../../../relay/storage/metered-store.ts', import.meta.url).href)})
    const [folder, settings] = process.argv.slice(1)
    const store = await openStore({ settings: JSON.parse(settings), folder, owner: 'a', log() {}, metrics: new StorageMetrics(), lost() {} }).catch(() => undefined)
    await store?.close()`
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script],
    ...[folder, JSON.stringify(settings)],
  ])
  return stdout.split('\n').filter((line) => line !== '')
}

test.each([
  [{ kind: 'sqlite' }, []],
  [{ kind: 'files' }, []],
  // An address that is refused at once: what is loaded is the point.
  [{ kind: 'redis', url: 'redis://127.0.0.1:1', connectionsMax: 1, retriesMax: 1 }, ['ioredis']],
  [{ kind: 'postgres', url: 'postgres://127.0.0.1:1/x', connectionsMax: 1, retriesMax: 1 }, ['pg']],
])(
  'STO-04 loads only the library of the store that is configured: %j',
  { timeout: 30_000 },
  async (settings, libraries) => {
    expect(await loadedBy(settings)).toEqual(libraries)
  },
)

test('STO-05 keeps the state of a server from two processes of one folder, before it asks the server', async () => {
  const lock = DirectoryLock.take(folder)
  const init = {
    folder,
    owner: 'a',
    log: () => undefined,
    metrics: new StorageMetrics(),
    lost: () => undefined,
  }
  const settings = {
    kind: 'postgres',
    url: 'postgres://127.0.0.1:1/x',
    connectionsMax: 1,
    retriesMax: 1,
  } as const
  await expect(openStore({ ...init, settings })).rejects.toMatchObject({
    code: 'OpenFailed',
    message: `Cannot open the store for ${folder}: another process uses this folder; stop that one or give this one a directory of its own with --data`,
  })
  lock?.release()
})
