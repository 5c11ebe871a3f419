import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { TaskArchive } from '../../../relay/storage/archive.ts'
import { BlobFiles } from '../../../relay/storage/blob-files.ts'
import { FilesStore } from '../../../relay/storage/files-store.ts'
import { SqliteStore } from '../../../relay/storage/sqlite-store.ts'
import { encodeCanonical } from '../../../shared/kernel/codec.ts'
import type { Store } from '../../../shared/storage/store.ts'
import { blobOf, hashOf } from '../../support/blob-net.ts'
import { describeOnSmallDisk, SmallDisk } from '../../support/small-disk.ts'
import { makeTask } from '../../support/task-fixtures.ts'

const MiB = 2 ** 20
const logged: string[] = []
const log = (level: string, message: string): void => void logged.push(`${level} ${message}`)
let disk: SmallDisk

/** Eight rows of one number, beside those of the batches before. */
const batch = (n: number) =>
  Array.from({ length: 8 }, (_, i) => ({ key: `batch/${n}/${i}`, value: new Uint8Array(300).fill(n) }))

/** Writes one batch after another until one is refused; gives how many were acknowledged, and the error. */
async function writeUntilRefused(store: Store, first: number): Promise<{ next: number; error: unknown }> {
  for (let n = first; ; n++) {
    try {
      await store.batch(batch(n))
    } catch (error) {
      return { next: n, error }
    }
  }
}

/** What is there, as numbers of batches; throws when one is there by half. */
async function batchesIn(store: Store): Promise<number> {
  const rows = await store.list('batch/')
  expect(rows.length % 8).toBe(0)
  const numbers = new Set(rows.map(({ key }) => Number(key.split('/')[1])))
  expect(numbers.size).toBe(rows.length / 8)
  return numbers.size
}

const stores = [
  {
    kind: 'sqlite',
    place: () => join(disk.path, 'state', 'state.sqlite'),
    open: (place: string): Promise<Store> => SqliteStore.open(place, log),
    full: 'the disk is full; make room and start again',
  },
  {
    kind: 'files',
    place: () => join(disk.path, 'state'),
    open: (place: string): Promise<Store> => FilesStore.open(place, log),
    full: 'the disk is full; make room or choose another directory with --data',
  },
]

describeOnSmallDisk('a disk that is full', () => {
  beforeEach(() => {
    disk = SmallDisk.mount(2 * MiB)
    logged.length = 0
  })
  afterEach(() => disk.unmount())

  for (const { kind, place, open, full } of stores) {
    test(`STO-01 ${kind} says so, and has every acknowledged batch and half of none when there is room again`, {
      timeout: 60_000,
    }, async () => {
      const store = await open(place())
      for (let n = 0; n < 20; n++) await store.batch(batch(n))
      disk.fill(20_000)
      const { next, error } = await writeUntilRefused(store, 20)
      expect(error).toMatchObject({
        code: 'WriteFailed',
        message: expect.stringContaining(`store at ${place()}`),
      })
      expect((error as Error).message).toContain(full.split(';')[0])
      await expect(store.batch(batch(next))).rejects.toMatchObject({ code: 'WriteFailed' })
      await store.close()
      // On the full disk it opens with everything, or says why not.
      const early = await open(place()).then(
        async (again) => {
          const count = await batchesIn(again)
          await again.close()
          return count
        },
        (refusal: Error) => refusal.message,
      )
      expect([next, next + 1, `Cannot open the store at ${place()}: ${full}`]).toContain(early)
      disk.empty()
      const again = await open(place())
      // The one that was refused may be there all the same, but whole.
      expect([next, next + 1]).toContain(await batchesIn(again))
      await again.batch(batch(next))
      await again.close()
    })

    test(`STO-01 ${kind} names the place when there is no room for it from the start`, async () => {
      await mkdir(join(disk.path, 'state'))
      disk.fill()
      // An empty file may still find room.
      const refusal = await open(place()).then(
        async (store) => {
          const { error } = await writeUntilRefused(store, 0)
          await store.close()
          return error
        },
        (error: unknown) => error,
      )
      expect((refusal as Error).message).toMatch(
        new RegExp(`^Cannot (open|write to) the store at ${place()}: ${full}$`),
      )
      disk.empty()
      await (await open(place())).close()
    })

    test(`STO-01 ${kind} says that its disk is read-only`, async () => {
      const store = await open(place())
      await store.batch(batch(0))
      await store.close()
      disk.makeReadOnly()
      await expect(open(place())).rejects.toMatchObject({
        code: 'OpenFailed',
        message: expect.stringMatching(
          new RegExp(`^Cannot open the store at ${place()}: the file system is read-only; choose another`),
        ),
      })
    })

    test(`STO-01 ${kind} notices that its folder was removed under it`, async () => {
      const store = await open(place())
      await store.batch(batch(0))
      await rm(join(disk.path, 'state'), { recursive: true })
      await expect(writeUntilRefused(store, 1)).resolves.toMatchObject({
        error: {
          code: 'WriteFailed',
          message: expect.stringContaining(
            'the file or its folder is gone; put it back, or restore it from a backup',
          ),
        },
      })
      await store.close()
    })
  }

  test('STO-07 a blob that does not fit is refused with the path, leaves nothing, and fits when there is room', async () => {
    const blobs = await BlobFiles.open(join(disk.path, 'blobs'))
    const kept = await blobs.put(blobOf(1, 100_000))
    disk.fill(200_000)
    const blob = blobOf(2, 300_000)
    await expect(blobs.put(blob)).rejects.toMatchObject({
      code: 'Full',
      message: `Cannot write ${join(disk.path, 'blobs', hashOf(blob).slice(0, 2), hashOf(blob))}: the disk is full; make room or choose another directory with --data`,
    })
    expect(await blobs.has(hashOf(blob))).toBe(false)
    expect(await blobs.get(kept)).toEqual(blobOf(1, 100_000))
    disk.empty()
    expect(await blobs.put(blob)).toBe(hashOf(blob))
    expect(await blobs.get(hashOf(blob))).toEqual(blob)
    await blobs.close()
  })

  test('STO-07 a draft takes what there is room for, and goes on from there, also after a restart', async () => {
    const folder = join(disk.path, 'blobs')
    const blob = blobOf(3, 400_000)
    const parts = Array.from({ length: 4 }, (_, i) => blob.subarray(i * 100_000, (i + 1) * 100_000))
    const blobs = await BlobFiles.open(folder)
    const draft = await blobs.draft(hashOf(blob), blob.length, 'peers')
    await draft.append(parts[0]!)
    disk.fill(50_000)
    await expect(draft.append(parts[1]!)).rejects.toMatchObject({
      code: 'Full',
      message: expect.stringContaining('the disk is full'),
    })
    expect(draft.receivedBytes).toBe(100_000)
    await expect(draft.append(parts[1]!)).rejects.toMatchObject({ code: 'Full' })
    await blobs.close()
    disk.empty()
    const again = await BlobFiles.open(folder)
    const rest = await again.draft(hashOf(blob), blob.length, 'peers')
    for (let at = rest.receivedBytes; at < blob.length; at = rest.receivedBytes)
      await rest.append(blob.subarray(at, at + 100_000))
    expect(await rest.finish()).toBe(true)
    expect(await again.get(hashOf(blob))).toEqual(blob)
    await again.close()
  })

  test('TSK-11 finished tasks stay where they are when the archive does not fit, and go there later', async () => {
    const rowOf = (key: string) => ({
      task: { ...makeTask(1).task, inputHash: hashOf(Buffer.from(key)) },
      transitions: [['failed', Date.UTC(2030, 0, 1)]],
      votes: [],
    })
    const archive = new TaskArchive({
      store: { get: async (key) => encodeCanonical(rowOf(key)) },
      folder: join(disk.path, 'archive'),
      log,
    })
    await archive.keep(['a'])
    disk.fill()
    const keys = Array.from({ length: 256 }, (_, i) => `a${i}`)
    await expect(archive.keep(keys)).rejects.toMatchObject({
      code: 'WriteFailed',
      message: `Cannot write to ${join(disk.path, 'archive', '2030-01.ndjson.gz')}: the disk is full; make room or choose another directory with --data`,
    })
    disk.empty()
    await archive.keep(keys)
    expect(logged).toEqual([expect.stringContaining('warn Dropped what was half written to ')])
  })
})
