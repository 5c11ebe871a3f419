import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { fileOfKey, keyOfFile } from '../../../relay/storage/file-names.ts'
import { FilesStore, type FilesStoreOptions } from '../../../relay/storage/files-store.ts'
import type { HostLog } from '../../../shared/host/host-log.ts'
import { Random } from '../../../shared/kernel/random.ts'
import type { StoreChange } from '../../../shared/storage/store.ts'
import { storeContract } from '../../contract/store.contract.ts'
import { propertyRuns } from '../../support/property-runs.ts'
import { quickFolder } from '../../support/quick-folder.ts'
import { FailingDisk } from './failing-disk.ts'

let parent: string
let directory: string
const logged: string[] = []
const log: HostLog = (level, message) => void logged.push(`${level} ${message}`)
const bytes = (...values: number[]): Uint8Array => Uint8Array.of(...values)

beforeEach(async () => {
  parent = await mkdtemp(join(quickFolder, 'tabmesh-files-'))
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
async function writeUntil(disk: FailingDisk, options: FilesStoreOptions): Promise<number> {
  const first = await open()
  await first.batch(before)
  await first.close()
  const store = await FilesStore.open(directory, log, { disk, ...options }).catch(() => undefined)
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
    await store.settle()
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

  const together = { idleMs: 600_000 }
  const eachBySelf = { journalBytesMax: 1, idleMs: 600_000 }
  for (const [what, options] of [
    ['together', together],
    ['each while the next is written', eachBySelf],
  ] as const) {
    test(`STO-02 leaves the old rows or the new ones, put into files ${what}, cut at any byte and step`, {
      timeout: 120_000,
    }, async () => {
      const whole = new FailingDisk(Number.POSITIVE_INFINITY)
      expect(await writeUntil(whole, options)).toBe(2)
      const seen = new Set<number>()
      for (let steps = 0; steps < whole.steps; steps++) {
        await rm(directory, { recursive: true })
        const disk = new FailingDisk(steps)
        const acknowledged = await writeUntil(disk, options)
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
  }

  test('STO-02 puts rows into their files by itself, those of a full journal and those that wait', async () => {
    const store = await FilesStore.open(directory, log, { journalBytesMax: 1, idleMs: 600_000 })
    await store.batch([{ key: 'a', value: bytes(1) }])
    await vi.waitFor(() => readFile(join(directory, 'a.json')), { interval: 5, timeout: 30_000 })
    await store.close()
    const idle = await FilesStore.open(directory, log, { idleMs: 1 })
    await idle.batch([
      { key: 'a', value: undefined },
      { key: 'b', value: bytes(1) },
    ])
    await vi.waitFor(() => readFile(join(directory, 'b.json')), { interval: 5, timeout: 30_000 })
    await idle.close()
    expect(await readdir(directory)).not.toContain('a.json')
  })

  test('STO-02 reads and lists rows wherever they are, under writes that never end', {
    timeout: 60_000,
  }, async () => {
    const store = await FilesStore.open(directory, log, { journalBytesMax: 2_000, idleMs: 1 })
    const truth = new Map<string, number>()
    const random = new Random(20_261_121)
    for (let round = 0; round < 150; round++) {
      const changes = Array.from({ length: 1 + random.below(8) }, () => ({
        key: `rows/${random.below(40)}`,
        value: random.below(4) === 0 ? undefined : bytes(round),
      }))
      for (const { key, value } of changes) {
        if (value === undefined) truth.delete(key)
        else truth.set(key, round)
      }
      await store.batch(changes)
      const key = `rows/${random.below(40)}`
      expect((await store.get(key))?.[0]).toBe(truth.get(key))
      const rows = await store.list('')
      expect(rows.map(({ key, value }) => [key, value[0]])).toEqual(
        [...truth].sort(([a], [b]) => (a < b ? -1 : 1)),
      )
    }
    await store.close()
    const again = await open()
    expect((await again.list('')).length).toBe(truth.size)
    expect(logged).toEqual([])
    await again.close()
  })

  /** The journals of a run that ended after three batches, with nothing in their files yet. */
  async function journalOf(
    batches: readonly (readonly StoreChange[])[],
  ): Promise<{ path: string; ends: number[] }> {
    const store = await FilesStore.open(directory, log, { idleMs: 600_000 })
    const ends: number[] = []
    const path = join(directory, '.journal')
    for (const changes of batches) {
      await store.batch(changes)
      ends.push((await readFile(path)).findLastIndex((byte) => byte !== 0) + 1)
    }
    const kept = join(parent, 'journal')
    await cp(path, kept)
    await store.close()
    return { path: kept, ends }
  }

  async function openedWith(name: string, journal: Uint8Array): Promise<string> {
    const undone = await mkdtemp(join(quickFolder, 'tabmesh-journal-'))
    try {
      await writeFile(join(undone, name), journal)
      const store = await FilesStore.open(undone, log)
      const content = await contentOf(store)
      await store.close()
      return content
    } catch (error) {
      return (error as Error).message.replace(undone, 'HERE').replace(undone, 'HERE')
    } finally {
      await rm(undone, { recursive: true })
    }
  }

  test('STO-02 takes of a journal that is cut at any byte the batches that are whole, and says what it did', {
    timeout: 60_000,
  }, async () => {
    const { path, ends } = await journalOf([before, after, last])
    const journal = await readFile(path)
    for (let end = 0; end <= ends[2]!; end++) {
      const whole = ends.filter((each) => each <= end).length
      expect(await openedWith('.journal', journal.subarray(0, end)), `${end} bytes`).toBe(
        ['', ...contents][whole],
      )
      const said = logged.splice(0)
      expect(said.length, `${end} bytes`).toBe(
        (whole > 0 ? 1 : 0) + (end === 0 || ends.includes(end) ? 0 : 1),
      )
      expect(said.every((line) => / Completed the last writes | Dropped a write /.test(line))).toBe(true)
    }
  })

  test('STO-02 drops the last batch of a journal or refuses it whole, whatever bit of it is changed', {
    timeout: 60_000,
  }, async () => {
    const { path, ends } = await journalOf([before, after])
    const journal = (await readFile(path)).subarray(0, ends[1])
    const refusal =
      'Cannot open the store at HERE: the journal HERE/.journal is damaged; restore the folder from a backup'
    for (let at = 0; at < journal.length; at++) {
      const changed = Buffer.from(journal)
      changed[at] = changed.readUInt8(at) ^ (1 << (at % 8))
      // What stands behind a damaged batch rests on it.
      expect(await openedWith('.journal', changed), `byte ${at}`).toBe(at < ends[0]! ? refusal : oldContent)
    }
  })

  test('STO-02 refuses a journal whose rows were going into their files, cut at any byte or changed in any', {
    timeout: 60_000,
  }, async () => {
    const measured = new FailingDisk(Number.POSITIVE_INFINITY)
    const store = await FilesStore.open(directory, log, { disk: measured, idleMs: 600_000 })
    await store.batch(before)
    await store.batch(after)
    measured.stopWhen('rename', join(directory, 'a.json'))
    await expect(store.settle()).rejects.toMatchObject({ code: 'WriteFailed' })
    await store.close()
    const whole = await readFile(join(directory, '.journal-old'))
    const journal = whole.subarray(0, whole.findLastIndex((byte) => byte !== 0) + 1)
    const refusal =
      'Cannot open the store at HERE: the journal HERE/.journal-old is damaged; restore the folder from a backup'
    expect(await openedWith('.journal-old', whole)).toBe(newContent)
    for (let at = 0; at < journal.length; at++) {
      expect(await openedWith('.journal-old', journal.subarray(0, at)), `${at} bytes`).toBe(refusal)
      const changed = Buffer.from(whole)
      changed[at] = changed.readUInt8(at) ^ (1 << (at % 8))
      expect(await openedWith('.journal-old', changed), `byte ${at}`).toBe(refusal)
    }
  })

  test('STO-02 refuses a row whose file is cut at any byte or changed in any, naming the file', {
    timeout: 60_000,
  }, async () => {
    const store = await open()
    await store.batch([{ key: 'a', value: bytes(1, 2, 3, 4) }])
    // As long as the journal has it, the row is read from there.
    await store.settle()
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

  test('STO-02 says that the disk is full, shows no half of a batch, and goes on at the next start from what it had', async () => {
    const disk = new FailingDisk(Number.POSITIVE_INFINITY, 'ENOSPC')
    const full = await FilesStore.open(directory, log, { disk })
    await full.batch(before)
    disk.stopAfter(50)
    const remedy = 'the disk is full; make room or choose another directory with --data'
    await expect(full.batch(after)).rejects.toMatchObject({
      code: 'WriteFailed',
      message: `Cannot write to the store at ${directory}: ${remedy}`,
    })
    const later = `The store at ${directory} takes no more requests, because a write failed: ${remedy}. Start again to complete or undo it`
    await expect(full.list('')).rejects.toMatchObject({ code: 'ReadFailed', message: later })
    await expect(full.batch(before)).rejects.toMatchObject({ code: 'WriteFailed', message: later })
    await full.close()
    expect(logged.splice(0)).toEqual(['warn Rows stay in the journal until the next start'])
    const again = await open()
    expect(await contentOf(again)).toBe(oldContent)
    expect(logged).toEqual([
      'info Completed the last writes of a run that ended without closing its store',
      'warn Dropped a write of a run that ended in the middle of it; it was not acknowledged',
    ])
    await again.close()
  })

  test('STO-02 keeps what was acknowledged when the disk fails before it is in its files', async () => {
    const disk = new FailingDisk(Number.POSITIVE_INFINITY)
    const store = await FilesStore.open(directory, log, { disk, idleMs: 1 })
    disk.stopWhen('rename', join(directory, 'b', 'c.json'))
    await store.batch(before)
    await vi.waitFor(() => expect(store.get('a')).rejects.toMatchObject({ code: 'ReadFailed' }), {
      interval: 5,
      timeout: 30_000,
    })
    await expect(store.batch(after)).rejects.toMatchObject({ code: 'WriteFailed' })
    await store.close()
    const again = await open()
    expect(await contentOf(again)).toBe(oldContent)
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
    expect((await stat(join(copy, '.journal'))).size).toBe(0)
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
