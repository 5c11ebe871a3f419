import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { BlobFiles } from '../../../relay/storage/blob-files.ts'
import type { Hash } from '../../../shared/kernel/ids.ts'
import { blobStoreContract } from '../../contract/blob-store.contract.ts'
import { blobOf, hashOf } from '../../support/blob-net.ts'

let parent: string
let directory: string

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'tabmesh-blobs-'))
  directory = join(parent, 'blobs')
})

afterEach(() => rm(parent, { recursive: true, force: true }))

const pathOf = (hash: Hash): string => join(directory, hash.slice(0, 2), hash)

async function damage(hash: Hash): Promise<void> {
  const file = await open(pathOf(hash), 'r+')
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, 0)
  await file.write(Uint8Array.of(buffer.readUInt8(0) ^ 1), 0, 1, 0)
  await file.close()
}

describe('blobs as files', () => {
  for (const { name, run } of blobStoreContract) {
    test(`STO-07 ${name}`, () =>
      run({ open: (limits, clock) => BlobFiles.open(directory, limits, clock), damage }))
  }

  test('STO-07 keeps directories 0700, files 0600 and no drafts', async () => {
    const store = await BlobFiles.open(directory)
    const hash = await store.put(new Uint8Array(10))
    expect((await stat(directory)).mode & 0o777).toBe(0o700)
    expect((await stat(join(directory, hash.slice(0, 2)))).mode & 0o777).toBe(0o700)
    expect((await stat(pathOf(hash))).mode & 0o777).toBe(0o600)
    expect(await readdir(join(directory, 'drafts'))).toEqual([])
    await store.close()
  })

  test('STO-07 removes the drafts of a run that was killed and ignores foreign files', async () => {
    await mkdir(join(directory, 'drafts'), { recursive: true })
    await writeFile(join(directory, 'drafts', 'half'), 'half')
    await mkdir(join(directory, 'ab'))
    await writeFile(join(directory, 'ab', 'README'), 'not a blob')
    const store = await BlobFiles.open(directory, { blobBytesMax: 10, totalBytesMax: 10 })
    expect(await readdir(join(directory, 'drafts'))).toEqual([])
    await store.put(new Uint8Array(10))
    await store.close()
  })

  test('STO-07 does not give out a blob that was cut off', async () => {
    const store = await BlobFiles.open(directory)
    const hash = await store.put(new Uint8Array(1000))
    await truncate(pathOf(hash), 500)
    expect(await store.get(hash)).toBeUndefined()
    expect(await store.put(new Uint8Array(1000))).toBe(hash)
    expect((await readFile(pathOf(hash))).length).toBe(1000)
    await store.close()
  })

  test('STO-07 has every acknowledged blob, whole, after kill -9', { timeout: 60_000 }, async () => {
    const writer = new URL('./fixtures/blob-writer.ts', import.meta.url).pathname
    const acknowledged: Hash[] = []
    for (const killAfter of [1, 25]) {
      const child = spawn(process.execPath, [writer, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
      const exited = once(child, 'exit')
      let seen = 0
      for await (const line of createInterface({ input: child.stdout })) {
        acknowledged.push(line as Hash)
        seen += 1
        if (seen === killAfter) child.kill('SIGKILL')
      }
      await exited
    }
    const store = await BlobFiles.open(directory)
    for (const hash of acknowledged) expect((await store.get(hash))?.length).toBe(100_000)
    await store.close()
  })

  test('STO-07 goes on with a draft after kill -9 between its chunks', { timeout: 60_000 }, async () => {
    const writer = new URL('./fixtures/draft-writer.ts', import.meta.url).pathname
    const blob = blobOf(1, 8 * 2 ** 20)
    const hash = hashOf(blob)
    let acknowledged = 0
    for (const killAfter of [2, 10, 30]) {
      const child = spawn(process.execPath, [writer, directory, hash], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const exited = once(child, 'exit')
      let seen = 0
      for await (const line of createInterface({ input: child.stdout })) {
        if (line.startsWith('from ')) {
          expect(Number(line.slice(5))).toBeGreaterThanOrEqual(acknowledged)
          continue
        }
        acknowledged = Number(line)
        if (++seen === killAfter) child.kill('SIGKILL')
      }
      await exited
    }
    const store = await BlobFiles.open(directory)
    const draft = await store.draft(hash, blob.length, 'peers')
    expect(draft.receivedBytes).toBeGreaterThanOrEqual(acknowledged)
    await draft.append(blob.subarray(draft.receivedBytes))
    expect(await draft.finish()).toBe(true)
    expect(hashOf((await store.get(hash))!)).toBe(hash)
    await store.close()
  })

  test('STO-07 a draft that was damaged on the disk is not taken for the blob', async () => {
    const blob = blobOf(2, 300_000)
    const hash = hashOf(blob)
    const before = await BlobFiles.open(directory)
    const half = await before.draft(hash, blob.length, 'peers')
    await half.append(blob.subarray(0, 200_000))
    await before.close()
    await writeFile(join(directory, 'drafts', `${hash}.peers.${blob.length}`), new Uint8Array(200_000))
    const store = await BlobFiles.open(directory)
    const draft = await store.draft(hash, blob.length, 'peers')
    await draft.append(blob.subarray(draft.receivedBytes))
    expect(await draft.finish()).toBe(false)
    expect(await readdir(join(directory, 'drafts'))).toEqual([])
    await store.close()
  })

  test('STO-07 keeps the order of use over a restart, in the times of its files', async () => {
    let now = Date.now()
    const limits = { blobBytesMax: 1_000, totalBytesMax: 2_000, evicts: true }
    const before = await BlobFiles.open(directory, limits, () => now)
    const [old, fresh] = [await before.put(blobOf(1, 1_000)), await before.put(blobOf(2, 1_000))]
    now += 3_600_000
    await before.get(old)
    await before.close()
    const { utimes } = await import('node:fs/promises')
    await utimes(pathOf(fresh), new Date(now - 60_000), new Date(now - 60_000))
    await utimes(pathOf(old), new Date(now), new Date(now))
    const store = await BlobFiles.open(directory, limits, () => now)
    await store.put(blobOf(3, 500))
    expect([await store.has(old), await store.has(fresh)]).toEqual([true, false])
    await store.close()
  })

  test('STO-07 names the path and the remedy when its directory cannot be made', async () => {
    await writeFile(directory, '')
    await expect(BlobFiles.open(directory)).rejects.toMatchObject({
      name: 'StorageError',
      code: 'OpenFailed',
      message: `Cannot open ${directory}: a file stands where a directory is needed; move it away or choose another directory with --data`,
    })
  })

  test('STO-07 names the path when a blob cannot be written, and counts nothing for it', async () => {
    const store = await BlobFiles.open(directory, { blobBytesMax: 10, totalBytesMax: 10 })
    const drafts = join(directory, 'drafts')
    await rm(drafts, { recursive: true })
    await writeFile(drafts, '')
    await expect(store.put(new Uint8Array(10))).rejects.toMatchObject({
      code: 'WriteFailed',
      message: expect.stringMatching(
        /^Cannot write .*blobs\/01\/[0-9a-f]{64}: a file stands where a directory is/,
      ),
    })
    await rm(drafts)
    await mkdir(drafts)
    await store.put(new Uint8Array(10))
    await store.close()
  })
})
