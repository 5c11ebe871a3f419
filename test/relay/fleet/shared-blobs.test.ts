import { describe, expect, test } from 'vitest'
import { FleetBlobs } from '../../../relay/fleet/fleet-blobs.ts'
import { SharedBlobs } from '../../../relay/fleet/shared-blobs.ts'
import type { Hash } from '../../../shared/kernel/ids.ts'
import { DiskProcess, SharedDisk } from '../../support/shared-disk.ts'
import { MemoryBlobs } from '../http/memory-blobs.ts'

const dayMs = 24 * 60 * 60_000
const MiB = 2 ** 20
const bytesOf = (size: number, seed = 1) =>
  Uint8Array.from({ length: size }, (_, i) => (i * 7 + (i >> 9) + seed) & 255)

class Rig {
  readonly disk = new SharedDisk()
  now = 20_000 * dayMs
  readonly #totalBytesMax: number

  constructor(totalBytesMax = 64 * MiB) {
    this.#totalBytesMax = totalBytesMax
  }

  relay() {
    const process = new DiskProcess({ disk: this.disk })
    const local = new MemoryBlobs()
    const shared = new SharedBlobs({
      store: process.connect(),
      totalBytesMax: this.#totalBytesMax,
      clock: () => this.now,
    })
    return { process, local, shared, blobs: new FleetBlobs(local, shared) }
  }

  meta(hash: Hash) {
    return this.disk.json(`blob/${hash}`) as { sizeBytes: number; isWhole: boolean; day: number } | undefined
  }
}

describe('TSK-14 blobs outlive the disk of the relay that has them', () => {
  test.each([0, 1, 524_287, 524_288, 524_289, 3 * MiB + 5])('of %i bytes', async (size) => {
    const rig = new Rig()
    const bytes = bytesOf(size)
    const { blobs } = rig.relay()
    const hash = await blobs.put(bytes)
    await blobs.share([hash], false)
    const other = rig.relay()
    expect(await other.blobs.sizeOf(hash)).toBe(size)
    expect(await other.blobs.has(hash)).toBe(true)
    expect(await other.blobs.read(hash, Math.floor(size / 2), 10)).toEqual(
      bytes.slice(Math.floor(size / 2), Math.floor(size / 2) + 10),
    )
    expect(await other.blobs.get(hash)).toEqual(bytes)
    // From now on it is there too.
    expect(await other.local.has(hash)).toBe(true)
  })

  test('but not what was merely uploaded, and nothing that nobody has', async () => {
    const rig = new Rig()
    const hash = await rig.relay().blobs.put(bytesOf(100))
    const other = rig.relay()
    expect([
      await other.blobs.has(hash),
      await other.blobs.get(hash),
      await other.blobs.read(hash, 0, 1),
    ]).toEqual([false, undefined, undefined])
    expect(rig.disk.keys()).toEqual([])
  })

  test('once, however many share it and how often', async () => {
    const rig = new Rig()
    const writes: string[] = []
    rig.disk.onChange = ({ key }) => writes.push(key)
    const [one, two] = [rig.relay(), rig.relay()]
    const hash = await one.blobs.put(bytesOf(2 * MiB))
    await two.blobs.put(bytesOf(2 * MiB))
    await Promise.all([one.blobs.share([hash, hash], false), one.blobs.share([hash], true)])
    await two.blobs.share([hash], true)
    await one.blobs.share([hash], true)
    expect(writes.filter((key) => key.startsWith('chunk/')).length).toBe(4)
    const { requests } = one.process
    await one.blobs.share([hash], true)
    expect(one.process.requests).toBe(requests)
  })

  test('whole or not at all, whenever the one who shares it dies', async () => {
    const bytes = bytesOf(600_000)
    for (let atRequest = 1; ; atRequest++) {
      const rig = new Rig()
      const { promise: death, resolve: died } = Promise.withResolvers<'dead'>()
      const process = new DiskProcess({
        disk: rig.disk,
        death: { atRequest, isCarriedOut: true },
        died: () => died('dead'),
      })
      const local = new MemoryBlobs()
      const hash = await local.put(bytes)
      const shared = new SharedBlobs({
        store: process.connect(),
        totalBytesMax: 64 * MiB,
        clock: () => rig.now,
      })
      const end = await Promise.race([shared.keep(hash, local, false), death])
      const found = await rig.relay().blobs.get(hash)
      expect(found === undefined || Buffer.compare(found, bytes) === 0).toBe(true)
      // And whoever has it finishes it.
      const other = rig.relay()
      await other.local.put(bytes)
      await other.blobs.share([hash], false)
      expect(await rig.relay().blobs.get(hash)).toEqual(bytes)
      if (end !== 'dead') break
    }
  })

  test('a damaged copy counts as not there, and is made anew by who has a right one', async () => {
    for (const damage of ['wrong byte', 'short', 'missing'] as const) {
      const rig = new Rig()
      const bytes = bytesOf(MiB)
      const one = rig.relay()
      const hash = await one.blobs.put(bytes)
      await one.blobs.share([hash], false)
      const key = `chunk/${hash}/0001`
      if (damage === 'missing') rig.disk.rows.delete(key)
      else if (damage === 'short') rig.disk.rows.set(key, bytes.slice(0, 100))
      else rig.disk.rows.set(key, bytes.slice(0, 524_288).fill(9, 5, 6))
      expect(await rig.relay().blobs.get(hash)).toBeUndefined()
      const fresh = rig.relay()
      await fresh.local.put(bytes)
      await fresh.blobs.share([hash], true)
      expect(await rig.relay().blobs.get(hash)).toEqual(bytes)
    }
  })

  test('what is too much to be accepted is refused; outputs of what was accepted are not', async () => {
    const rig = new Rig(1.5 * MiB)
    const { blobs } = rig.relay()
    const [first, second] = [await blobs.put(bytesOf(MiB, 1)), await blobs.put(bytesOf(MiB, 2))]
    await blobs.share([first], false)
    await expect(blobs.share([second], false)).rejects.toMatchObject({ name: 'BlobRefusal', code: 'Full' })
    expect(rig.meta(second)).toBeUndefined()
    await blobs.share([second], true)
    expect(rig.meta(second)?.isWhole).toBe(true)
  })

  test('a relay that starts knows by its first sweep how much is there', async () => {
    const rig = new Rig(1.5 * MiB)
    const one = rig.relay()
    await one.blobs.share([await one.blobs.put(bytesOf(MiB, 1))], false)
    const other = rig.relay()
    await other.blobs.sweep(7 * dayMs, 1_000)
    const second = await other.blobs.put(bytesOf(MiB, 2))
    await expect(other.blobs.share([second], false)).rejects.toMatchObject({ code: 'Full' })
  })
})

describe('STO-07 shared blobs go by retention', () => {
  test('when nobody used them for so long, with all their parts', async () => {
    const rig = new Rig()
    const { blobs } = rig.relay()
    const hash = await blobs.put(bytesOf(MiB))
    await blobs.share([hash], false)
    rig.now += 7 * dayMs
    await blobs.sweep(7 * dayMs, 1_000)
    expect(rig.meta(hash)).toBeDefined()
    rig.now += dayMs
    await rig.relay().blobs.sweep(7 * dayMs, 1_000)
    expect(rig.disk.keys()).toEqual([])
    // The relay that knew it goes by what is there, not by what it remembers.
    await blobs.share([hash], false)
    expect(rig.meta(hash)?.isWhole).toBe(true)
  })

  test('not while a relay needs them, whichever sweeps', async () => {
    const rig = new Rig()
    const [one, other] = [rig.relay(), rig.relay()]
    const hash = await one.blobs.put(bytesOf(MiB))
    await one.blobs.share([hash], false)
    one.blobs.protect(() => [hash])
    for (let day = 0; day < 20; day++) {
      rig.now += dayMs
      await one.blobs.sweep(7 * dayMs, 1_000)
      await other.blobs.sweep(7 * dayMs, 1_000)
    }
    expect(await rig.relay().blobs.has(hash)).toBe(true)
  })

  test('not when one is used at the very moment that another would delete it', async () => {
    const rig = new Rig()
    const [one, other] = [rig.relay(), rig.relay()]
    const hash = await one.blobs.put(bytesOf(MiB))
    await one.blobs.share([hash], false)
    rig.now += 30 * dayMs
    await Promise.all([other.blobs.sweep(7 * dayMs, 1_000), one.blobs.share([hash], false)])
    expect(await rig.relay().blobs.get(hash)).toEqual(bytesOf(MiB))
  })
})
