import { afterEach, describe, expect, test, vi } from 'vitest'
import type { BlobProgress } from '../../shared/host/blob-fetch.ts'
import { chunkFrame } from '../../shared/host/blob-frames.ts'
import { concatBytes } from '../../shared/kernel/bytes.ts'
import { Random } from '../../shared/kernel/random.ts'
import { blobBytesMax, chunkBytesMax } from '../../shared/storage/blob-store.ts'
import { BlobNet, blobOf, hashOf } from '../support/blob-net.ts'

const MiB = 2 ** 20
const named = (bytes: Uint8Array | undefined): string | undefined => bytes && hashOf(bytes)

afterEach(() => {
  vi.useRealTimers()
})

/** A tab that wants a blob of 3 MiB, a peer that names it, and a relay that has it too. */
async function netOf(sizeBytes = 3 * MiB) {
  const net = new BlobNet()
  const [tab, first, second] = [net.node('tab'), net.node('first'), net.node('second')]
  tab.relays = [second.id]
  const blob = blobOf(1, sizeBytes)
  await Promise.all([first.store.put(blob), second.store.put(blob)])
  return { net, tab, first, second, blob, hash: hashOf(blob) }
}

/** Cuts the link to the first source when so many chunks have left it. */
function cutAfter({ net, tab, first }: Awaited<ReturnType<typeof netOf>>, chunks: number): void {
  let left = chunks
  net.tamper = ({ from }, frame) => {
    if (from !== first.id || frame.kind !== 'chunk') return undefined
    if (left-- === 0) setImmediate(() => net.cut(tab, first))
    return left < 0 ? [] : undefined
  }
}

describe('STO-07 a blob of many chunks', () => {
  test('comes in chunks of at most 256 KiB, a few at a time, and says how far it is', async () => {
    const { net, tab, first, blob, hash } = await netOf(5 * MiB + 17)
    const seen: BlobProgress[] = []
    const stop = tab.exchange.onProgress((progress) => seen.push(progress))
    let under = 0
    let most = 0
    net.tamper = (_, frame) => {
      if (frame.kind === 'want') under += frame.length
      if (frame.kind === 'chunk') under -= frame.bytes.length
      most = Math.max(most, under)
      return undefined
    }
    expect(named(await tab.exchange.get(hash, first.id))).toBe(hash)
    expect(Math.max(...net.wants().map(({ length }) => length))).toBe(chunkBytesMax)
    expect(most).toBeLessThanOrEqual(MiB)
    expect(seen.map(({ receivedBytes }) => receivedBytes)).toEqual(
      [...seen.map(({ receivedBytes }) => receivedBytes)].sort((a, b) => a - b),
    )
    expect(seen.at(-1)).toEqual({ hash, receivedBytes: blob.length, totalBytes: blob.length })
    stop()
    const before = seen.length
    await tab.store.delete(hash)
    await tab.exchange.get(hash, first.id)
    expect(seen.length).toBe(before)
  })

  test('is gone on with where it stopped when its source comes back', async () => {
    const rig = await netOf()
    const { net, tab, first, hash } = rig
    tab.relays = []
    cutAfter(rig, 8)
    expect(await tab.exchange.get(hash, first.id)).toBeUndefined()
    const received = (await tab.store.draftOf(hash, 'peers'))!.receivedBytes
    expect(received).toBeGreaterThan(500_000)
    net.join(tab, first)
    net.tamper = () => undefined
    net.log.length = 0
    expect(named(await tab.exchange.get(hash, first.id))).toBe(hash)
    expect(net.wants()[0]!.offset).toBe(received)
  })

  test('is gone on with from another source when the first vanishes', async () => {
    const rig = await netOf()
    const { net, tab, first, second, hash } = rig
    cutAfter(rig, 8)
    expect(named(await tab.exchange.get(hash, first.id))).toBe(hash)
    expect(net.wants(second)[0]!.offset).toBeGreaterThan(500_000)
    expect(tab.misbehaved.filter(({ reason }) => reason === 'wrong')).toEqual([])
  })

  test('is left to a new source when the first is silent', async () => {
    vi.useFakeTimers()
    const { net, tab, first, second, hash } = await netOf()
    tab.relays = []
    net.delayMs = () => 1
    net.tamper = ({ from }, frame) => (from === first.id && frame.kind === 'chunk' ? [] : undefined)
    const slow = tab.exchange.get(hash, first.id)
    await vi.advanceTimersByTimeAsync(1_000)
    const fast = tab.exchange.get(hash, second.id)
    await vi.advanceTimersByTimeAsync(7_000)
    expect(net.wants(first).length).toBe(1)
    expect([await slow, await fast].map(named)).toEqual([hash, hash])
  })

  test('is left to a new source when the first drips', async () => {
    vi.useFakeTimers()
    const { net, tab, first, second, blob, hash } = await netOf()
    // One chunk every 4 s, whatever is asked for.
    let free = Date.now()
    net.delayMs = ({ from }) => {
      if (from !== first.id) return 1
      free = Math.max(free, Date.now()) + 4_000
      return free - Date.now()
    }
    const got = tab.exchange.get(hash, first.id)
    await vi.advanceTimersByTimeAsync(1_000)
    const other = tab.exchange.ensure([{ hash, sizeBytes: blob.length }], second.id)
    await vi.advanceTimersByTimeAsync(180_000)
    expect(net.wants(second).length).toBeGreaterThan(0)
    expect([named(await got), await other]).toEqual([hash, true])
    expect(net.wants(second).length).toBeGreaterThan(0)
  })
})

describe('STO-07 sources that lie', () => {
  const flip = (frame: Uint8Array): Uint8Array => {
    const wrong = new Uint8Array(frame)
    wrong[wrong.length - 1]! ^= 1
    return wrong
  }

  test('wrong bytes are thrown away as a whole, and their source is not asked again', async () => {
    const { net, tab, first, second, hash } = await netOf()
    net.tamper = (parcel, frame) =>
      parcel.from === first.id && frame.kind === 'chunk' && frame.offset > MiB
        ? [flip(parcel.frame)]
        : undefined
    expect(named(await tab.exchange.get(hash, first.id))).toBe(hash)
    expect(tab.misbehaved).toEqual([{ peer: first.id, reason: 'wrong' }])
    expect(net.wants(second)[0]!.offset).toBe(0)
    await tab.store.delete(hash)
    net.log.length = 0
    expect(named(await tab.exchange.get(hash, first.id))).toBe(hash)
    expect(net.wants(first)).toEqual([])
  })

  test('what two sources made wrong together is taken from one as a whole, and nobody is blamed for it', async () => {
    const rig = await netOf()
    const { net, tab, first, second, hash } = rig
    let left = 8
    net.tamper = (parcel, frame) => {
      if (parcel.from !== first.id || frame.kind !== 'chunk') return undefined
      if (left-- === 0) setImmediate(() => net.cut(tab, first))
      return [flip(parcel.frame)]
    }
    expect(named(await tab.exchange.get(hash, first.id))).toBe(hash)
    expect(tab.misbehaved.filter(({ reason }) => reason === 'wrong')).toEqual([])
    const offsets = net.wants(second).map(({ offset }) => offset)
    expect(offsets[0]).toBeGreaterThan(0)
    expect(offsets).toContain(0)
  })

  test('one that is to be taken from one peer is begun anew when that peer vanishes, too', async () => {
    const { net, tab, first, second, blob, hash } = await netOf()
    const third = net.node('third')
    await third.store.put(blob)
    tab.relays = [second.id, third.id]
    const left = new Map([
      [first.id, 8],
      [third.id, 8],
    ])
    net.tamper = (parcel, frame) => {
      const more = left.get(parcel.from)
      if (more === undefined || frame.kind !== 'chunk') return undefined
      left.set(parcel.from, more - 1)
      if (more === 0) setImmediate(() => net.cut(tab, parcel.from === first.id ? first : third))
      return [parcel.from === first.id ? flip(parcel.frame) : parcel.frame]
    }
    expect(named(await tab.exchange.get(hash, first.id))).toBe(hash)
    expect(net.wants(third)[0]!.offset).toBe(0)
    const last = net.log.findLastIndex(({ to, frame }) => to === third.id && frame.kind === 'want')
    const then = net.log.slice(last).find(({ to, frame }) => to === second.id && frame.kind === 'want')
    expect(then?.frame).toMatchObject({ offset: 0 })
  })

  test.each([
    ['over the limit', blobBytesMax + 1],
    ['of 4 GiB', 2 ** 32 - 1],
    ['other than it was said', 3 * MiB + 1],
  ])('a size %s ends it at the first chunk', async (_, totalBytes) => {
    const { net, tab, first, blob, hash } = await netOf()
    tab.relays = []
    net.tamper = ({ from }, frame) =>
      from === first.id && frame.kind === 'chunk'
        ? [chunkFrame(hash, frame.offset, totalBytes, frame.bytes)]
        : undefined
    expect(await tab.exchange.ensure([{ hash, sizeBytes: blob.length }], first.id)).toBe(false)
    expect(net.wants().length).toBe(1)
    expect(tab.misbehaved).toEqual([{ peer: first.id, reason: 'wrong' }])
  })

  test('a size that changes on the way is a lie, and the other source is heard', async () => {
    const { net, tab, first, hash } = await netOf()
    net.tamper = ({ from }, frame) =>
      from === first.id && frame.kind === 'chunk' && frame.offset > MiB
        ? [chunkFrame(hash, frame.offset, frame.totalBytes + 1, frame.bytes)]
        : undefined
    expect(named(await tab.exchange.get(hash, first.id))).toBe(hash)
    expect(tab.misbehaved[0]).toEqual({ peer: first.id, reason: 'wrong' })
  })

  test('a draft under a wrong size stands in nobody’s way', async () => {
    const { tab, first, blob, hash } = await netOf()
    const draft = await tab.store.draft(hash, 10 * MiB, 'peers')
    await draft.append(blob.subarray(0, MiB))
    await draft.close()
    expect(named(await tab.exchange.get(hash, first.id))).toBe(hash)
    expect(tab.misbehaved.filter(({ reason }) => reason === 'wrong')).toEqual([])
  })

  test('a draft with wrong bytes from before is noticed at the end, and begun anew', async () => {
    const { tab, first, blob, hash } = await netOf()
    const draft = await tab.store.draft(hash, blob.length, 'peers')
    await draft.append(blobOf(99, MiB))
    await draft.close()
    expect(named(await tab.exchange.get(hash, first.id))).toBe(hash)
    expect(tab.misbehaved).toEqual([])
  })

  test('chunks that come twice, out of order or without end change nothing', async () => {
    const { net, tab, first, blob, hash } = await netOf()
    net.tamper = ({ from, frame: whole }, frame) => {
      if (from !== first.id || frame.kind !== 'chunk') return undefined
      const later = chunkFrame(hash, frame.offset + 1, frame.totalBytes, frame.bytes)
      const beyond = chunkFrame(hash, blob.length, blob.length + chunkBytesMax, new Uint8Array(chunkBytesMax))
      return [later, beyond, whole, whole]
    }
    expect(named(await tab.exchange.get(hash, first.id))).toBe(hash)
    expect(new Set(tab.misbehaved.map(({ reason }) => reason))).toEqual(new Set(['unasked']))
  })

  test('a chunk that is shorter than it was asked for is not taken', async () => {
    vi.useFakeTimers()
    const { net, tab, first, hash } = await netOf()
    net.delayMs = () => 1
    net.tamper = ({ from }, frame) =>
      from === first.id && frame.kind === 'chunk'
        ? [chunkFrame(hash, frame.offset, frame.totalBytes, frame.bytes.subarray(1))]
        : undefined
    const got = tab.exchange.get(hash, first.id)
    await vi.advanceTimersByTimeAsync(31_000)
    expect(named(await got)).toBe(hash)
  })
})

describe('STO-07 many blobs at once', () => {
  test('64 wants share the way: small blobs do not wait for the large ones', async () => {
    const net = new BlobNet()
    const [tab, relay] = [net.node('tab'), net.node('relay')]
    const blobs = Array.from({ length: 64 }, (_, n) => blobOf(n, n < 2 ? 4 * MiB : 20_000))
    for (const blob of blobs) await relay.store.put(blob)
    const under = new Map<string, number>()
    let most = 0
    net.tamper = (_, frame) => {
      if (frame.kind === 'want') under.set(`${frame.hash}/${frame.offset}`, frame.length)
      if (frame.kind === 'chunk') under.delete(`${frame.hash}/${frame.offset}`)
      most = Math.max(
        most,
        [...under.values()].reduce((sum, each) => sum + each, 0),
      )
      return undefined
    }
    const order: number[] = []
    const got = blobs.map(async (blob, n) => {
      const bytes = await tab.exchange.get(hashOf(blob), relay.id)
      order.push(n)
      return bytes
    })
    expect((await Promise.all(got)).map((bytes) => named(bytes))).toEqual(blobs.map(hashOf))
    expect(order.slice(-2).sort()).toEqual([0, 1])
    expect(most).toBeLessThanOrEqual(MiB)
  })

  test.each([1, 2, 3])(
    'whatever is lost, doubled or broken, only the right bytes come to be here (%i)',
    {
      timeout: 60_000,
    },
    async (seed) => {
      vi.useFakeTimers()
      const random = new Random(seed)
      const net = new BlobNet()
      const tab = net.node('tab')
      const sources = ['a', 'b', 'c'].map((name) => net.node(name))
      tab.relays = [sources[1]!.id]
      tab.others = [sources[2]!.id]
      const blobs = [1, 2, 3, 4].map((n) => blobOf(n, [10, 200_000, 1.5 * MiB, 3 * MiB][n - 1]!))
      for (const source of sources) for (const blob of blobs) await source.store.put(blob)
      net.delayMs = () => 1 + random.below(20)
      net.tamper = (parcel, frame) => {
        const dice = random.below(200)
        if (dice < 2) {
          const source = sources.find(({ id }) => id === parcel.from || id === parcel.to)!
          setTimeout(() => net.cut(tab, source), 1)
          setTimeout(() => net.join(tab, source), 500)
        }
        if (dice < 4) return []
        if (dice < 8) return [parcel.frame, parcel.frame]
        if (dice < 10 && frame.kind === 'chunk') return [concatBytes(parcel.frame, Uint8Array.of(1))]
        return undefined
      }
      const had = new Set<number>()
      for (let tries = 0; tries < 40 && had.size < blobs.length; tries++) {
        const got = blobs.map((blob) => tab.exchange.get(hashOf(blob), sources[0]!.id))
        let settled: readonly (Uint8Array | undefined)[] | undefined
        void Promise.all(got).then((each) => {
          settled = each
        })
        // A lost frame costs up to 30 s, and each of three sources is tried twice.
        for (let seconds = 0; settled === undefined && seconds < 600; seconds++) {
          await vi.advanceTimersByTimeAsync(1_000)
        }
        for (const [n, bytes] of settled!.entries()) {
          if (bytes === undefined) continue
          expect(named(bytes)).toBe(hashOf(blobs[n]!))
          had.add(n)
        }
      }
      expect(had.size).toBe(blobs.length)
      expect(vi.getTimerCount()).toBe(0)
    },
  )
})
