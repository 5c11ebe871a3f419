import { afterEach, describe, expect, test, vi } from 'vitest'
import { BlobExchange, blobsNeeded } from '../../shared/host/blob-exchange.ts'
import {
  chunkFrame,
  frameKinds,
  hashFrame,
  haveFrame,
  parseBlobFrame,
  wantFrame,
} from '../../shared/host/blob-frames.ts'
import { toHex } from '../../shared/kernel/bytes.ts'
import type { Hash, PeerId } from '../../shared/kernel/ids.ts'
import { chunkBytesMax, defaultBlobLimits } from '../../shared/storage/blob-store.ts'
import { MemoryBlobs } from '../relay/http/memory-blobs.ts'
import { sha256 } from '../relay/http/test-keys.ts'
import { peerA, peerB } from '../support/scripted-run.ts'
import { wireSamples } from '../support/wire-samples.ts'

const hashOf = (bytes: Uint8Array): Hash => toHex(sha256(bytes)) as Hash
const blobOf = (n: number, sizeBytes = 5_000): Uint8Array =>
  Uint8Array.from({ length: sizeBytes }, (_, at) => (at * 7 + (at >> 8) + n) & 255)
const needOf = (blob: Uint8Array) => ({ hash: hashOf(blob), sizeBytes: blob.length })
const MiB = 1024 * 1024

afterEach(() => {
  vi.useRealTimers()
})

type Sent = { readonly to: PeerId } & Exclude<ReturnType<typeof parseBlobFrame>, string>

class Rig {
  readonly store: MemoryBlobs
  readonly sent: Sent[] = []
  readonly down = new Set<PeerId>()
  readonly misbehaved: string[] = []
  queued = 0
  relays: PeerId[] = []
  others: PeerId[] = []
  readonly exchange: BlobExchange

  constructor(limits = defaultBlobLimits) {
    this.store = new MemoryBlobs(limits)
    this.exchange = new BlobExchange({
      store: this.store,
      sha256,
      send: (to, frame) => {
        if (this.down.has(to)) return false
        const parsed = parseBlobFrame(frame[0]!, frame.subarray(1))
        if (typeof parsed === 'string') throw new Error(`a ${parsed} frame was sent`)
        this.sent.push({ to, ...parsed })
        return true
      },
      queuedBytes: () => this.queued,
      peers: () => this,
      misbehaved: (_, reason) => this.misbehaved.push(reason),
    })
  }

  receive(from: PeerId, frame: Uint8Array): void {
    this.exchange.frame(from, frame[0]!, frame.subarray(1))
  }

  wants(): Hash[] {
    return this.sent.flatMap((each) => (each.kind === 'want' ? [each.hash] : []))
  }

  want(from: PeerId, hash: Hash, offset = 0, length = chunkBytesMax): void {
    this.receive(from, wantFrame(hash, offset, length))
  }

  /** The whole of a small blob. */
  blob(from: PeerId, bytes: Uint8Array, hash = hashOf(bytes)): void {
    this.receive(from, chunkFrame(hash, 0, bytes.length, bytes))
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('STO-07 fetching a blob', () => {
  test('it is asked of the peer that named it, checked, stored and handed over', async () => {
    const rig = new Rig()
    const blob = blobOf(1)
    const got = rig.exchange.get(hashOf(blob), peerA)
    await turn()
    expect(rig.sent).toEqual([{ to: peerA, kind: 'want', hash: hashOf(blob), offset: 0, length: 65_536 }])
    rig.blob(peerA, blob)
    expect(await got).toEqual(blob)
    expect(await rig.store.get(hashOf(blob))).toEqual(blob)
  })

  test('an empty one is one too', async () => {
    const rig = new Rig()
    const got = rig.exchange.get(hashOf(new Uint8Array()), peerA)
    await turn()
    rig.blob(peerA, new Uint8Array())
    expect(await got).toEqual(new Uint8Array())
  })

  test('what is here is not asked for, and is of the size that is said or not had', async () => {
    const rig = new Rig()
    const hash = await rig.store.put(blobOf(1))
    expect(await rig.exchange.get(hash, peerA)).toEqual(blobOf(1))
    expect(await rig.exchange.ensure([needOf(blobOf(1))], peerA)).toBe(true)
    expect(await rig.exchange.ensure([{ hash, sizeBytes: 4_999 }], peerA)).toBe(false)
    expect(rig.sent).toEqual([])
  })

  test('one that is wanted twice is asked for once', async () => {
    const rig = new Rig()
    const blob = blobOf(1)
    const both = Promise.all([
      rig.exchange.get(hashOf(blob), peerA),
      rig.exchange.ensure([needOf(blob)], peerA),
      rig.exchange.get(hashOf(blob), peerB),
    ])
    await turn()
    expect(rig.wants().length).toBe(1)
    rig.blob(rig.sent[0]!.to, blob)
    expect(await both).toEqual([blob, true, blob])
  })

  test('bytes that do not hash to its name never enter the store, and their sender is not asked again', async () => {
    const rig = new Rig()
    const hash = hashOf(blobOf(1))
    const got = rig.exchange.get(hash, peerA)
    await turn()
    rig.blob(peerA, blobOf(2), hash)
    expect(await got).toBeUndefined()
    expect(rig.misbehaved).toEqual(['wrong'])
    expect(await rig.store.has(hashOf(blobOf(2)))).toBe(false)
    expect(await rig.exchange.get(hash, peerA)).toBeUndefined()
    expect(rig.wants().length).toBe(1)
    const other = rig.exchange.get(hash, peerB)
    await turn()
    rig.blob(peerB, blobOf(1))
    expect(await other).toEqual(blobOf(1))
  })

  test('another peer can neither send it nor say that it is missing', async () => {
    const rig = new Rig()
    const blob = blobOf(1)
    const got = rig.exchange.get(hashOf(blob), peerA)
    await turn()
    rig.blob(peerB, blob)
    rig.receive(peerB, hashFrame('missing', hashOf(blob)))
    await turn()
    expect(await rig.store.has(hashOf(blob))).toBe(false)
    expect(rig.misbehaved).toEqual(['unasked'])
    rig.blob(peerA, blob)
    expect(await got).toEqual(blob)
  })

  test('a peer that has not got it says so, and one that says nothing is given 30 s', async () => {
    vi.useFakeTimers()
    const rig = new Rig()
    const missing = rig.exchange.get(hashOf(blobOf(1)), peerA)
    const silent = rig.exchange.get(hashOf(blobOf(2)), peerA)
    await vi.advanceTimersByTimeAsync(0)
    rig.receive(peerA, hashFrame('missing', hashOf(blobOf(1))))
    expect(await missing).toBeUndefined()
    let settled = false
    void silent.then(() => {
      settled = true
    })
    await vi.advanceTimersByTimeAsync(29_999)
    expect(settled).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(await silent).toBeUndefined()
    rig.blob(peerA, blobOf(2))
    await vi.advanceTimersByTimeAsync(0)
    expect(await rig.store.has(hashOf(blobOf(2)))).toBe(false)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a peer that goes, or is gone, leaves nobody waiting', async () => {
    const rig = new Rig()
    const wanted = [1, 2, 3].map((n) => rig.exchange.get(hashOf(blobOf(n)), peerA))
    await turn()
    rig.exchange.peerDown(peerA)
    expect(await Promise.all(wanted)).toEqual([undefined, undefined, undefined])
    rig.down.add(peerB)
    expect(await rig.exchange.get(hashOf(blobOf(1)), peerB)).toBeUndefined()
    expect(await rig.exchange.ensure([needOf(blobOf(1))], peerB)).toBe(false)
    // And it can be asked again when it is back.
    const again = rig.exchange.get(hashOf(blobOf(1)), peerA)
    await turn()
    rig.blob(peerA, blobOf(1))
    expect(await again).toEqual(blobOf(1))
  })

  test('a store that is full makes it one that cannot be had', async () => {
    const rig = new Rig({ blobBytesMax: 10_000, totalBytesMax: 1_000 })
    const got = rig.exchange.get(hashOf(blobOf(1)), peerA)
    await turn()
    rig.blob(peerA, blobOf(1))
    await expect(got).rejects.toThrow('does not fit')
    expect(rig.wants().length).toBe(1)
  })

  test('32 of a message are asked for at one time, and the first that is missing ends it', async () => {
    const rig = new Rig()
    const blobs = Array.from({ length: 70 }, (_, n) => blobOf(n))
    const all = rig.exchange.ensure(blobs.map(needOf), peerA)
    const answered = new Set<Hash>()
    while (answered.size < 70) {
      await turn()
      const open = rig.wants().filter((hash) => !answered.has(hash))
      expect(open.length).toBeLessThanOrEqual(32)
      for (const hash of open) {
        answered.add(hash)
        rig.blob(peerA, blobs.find((blob) => hashOf(blob) === hash)!)
      }
    }
    expect(await all).toBe(true)
    const other = new Rig()
    const some = other.exchange.ensure(blobs.map(needOf), peerA)
    while (new Set(other.wants()).size < 32) {
      await turn()
      for (const hash of other.wants()) other.receive(peerA, hashFrame('missing', hash))
    }
    expect(await some).toBe(false)
    expect(other.wants().length).toBe(32)
  })

  test('no more than 64 that one peer named are on their way', async () => {
    const rig = new Rig()
    const wanted = Array.from({ length: 65 }, (_, n) => rig.exchange.get(hashOf(blobOf(n)), peerA))
    expect(await wanted[64]).toBeUndefined()
    const other = rig.exchange.get(hashOf(blobOf(99)), peerB)
    await turn()
    expect(rig.sent.at(-1)).toMatchObject({ to: peerB, hash: hashOf(blobOf(99)) })
    rig.exchange.peerDown(peerA)
    rig.exchange.peerDown(peerB)
    await Promise.all([...wanted, other])
  })
})

describe('STO-07 looking for a blob elsewhere', () => {
  const [relay, third] = ['relay', 'third'] as unknown as PeerId[]

  test('relays are asked when the peer that named it has not got it', async () => {
    const rig = new Rig()
    rig.relays = [relay!]
    const had = rig.exchange.ensure([needOf(blobOf(1))], peerA)
    await turn()
    rig.receive(peerA, hashFrame('missing', hashOf(blobOf(1))))
    await turn()
    expect(rig.sent.at(-1)).toMatchObject({ kind: 'want', to: relay })
    rig.blob(relay!, blobOf(1))
    expect(await had).toBe(true)
  })

  test('then others whether they have it, for a run but not for a message', async () => {
    const rig = new Rig()
    rig.others = [peerB, third!]
    const [had] = await Promise.all([rig.exchange.ensure([needOf(blobOf(1))], peerA), gone(rig, peerA)])
    expect(had).toBe(false)
    expect(rig.sent.length).toBe(1)
    const got = rig.exchange.get(hashOf(blobOf(1)), peerA)
    await turn()
    rig.receive(peerA, hashFrame('missing', hashOf(blobOf(1))))
    await turn()
    expect(rig.sent.filter(({ kind }) => kind === 'probe').map(({ to }) => to)).toEqual([peerB, third])
    rig.receive(peerB, hashFrame('missing', hashOf(blobOf(1))))
    rig.receive(third!, haveFrame(hashOf(blobOf(1)), 5_000))
    await turn()
    expect(rig.sent.at(-1)).toMatchObject({ kind: 'want', to: third })
    rig.blob(third!, blobOf(1))
    expect(await got).toEqual(blobOf(1))
  })

  test('others that say nothing hold it up for 2 s, and nobody else may answer for them', async () => {
    vi.useFakeTimers()
    const rig = new Rig()
    rig.others = [peerB]
    const got = rig.exchange.get(hashOf(blobOf(1)), peerA)
    await vi.advanceTimersByTimeAsync(0)
    rig.receive(peerA, hashFrame('missing', hashOf(blobOf(1))))
    await vi.advanceTimersByTimeAsync(1)
    rig.receive(third!, haveFrame(hashOf(blobOf(1)), 5_000))
    await vi.advanceTimersByTimeAsync(1_998)
    expect(rig.wants().length).toBe(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(await got).toBeUndefined()
    expect(vi.getTimerCount()).toBe(0)
  })

  async function gone(rig: Rig, peer: PeerId): Promise<void> {
    await turn()
    rig.exchange.peerDown(peer)
  }
})

describe('STO-07 frames that nobody asked for', () => {
  test('a flood of chunks is dropped and counted: nothing is stored, sent or kept', async () => {
    const rig = new Rig()
    const put = vi.spyOn(rig.store, 'put')
    const before = process.memoryUsage().arrayBuffers
    const blob = blobOf(1, 100_000)
    for (let n = 0; n < 2_000; n++) rig.blob(peerA, blob, hashOf(Uint8Array.of(n & 255)))
    await turn()
    expect(put).not.toHaveBeenCalled()
    expect(rig.sent).toEqual([])
    expect(rig.misbehaved.length).toBe(2_000)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(350e6)
  })

  test('a chunk over 256 KiB is refused, even if it was asked for', async () => {
    const rig = new Rig()
    const blob = blobOf(1, chunkBytesMax + 1)
    const got = rig.exchange.get(hashOf(blob), peerA)
    await turn()
    rig.blob(peerA, blob)
    await turn()
    expect(rig.misbehaved).toEqual(['oversize'])
    expect(await rig.store.has(hashOf(blob))).toBe(false)
    rig.exchange.peerDown(peerA)
    expect(await got).toBeUndefined()
  })

  test.each([0, 1, 31, 33, 39, 41, 100_000])(
    'a body of %d bytes is no want, missing, probe or have',
    (length) => {
      const rig = new Rig()
      for (const kind of ['want', 'missing', 'probe', 'have'] as const) {
        rig.exchange.frame(peerA, frameKinds[kind], new Uint8Array(length))
      }
      rig.exchange.frame(peerA, 99, new Uint8Array(length))
      expect(rig.misbehaved).toEqual(Array.from({ length: 5 }, () => 'malformed'))
      expect(rig.sent).toEqual([])
    },
  )
})

describe('STO-07 serving a blob', () => {
  test('the part that is wanted is sent, with the size of the whole', async () => {
    const rig = new Rig()
    const hash = await rig.store.put(blobOf(1))
    rig.want(peerA, hash)
    rig.want(peerA, hash, 4_000, 500)
    rig.receive(peerA, hashFrame('probe', hash))
    await turn()
    const chunk = { to: peerA, kind: 'chunk', hash, totalBytes: 5_000 }
    expect(rig.sent).toEqual([
      { ...chunk, offset: 0, bytes: blobOf(1) },
      { ...chunk, offset: 4_000, bytes: blobOf(1).subarray(4_000, 4_500) },
      { to: peerA, kind: 'have', hash, totalBytes: 5_000 },
    ])
  })

  test('what is unknown, unreadable or beyond the end is answered as missing', async () => {
    const rig = new Rig()
    const hash = await rig.store.put(blobOf(1))
    rig.want(peerA, hashOf(blobOf(3)))
    rig.receive(peerA, hashFrame('probe', hashOf(blobOf(3))))
    rig.want(peerA, hash, 5_000)
    rig.want(peerA, hash, 2 ** 32 - 1)
    await expect.poll(() => rig.sent.length).toBe(4)
    vi.spyOn(rig.store, 'read').mockRejectedValue(new Error('disk'))
    rig.want(peerA, hash)
    await expect.poll(() => rig.sent.length).toBe(5)
    expect(rig.sent.map(({ kind }) => kind)).toEqual(Array.from({ length: 5 }, () => 'missing'))
  })

  test('chunks go out one by one, as the peer takes them', async () => {
    vi.useFakeTimers()
    const rig = new Rig()
    const hashes = await Promise.all([1, 2, 3].map((n) => rig.store.put(blobOf(n, MiB))))
    rig.queued = MiB
    for (const hash of hashes) rig.want(peerA, hash)
    await vi.advanceTimersByTimeAsync(5_000)
    expect(rig.sent.length).toBe(0)
    rig.queued = 0
    await vi.advanceTimersByTimeAsync(10)
    expect(rig.sent.map(({ hash }) => hash)).toEqual(hashes)
  })

  test('a peer that goes is served no more, and nothing waits for it', async () => {
    vi.useFakeTimers()
    const rig = new Rig()
    const hash = await rig.store.put(blobOf(1))
    rig.queued = 2 * MiB
    rig.want(peerA, hash)
    await vi.advanceTimersByTimeAsync(100)
    rig.exchange.peerDown(peerA)
    rig.queued = 0
    await vi.advanceTimersByTimeAsync(100)
    expect(rig.sent).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
    rig.want(peerA, hash)
    await vi.advanceTimersByTimeAsync(0)
    expect(rig.sent.length).toBe(1)
  })

  test('a flood of wants is held to 64; the rest is answered as missing, and reads no store', async () => {
    const rig = new Rig()
    const hash = await rig.store.put(blobOf(1, MiB))
    const read = vi.spyOn(rig.store, 'read')
    rig.queued = 2 * MiB
    for (let n = 0; n < 10_000; n++) rig.want(peerA, hash)
    await turn()
    expect(read).not.toHaveBeenCalled()
    expect(rig.sent.length).toBe(10_000 - 64)
    expect(rig.sent.every(({ kind }) => kind === 'missing')).toBe(true)
    rig.exchange.peerDown(peerA)
  })
})

describe('STO-07 what a message needs', () => {
  test('a submission its program and its large inputs, answers and ends their large outputs', () => {
    const [item] = wireSamples['task/submit'].items
    const input = { kind: 'blob', hash: hashOf(blobOf(9)), sizeBytes: 5_000 } as const
    const program = { hash: item!.task.programHash, sizeBytes: item!.programSizeBytes }
    expect(blobsNeeded(wireSamples['task/submit'], () => true)).toEqual([program])
    expect(blobsNeeded({ type: 'task/submit', items: [{ ...item!, input }, item!] }, () => true)).toEqual([
      program,
      { hash: input.hash, sizeBytes: 5_000 },
    ])
    expect(blobsNeeded(wireSamples['task/answers'], () => true)).toMatchObject([{ hash: 'e'.repeat(64) }])
    expect(blobsNeeded(wireSamples['task/answers'], () => false)).toEqual([])
    expect(blobsNeeded(wireSamples['task/finished'], () => true)).toEqual([])
    expect(blobsNeeded(wireSamples['task/assign'], () => true)).toEqual([])
  })

  test('frames are told apart by their first byte', () => {
    expect(new Set(Object.values(frameKinds)).size).toBe(6)
    expect(wantFrame(hashOf(blobOf(1)), 1, 2)[0]).toBe(frameKinds.want)
  })
})
