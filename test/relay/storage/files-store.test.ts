import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fileOfKey, keyOfFile } from '../../../relay/storage/file-names.ts'
import { FilesStore } from '../../../relay/storage/files-store.ts'
import type { HostLog } from '../../../shared/host/host-log.ts'
import type { StoreChange } from '../../../shared/storage/store.ts'
import { storeContract } from '../../contract/store.contract.ts'
import { propertyRuns } from '../../support/property-runs.ts'
import { FailingDisk } from './failing-disk.ts'

let parent: string
let directory: string
const logged: string[] = []
const log: HostLog = (level, message) => void logged.push(`${level} ${message}`)
const bytes = (...values: number[]): Uint8Array => Uint8Array.of(...values)

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'tabmesh-files-'))
  directory = join(parent, 'state')
  logged.length = 0
})

afterEach(() => rm(parent, { recursive: true, force: true }))

const open = (): Promise<FilesStore> => FilesStore.open(directory, log)

async function contentOf(store: FilesStore): Promise<string> {
  const rows = await store.list('')
  return rows.map(({ key, value }) => `${key}=${[...value]}`).join(' ')
}

const before: readonly StoreChange[] = [
  { key: 'a', value: bytes(1) },
  { key: 'b/c', value: bytes(1, 1) },
  { key: 'gone', value: bytes(1) },
]
const after: readonly StoreChange[] = [
  { key: 'a', value: bytes(2) },
  { key: 'b/c', value: bytes(2, 2) },
  { key: 'gone', value: undefined },
  { key: 'n/e/w', value: bytes(2) },
]
const last: readonly StoreChange[] = [
  { key: 'a', value: undefined },
  { key: 'z', value: bytes(3) },
]
const contents = ['a=1 b/c=1,1 gone=1', 'a=2 b/c=2,2 n/e/w=2', 'b/c=2,2 n/e/w=2 z=3']
const [oldContent, newContent] = contents

/** Writes `before`, then `after` and `last` on a disk that may fail; gives how many of these two were acknowledged. */
async function writeUntil(disk: FailingDisk): Promise<number> {
  const first = await open()
  await first.batch(before)
  await first.close()
  const store = await FilesStore.open(directory, log, disk).catch(() => undefined)
  let acknowledged = 0
  for (const changes of [after, last]) {
    await store?.batch(changes).then(
      () => {
        acknowledged += 1
      },
      () => undefined,
    )
  }
  await store?.close()
  return acknowledged
}

describe('files store', () => {
  for (const { name, run } of storeContract) {
    test(`STO-02 ${name}`, () => run({ open }))
  }

  test('STO-02 keeps a row in `{directory}/{key}.json`, which says what it holds', async () => {
    const store = await open()
    await store.batch([{ key: 'tasks/7', value: bytes(1, 2, 255) }])
    expect(JSON.parse(await readFile(join(directory, 'tasks', '7.json'), 'utf8'))).toEqual({
      key: 'tasks/7',
      crc32: 3786882602,
      value: 'AQL/',
    })
    expect((await stat(directory)).mode & 0o777).toBe(0o700)
    expect((await stat(join(directory, 'tasks'))).mode & 0o777).toBe(0o700)
    expect((await stat(join(directory, 'tasks', '7.json'))).mode & 0o777).toBe(0o600)
    await store.close()
  })

  test('STO-02 gives every key a file of its own, and finds the key by it', () => {
    const ascii = fc.string({
      unit: fc.nat(127).map((code) => String.fromCharCode(code)),
      minLength: 1,
      maxLength: 512,
    })
    const awkward = fc.array(
      fc.constantFrom('/', '.', '..', 'con', 'CON', '%', 'a', '%41', '.json', 'x'.repeat(199)),
      {
        minLength: 1,
        maxLength: 5,
      },
    )
    const key = fc.oneof(
      ascii,
      awkward.map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(key, (text) => {
        const path = fileOfKey('', text)
        expect(keyOfFile(path)).toBe(text)
        for (const name of path.split('/')) {
          expect(name.length).toBeLessThan(250)
          expect(name).toMatch(/^[A-Za-z0-9_%-]+(\.json)?$/)
        }
      }),
      propertyRuns(2_000),
    )
  })

  test('STO-02 leaves the old rows or the new ones, cut at any byte of a write and at any step between', {
    timeout: 120_000,
  }, async () => {
    const whole = new FailingDisk(Number.POSITIVE_INFINITY)
    expect(await writeUntil(whole)).toBe(2)
    const seen = new Set<number>()
    for (let steps = 0; steps < whole.steps; steps++) {
      await rm(directory, { recursive: true })
      const disk = new FailingDisk(steps)
      const acknowledged = await writeUntil(disk)
      if (steps % 3 > 0) await disk.powerCut()
      const store = await open()
      const state = contents.indexOf(await contentOf(store))
      // What was under way may count or not; what was acknowledged does.
      expect([acknowledged, acknowledged + 1], `after ${steps} steps`).toContain(state)
      seen.add(state)
      await store.batch([{ key: 'later', value: bytes(3) }])
      await store.close()
    }
    expect(seen.size).toBe(3)
  })

  test('STO-02 takes a journal cut at any byte for none, and a whole one for what counts', {
    timeout: 60_000,
  }, async () => {
    const store = await open()
    await store.batch(after)
    await store.close()
    const journal = await readFile(join(directory, '.journal'))
    const undone = join(parent, 'undone')
    await mkdir(undone)
    for (let end = 0; end <= journal.length; end++) {
      await writeFile(join(undone, '.journal'), journal.subarray(0, end))
      const again = await FilesStore.open(undone, log)
      expect(await contentOf(again), `${end} bytes`).toBe(end === journal.length ? newContent : '')
      await again.close()
    }
    expect(logged).toEqual(['info Completed the last write of a run that ended in the middle of it: 3 rows'])
  })

  test('STO-02 refuses a row whose file is cut at any byte or changed in any, naming the file', {
    timeout: 60_000,
  }, async () => {
    const store = await open()
    await store.batch([{ key: 'a', value: bytes(1, 2, 3, 4) }])
    // Another batch takes its place in the journal, or the next start would put the row right.
    await store.batch([{ key: 'b', value: bytes(1) }])
    const path = join(directory, 'a.json')
    const content = await readFile(path)
    const message = `Cannot read ${path}: the file is damaged; restore it from a backup or remove it`
    for (let at = 0; at < content.length - 1; at++) {
      await writeFile(path, content.subarray(0, at))
      await expect(store.get('a')).rejects.toMatchObject({ code: 'ReadFailed', message })
      const changed = Buffer.from(content)
      changed[at] = changed.readUInt8(at) ^ 1
      await writeFile(path, changed)
      const got = await store.get('a').catch((error: Error) => error.message)
      // A changed bit in what pads the base64 changes nothing that it says.
      expect(got instanceof Uint8Array ? [...got] : got).toSatisfy(
        (seen) => seen === message || String(seen) === '1,2,3,4',
      )
    }
    await store.close()
  })

  test('STO-02 says that the disk is full, shows no half of a batch, and ends what it began at the next start', async () => {
    const measured = new FailingDisk(Number.POSITIVE_INFINITY)
    const store = await FilesStore.open(directory, log, measured)
    await store.batch(before)
    const { steps } = measured
    await store.batch(after)
    // The second batch took so much; all but its last 150 steps are its journal and its first files.
    const disk = new FailingDisk(measured.steps - steps - 150, 'ENOSPC')
    await store.batch([...before, { key: 'n/e/w', value: undefined }])
    await store.close()
    const full = await FilesStore.open(directory, log, disk)
    const remedy = 'the disk is full; make room or choose another directory with --data'
    await expect(full.batch(after)).rejects.toMatchObject({
      code: 'WriteFailed',
      message: `Cannot write to the store at ${directory}: ${remedy}`,
    })
    const later = `The store at ${directory} takes no more requests, because a write failed: ${remedy}. Start again to complete or undo it`
    await expect(full.list('')).rejects.toMatchObject({ code: 'ReadFailed', message: later })
    await expect(full.batch(before)).rejects.toMatchObject({ code: 'WriteFailed', message: later })
    await full.close()
    const again = await open()
    expect(await contentOf(again)).toBe(newContent)
    expect(logged).toEqual([expect.stringMatching(/^info Completed the last write of a run .*: [1-4] rows$/)])
    await again.close()
  })

  test('STO-02 removes what a killed run left beside its rows, and leaves the files of others alone', async () => {
    const store = await open()
    await store.batch(before)
    await store.close()
    await writeFile(join(directory, '.tmp-9'), 'half')
    await mkdir(join(directory, 'x', 'y'), { recursive: true })
    await writeFile(join(directory, 'notes.txt'), 'mine')
    const again = await open()
    expect((await readdir(directory)).sort()).toEqual([
      '.journal',
      '.lock',
      'a.json',
      'b',
      'gone.json',
      'notes.txt',
    ])
    expect(await contentOf(again)).toBe(oldContent)
    await again.close()
  })

  test('STO-02 refuses a second owner of the directory, and none once the first was killed', async () => {
    const holder = `
      const { FilesStore } = await import(${JSON.stringify(new URL('../../../relay/storage/files-store.ts', import.meta.url).href)})
      await FilesStore.open(process.argv[1], () => undefined)
      console.log('open')
      setInterval(() => undefined, 1000)`
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', holder, directory],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    await once(createInterface({ input: child.stdout }), 'line')
    await expect(open()).rejects.toMatchObject({
      code: 'OpenFailed',
      message: `Cannot open the store at ${directory}: another process uses it; stop that one or give this one a directory of its own with --data`,
    })
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
    await (await open()).close()
  })

  test('STO-02 can be copied while nothing runs, and read from the copy', async () => {
    const store = await open()
    await store.batch(before)
    await store.close()
    const copy = join(parent, 'copy')
    await cp(directory, copy, { recursive: true })
    await truncate(join(copy, '.journal'), 0)
    const again = await FilesStore.open(copy, log)
    expect(await contentOf(again)).toBe(oldContent)
    await again.close()
  })

  test('STO-02 names the path when its directory cannot be made', async () => {
    await writeFile(directory, '')
    await expect(open()).rejects.toMatchObject({
      code: 'OpenFailed',
      message: `Cannot open the store at ${directory}: a file stands where a directory is needed; move it away or choose another directory with --data`,
    })
  })
})
