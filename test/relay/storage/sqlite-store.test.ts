import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SqliteStore } from '../../../relay/storage/sqlite-store.ts'
import { Random } from '../../../shared/kernel/random.ts'
import { storeContract } from '../../contract/store.contract.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tabmesh-sqlite-'))
})

afterEach(() => rm(directory, { recursive: true, force: true }))

const writer = new URL('./fixtures/batch-writer.ts', import.meta.url).pathname

function startWriter(path: string, batches: number, env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', writer, path, String(batches)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
}

describe('SQLite store', () => {
  for (const { name, run } of storeContract) {
    test(`STO-01 ${name}`, () => run({ open: () => SqliteStore.open(join(directory, 'store.db')) }))
  }

  test('STO-02 makes missing directories open to their owner only, and the files too', async () => {
    const store = await SqliteStore.open(join(directory, 'a', 'b', 'store.db'))
    await store.batch([{ key: 'a', value: Uint8Array.of(1) }])
    expect((await stat(join(directory, 'a', 'b'))).mode & 0o777).toBe(0o700)
    for (const name of await readdir(join(directory, 'a', 'b'))) {
      expect((await stat(join(directory, 'a', 'b', name))).mode & 0o077, name).toBe(0)
    }
    await store.close()
  })

  test('STO-01 has every acknowledged batch, whole, after kill -9 at any moment', {
    timeout: 60_000,
  }, async () => {
    const path = join(directory, 'store.db')
    let acknowledged = -1
    for (const killAfter of [1, 7, 40, 133]) {
      const child = startWriter(path, 1_000_000)
      const exited = once(child, 'exit')
      let seen = 0
      for await (const line of createInterface({ input: child.stdout! })) {
        acknowledged = Number(line)
        seen += 1
        if (seen === killAfter) child.kill('SIGKILL')
      }
      await exited
      const store = await SqliteStore.open(path)
      const head = await store.get('head')
      const last = new DataView(head!.buffer, head!.byteOffset).getUint32(0)
      expect(last).toBeGreaterThanOrEqual(acknowledged)
      const rows = await store.list('batch/')
      expect(rows.length).toBe(16 * (last + 1))
      const perBatch = new Map<string, number>()
      for (const { key } of rows)
        perBatch.set(key.split('/')[1]!, (perBatch.get(key.split('/')[1]!) ?? 0) + 1)
      expect([...perBatch.values()].every((count) => count === 16)).toBe(true)
      await store.close()
    }
  })

  /** What a relay that was killed leaves: `batches` of two rows, and where in the log the table and each of them end. */
  async function leftWithLog(batches: number): Promise<{ database: Buffer; log: Buffer; ends: number[] }> {
    const path = join(directory, 'store.db')
    const store = await SqliteStore.open(path)
    const ends = [(await stat(`${path}-wal`)).size]
    for (let n = 1; n <= batches; n++) {
      const value = new Uint8Array(3_000).fill(n)
      await store.batch([
        { key: `batch/${n}/a`, value },
        { key: `batch/${n}/b`, value },
      ])
      ends.push((await stat(`${path}-wal`)).size)
    }
    const [database, log] = await Promise.all([readFile(path), readFile(`${path}-wal`)])
    await store.close()
    return { database, log, ends }
  }

  let copies = 0

  /** The whole batches of a copy with this log, or why it does not open. */
  async function openedWith(database: Buffer, log: Buffer): Promise<number | string> {
    const path = join(directory, `copy-${++copies}`, 'store.db')
    await mkdir(dirname(path))
    await Promise.all([writeFile(path, database), writeFile(`${path}-wal`, log)])
    logged.length = 0
    let store: SqliteStore
    try {
      store = await SqliteStore.open(path, (level, message) => logged.push(`${level} ${message}`))
    } catch (error) {
      return (error as Error).message.replaceAll(dirname(path), 'HERE')
    }
    const keys = (await store.list('batch/')).map(({ key }) => key)
    await store.close()
    const whole = keys.length / 2
    const expected = Array.from({ length: whole }, (_, n) => [`batch/${n + 1}/a`, `batch/${n + 1}/b`])
    expect(keys).toEqual(expected.flat())
    return whole
  }

  const logged: string[] = []
  const completed = 'info Completed the last writes of a run that ended without closing its store'
  const dropped = 'warn Dropped a write of a run that ended in the middle of it; it was not acknowledged'

  test('STO-01 takes of a log that is cut anywhere the batches that are whole, and says what it did', {
    timeout: 60_000,
  }, async () => {
    const { database, log, ends } = await leftWithLog(9)
    const random = new Random(1)
    const cuts = [0, 1, 31, 32, 33, ...ends, ...ends.map((end) => end - 1), ...ends.map((end) => end + 1)]
    while (cuts.length < 70) cuts.push(random.below(log.length))
    for (const cut of cuts.filter((each) => each <= log.length)) {
      const commits = ends.filter((end) => end <= cut).length
      expect(await openedWith(database, log.subarray(0, cut)), `${cut} bytes`).toBe(Math.max(0, commits - 1))
      expect(logged.includes(completed), `${cut} bytes`).toBe(commits > 0)
      expect(logged.includes(dropped), `${cut} bytes`).toBe(cut > 32 && !ends.includes(cut))
    }
  })

  test('STO-01 drops the last batch of a log or refuses the log, whatever bit of it is changed', {
    timeout: 60_000,
  }, async () => {
    const { database, log, ends } = await leftWithLog(5)
    const refusal =
      'Cannot open the store at HERE/store.db: its write-ahead log HERE/store.db-wal is damaged, and acknowledged writes with it; restore the folder from a backup, or remove that file to go on without its last writes'
    const random = new Random(2)
    const places = Array.from({ length: 40 }, () => random.below(log.length))
    const [before, last] = ends.slice(-2) as [number, number]
    // With other salts the page that ends a commit is one of an earlier log, and then what follows it may be its commit.
    const salts = before - 4_096 - 16
    for (const at of [...places, 0, 8, 24, 31, 32, before - 1, before, before + 1, last - 1]) {
      if (at >= salts && at < salts + 8) continue
      const changed = Buffer.from(log)
      changed[at] = changed.readUInt8(at) ^ (1 << (at % 8))
      expect(await openedWith(database, changed), `byte ${at}`).toBe(at < before ? refusal : 4)
    }
  })

  test('STO-01 refuses a log whose database is gone', async () => {
    const { log } = await leftWithLog(3)
    expect(await openedWith(Buffer.alloc(0), log)).toBe(
      'Cannot open the store at HERE/store.db: it is gone or empty, and its write-ahead log HERE/store.db-wal is there; restore both from a backup',
    )
  })

  test('STO-01 says of a store that is being written to that it is in use, and never that it is damaged', {
    timeout: 60_000,
  }, async () => {
    const path = join(directory, 'store.db')
    const child = startWriter(path, 1_000_000)
    const exited = once(child, 'exit')
    await once(createInterface({ input: child.stdout! }), 'line')
    const refused = await Promise.all(
      Array.from({ length: 8 }, () => SqliteStore.open(path).catch((error: Error) => error.message)),
    )
    child.kill('SIGKILL')
    await exited
    for (const message of refused) expect(message).toContain('another process uses it')
  })

  test('STO-01 refuses a second process on the same file, naming it', async () => {
    const path = join(directory, 'store.db')
    const child = startWriter(path, 1_000_000)
    const exited = once(child, 'exit')
    await once(createInterface({ input: child.stdout! }), 'line')
    await expect(SqliteStore.open(path)).rejects.toMatchObject({
      name: 'StorageError',
      code: 'OpenFailed',
      message: `Cannot open the store at ${path}: another process uses it; stop that one or give this one a directory of its own with --data`,
    })
    child.kill('SIGKILL')
    await exited
    await (await SqliteStore.open(path)).close()
  })

  test('STO-01 says so when the disk is full, keeps what it had and half of nothing', {
    timeout: 60_000,
  }, async () => {
    const path = join(directory, 'store.db')
    // A file size limit stands in for a full disk: SQLite sees the same failed write.
    const child = spawn(
      'bash',
      ['-c', `trap '' XFSZ; ulimit -f 512; exec "$@"`, 'bash', process.execPath, writer, path, '100000'],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    )
    const exited = once(child, 'exit')
    const lines: string[] = []
    for await (const line of createInterface({ input: child.stdout! })) lines.push(line)
    expect(await exited).toEqual([3, null])
    expect(lines.at(-1)).toMatch(/^WriteFailed Cannot write to the store at .*store\.db: /)
    const acknowledged = Number(lines.at(-2))
    expect(acknowledged).toBeGreaterThan(0)
    const store = await SqliteStore.open(path)
    expect((await store.list('batch/')).length).toBe(16 * (acknowledged + 1))
    await store.close()
  })

  test('STO-01 names the path and the remedy when the directory cannot be made', async () => {
    const file = join(directory, 'a-file')
    await writeFile(file, '')
    await expect(SqliteStore.open(join(file, 'below', 'store.db'))).rejects.toMatchObject({
      code: 'OpenFailed',
      message: `Cannot create the data directory ${join(file, 'below')}: a file stands where a directory is needed; move it away or choose another directory with --data`,
    })
  })

  test('STO-01 names the path when a directory stands where the file should be', async () => {
    const path = join(directory, 'store.db')
    await mkdir(path)
    await expect(SqliteStore.open(path)).rejects.toMatchObject({
      code: 'OpenFailed',
      message: expect.stringContaining(`Cannot open the store at ${path}: a directory stands`),
    })
  })

  test('STO-01 refuses a file that is no database and leaves it as it was', async () => {
    const path = join(directory, 'store.db')
    await writeFile(path, 'this is no database, and long enough to be read as a header of one'.repeat(20))
    const before = await stat(path)
    await expect(SqliteStore.open(path)).rejects.toMatchObject({
      code: 'OpenFailed',
      message: `Cannot open the store at ${path}: the file is no database; move it away or restore it from a backup`,
    })
    expect((await stat(path)).size).toBe(before.size)
  })

  test('STO-01 names the path and the remedy when the directory is not writable', async () => {
    const path = join(directory, 'store.db')
    await chmod(directory, 0o555)
    const child = startWriter(path, 1, process.getuid?.() === 0 ? { TEST_UID: '65534' } : {})
    const [output] = await Promise.all([text(child.stdout!), once(child, 'exit')])
    await chmod(directory, 0o700)
    expect(output.trim()).toBe(
      `OpenFailed Cannot open the store at ${path}: this user may not write there; give it the rights or choose another directory with --data`,
    )
  })
})
