import { afterEach, describe, expect, test, vi } from 'vitest'
import { BlobExchange, blobsNeeded, frameKinds } from '../../shared/host/blob-exchange.ts'
import { concatBytes, fromHex, toHex } from '../../shared/kernel/bytes.ts'
import type { Hash, PeerId } from '../../shared/kernel/ids.ts'
import { MemoryBlobs } from '../relay/http/memory-blobs.ts'
import { sha256 } from '../relay/http/test-keys.ts'
import { peerA, peerB } from '../support/scripted-run.ts'
import { wireSamples } from '../support/wire-samples.ts'

const hashOf = (bytes: Uint8Array): Hash => toHex(sha256(bytes)) as Hash
const blobOf = (n: number, sizeBytes = 5_000): Uint8Array => new Uint8Array(sizeBytes).fill(n)
const MiB = 1024 * 1024

afterEach(() => {
  vi.useRealTimers()
})

class Rig {
  readonly store = new MemoryBlobs()
  readonly sent: { readonly to: PeerId; readonly kind: number; readonly body: Uint8Array }[] = []
  readonly down = new Set<PeerId>()
  queued = 0
  readonly exchange = new BlobExchange({
    store: this.store,
    sha256,
    send: (to, frame) => {
      if (this.down.has(to)) return false
      this.sent.push({ to, kind: frame[0]!, body: frame.subarray(1) })
      return true
    },
    queuedBytes: () => this.queued,
  })

  wants(): Hash[] {
    return this.sent.flatMap(({ kind, body }) => (kind === frameKinds.want ? [toHex(body) as Hash] : []))
  }

  want(from: PeerId, hash: Hash): void {
    this.exchange.frame(from, frameKinds.want, fromHex(hash))
  }

  blob(from: PeerId, bytes: Uint8Array): void {
    this.exchange.frame(from, frameKinds.blob, bytes)
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('STO-07 fetching a blob', () => {
  test('it is asked of the peer that named it, checked, stored and handed over', async () => {
    const rig = new Rig()
    const blob = blobOf(1)
    const got = rig.exchange.get(hashOf(blob), peerA)
    await turn()
    expect(rig.sent).toEqual([{ to: peerA, kind: frameKinds.want, body: sha256(blob) }])
    rig.blob(peerA, blob)
    expect(await got).toEqual(blob)
    expect(await rig.store.get(hashOf(blob))).toEqual(blob)
  })

  test('what is here is not asked for', async () => {
    const rig = new Rig()
    const hash = await rig.store.put(blobOf(1))
    expect(await rig.exchange.get(hash, peerA)).toEqual(blobOf(1))
    expect(await rig.exchange.ensure([hash], peerA)).toBe(true)
    expect(rig.sent).toEqual([])
  })

  test('one that is wanted twice is asked for once', async () => {
    const rig = new Rig()
    const blob = blobOf(1)
    const both = Promise.all([
      rig.exchange.get(hashOf(blob), peerA),
      rig.exchange.ensure([hashOf(blob)], peerA),
    ])
    await turn()
    expect(rig.wants().length).toBe(1)
    rig.blob(peerA, blob)
    expect(await both).toEqual([blob, true])
  })

  test('bytes that do not hash to its name never enter the store, and do not end the wait', async () => {
    const rig = new Rig()
    const blob = blobOf(1)
    const got = rig.exchange.get(hashOf(blob), peerA)
    await turn()
    rig.blob(peerA, blobOf(2))
    rig.blob(peerA, new Uint8Array(0))
    rig.blob(peerA, blob.subarray(1))
    await turn()
    expect(await rig.store.has(hashOf(blobOf(2)))).toBe(false)
    rig.blob(peerA, blob)
    expect(await got).toEqual(blob)
  })

  test('another peer can neither send it nor say that it is missing', async () => {
    const rig = new Rig()
    const blob = blobOf(1)
    const got = rig.exchange.get(hashOf(blob), peerA)
    await turn()
    rig.blob(peerB, blob)
    rig.exchange.frame(peerB, frameKinds.missing, sha256(blob))
    await turn()
    expect(await rig.store.has(hashOf(blob))).toBe(false)
    rig.blob(peerA, blob)
    expect(await got).toEqual(blob)
  })

  test('a peer that has not got it says so, and one that says nothing is given 30 s', async () => {
    vi.useFakeTimers()
    const rig = new Rig()
    const missing = rig.exchange.get(hashOf(blobOf(1)), peerA)
    const silent = rig.exchange.get(hashOf(blobOf(2)), peerA)
    await vi.advanceTimersByTimeAsync(0)
    rig.exchange.frame(peerA, frameKinds.missing, sha256(blobOf(1)))
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
  })

  test('a peer that goes, or is gone, leaves nobody waiting', async () => {
    const rig = new Rig()
    const wanted = [1, 2, 3].map((n) => rig.exchange.get(hashOf(blobOf(n)), peerA))
    await turn()
    rig.exchange.peerDown(peerA)
    expect(await Promise.all(wanted)).toEqual([undefined, undefined, undefined])
    rig.down.add(peerB)
    expect(await rig.exchange.get(hashOf(blobOf(1)), peerB)).toBeUndefined()
    expect(await rig.exchange.ensure([hashOf(blobOf(1))], peerB)).toBe(false)
    // And it can be asked again when it is back.
    const again = rig.exchange.get(hashOf(blobOf(1)), peerA)
    await turn()
    rig.blob(peerA, blobOf(1))
    expect(await again).toEqual(blobOf(1))
  })

  test('a store that is full makes it one that cannot be had', async () => {
    const rig = new Rig()
    vi.spyOn(rig.store, 'put').mockRejectedValue(new Error('full'))
    const got = rig.exchange.get(hashOf(blobOf(1)), peerA)
    await turn()
    rig.blob(peerA, blobOf(1))
    await expect(got).rejects.toThrow('full')
    expect(rig.wants().length).toBe(1)
  })

  test('32 of a message are asked for at one time, and the first that is missing ends it', async () => {
    const rig = new Rig()
    const blobs = Array.from({ length: 70 }, (_, n) => blobOf(n))
    const all = rig.exchange.ensure(blobs.map(hashOf), peerA)
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
    const some = other.exchange.ensure(blobs.map(hashOf), peerA)
    await turn()
    for (const hash of other.wants()) other.exchange.frame(peerA, frameKinds.missing, fromHex(hash))
    expect(await some).toBe(false)
    expect(other.wants().length).toBe(32)
  })

  test('no peer is asked for more than 64 at one time', async () => {
    const rig = new Rig()
    const wanted = Array.from({ length: 65 }, (_, n) => rig.exchange.get(hashOf(blobOf(n)), peerA))
    expect(await wanted[64]).toBeUndefined()
    expect(rig.wants().length).toBe(64)
    const other = rig.exchange.get(hashOf(blobOf(99)), peerB)
    await turn()
    expect(rig.wants().length).toBe(65)
    rig.exchange.peerDown(peerA)
    rig.exchange.peerDown(peerB)
    await Promise.all([...wanted, other])
  })
})

describe('STO-07 frames that nobody asked for', () => {
  test('a flood of blobs is dropped: nothing is stored, sent or kept', async () => {
    const rig = new Rig()
    const put = vi.spyOn(rig.store, 'put')
    const before = process.memoryUsage().arrayBuffers
    for (let n = 0; n < 2_000; n++) rig.blob(peerA, blobOf(n % 256, 100_000))
    await turn()
    expect(put).not.toHaveBeenCalled()
    expect(rig.sent).toEqual([])
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(250e6)
  })

  test('nor does one larger than any that is served, even if it was asked for', async () => {
    const rig = new Rig()
    const blob = blobOf(1, 2 * MiB + 1)
    const got = rig.exchange.get(hashOf(blob), peerA)
    await turn()
    rig.blob(peerA, blob)
    await turn()
    expect(await rig.store.has(hashOf(blob))).toBe(false)
    rig.exchange.peerDown(peerA)
    expect(await got).toBeUndefined()
  })

  test.each([0, 1, 31, 33, 100_000])('a want or a missing of %d bytes is no hash', async (length) => {
    const rig = new Rig()
    rig.exchange.frame(peerA, frameKinds.want, new Uint8Array(length))
    rig.exchange.frame(peerA, frameKinds.missing, new Uint8Array(length))
    await turn()
    expect(rig.sent).toEqual([])
  })
})

describe('STO-07 serving a blob', () => {
  test('it is sent to who wants it', async () => {
    const rig = new Rig()
    const hash = await rig.store.put(blobOf(1))
    rig.want(peerA, hash)
    await turn()
    expect(rig.sent).toEqual([{ to: peerA, kind: frameKinds.blob, body: blobOf(1) }])
  })

  test('1 MiB is served; what is larger, unknown or unreadable is answered as missing', async () => {
    const rig = new Rig()
    const large = await rig.store.put(blobOf(1, MiB))
    const larger = await rig.store.put(blobOf(1, MiB + 1))
    rig.want(peerA, large)
    rig.want(peerA, larger)
    rig.want(peerA, hashOf(blobOf(3)))
    await vi.waitFor(() => expect(rig.sent.length).toBe(3))
    vi.spyOn(rig.store, 'get').mockRejectedValue(new Error('disk'))
    rig.want(peerA, large)
    await vi.waitFor(() => expect(rig.sent.length).toBe(4))
    const { blob, missing } = frameKinds
    expect(rig.sent.map(({ kind }) => kind)).toEqual([blob, missing, missing, missing])
    expect(rig.sent[1]!.body).toEqual(fromHex(larger))
  })

  test('they go out one by one, as the peer takes them: 64 at once would end its stream', async () => {
    vi.useFakeTimers()
    const rig = new Rig()
    const hashes = await Promise.all([1, 2, 3].map((n) => rig.store.put(blobOf(n, MiB))))
    rig.queued = MiB + 1
    for (const hash of hashes) rig.want(peerA, hash)
    await vi.advanceTimersByTimeAsync(5_000)
    expect(rig.sent.length).toBe(0)
    rig.queued = 0
    await vi.advanceTimersByTimeAsync(10)
    expect(rig.sent.map(({ body }) => body[0])).toEqual([1, 2, 3])
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
    const get = vi.spyOn(rig.store, 'get')
    rig.queued = 2 * MiB
    for (let n = 0; n < 10_000; n++) rig.want(peerA, hash)
    await turn()
    expect(get).toHaveBeenCalledTimes(1)
    expect(rig.sent.length).toBe(10_000 - 64)
    expect(rig.sent.every(({ kind }) => kind === frameKinds.missing)).toBe(true)
    rig.exchange.peerDown(peerA)
  })
})

describe('STO-07 what a message needs', () => {
  test('a submission its program and its large inputs, answers and ends their large outputs', () => {
    const [item] = wireSamples['task/submit'].items
    const input = { kind: 'blob', hash: hashOf(blobOf(9)), sizeBytes: 5_000 } as const
    expect(blobsNeeded(wireSamples['task/submit'], () => true)).toEqual([item!.task.programHash])
    expect(blobsNeeded({ type: 'task/submit', items: [{ ...item!, input }, item!] }, () => true)).toEqual([
      item!.task.programHash,
      input.hash,
    ])
    expect(blobsNeeded(wireSamples['task/answers'], () => true)).toEqual(['e'.repeat(64)])
    expect(blobsNeeded(wireSamples['task/finished'], () => true)).toEqual([])
    expect(blobsNeeded(wireSamples['task/assign'], () => true)).toEqual([])
  })

  test('frames of the exchange are told apart by their first byte', () => {
    expect(new Set(Object.values(frameKinds)).size).toBe(4)
    expect(concatBytes(Uint8Array.of(frameKinds.envelope))[0]).toBe(0)
  })
})
