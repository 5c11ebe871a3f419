import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { BlobFiles } from '../../../relay/storage/blob-files.ts'
import { BlobExchange } from '../../../shared/host/blob-exchange.ts'
import { isBlobKind } from '../../../shared/host/blob-frames.ts'
import type { PeerId } from '../../../shared/kernel/ids.ts'
import { startPair, stopNodes, type TestNode } from '../../host/network-nodes.ts'
import { blobOf, hashOf } from '../../support/blob-net.ts'
import { sha256 } from '../http/test-keys.ts'

const MiB = 2 ** 20
const beatKind = 0x7f

afterEach(() => stopNodes())

function exchangeOf(node: TestNode, store: BlobFiles, beat: (sentAt: number) => void): BlobExchange {
  const exchange = new BlobExchange({
    store,
    sha256,
    send: (to, frame) => node.network.send(to, frame),
    queuedBytes: (to) => node.network.queuedBytes(to),
  })
  node.seen.handle = async (from: PeerId, frame: Uint8Array) => {
    if (isBlobKind(frame[0])) exchange.frame(from, frame[0], frame.subarray(1))
    else beat(new DataView(frame.buffer, frame.byteOffset).getFloat64(1))
  }
  return exchange
}

test('STO-07 a blob of 32 MiB over a real link leaves room for heartbeats both ways', {
  timeout: 60_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tabmesh-links-'))
  const [here, there] = await startPair('first')
  const stores = await Promise.all(['here', 'there'].map((name) => BlobFiles.open(join(folder, name))))
  const lateMs: number[] = []
  const beat = (sentAt: number): void => void lateMs.push(performance.now() - sentAt)
  const exchange = exchangeOf(here, stores[0]!, beat)
  exchangeOf(there, stores[1]!, beat)
  const blob = blobOf(1, 32 * MiB)
  const hash = await stores[1]!.put(blob)
  const beats = setInterval(() => {
    const frame = new Uint8Array(9).fill(beatKind, 0, 1)
    new DataView(frame.buffer).setFloat64(1, performance.now())
    here.network.send(there.peer, frame)
    there.network.send(here.peer, frame)
  }, 10)
  const startedAt = performance.now()
  const got = await exchange.get(hash, there.peer)
  const seconds = (performance.now() - startedAt) / 1_000
  clearInterval(beats)
  expect(hashOf(got!)).toBe(hash)
  lateMs.sort((a, b) => a - b)
  const at = (share: number): string => lateMs[Math.floor(share * (lateMs.length - 1))]!.toFixed(0)
  console.info(
    `32 MiB in ${seconds.toFixed(2)} s: ${(32 / seconds).toFixed(0)} MiB/s; ` +
      `${lateMs.length} beats late by ${at(0.5)} ms (median), ${at(0.95)} ms (p95), ${at(1)} ms (most)`,
  )
  expect(lateMs.length).toBeGreaterThan(10)
  // A lease is 15 s; this is a loaded machine with two ends on it.
  expect(lateMs[Math.floor(0.95 * (lateMs.length - 1))]).toBeLessThan(1_000)
  await Promise.all(stores.map((store) => store.close()))
  await rm(folder, { recursive: true })
})
