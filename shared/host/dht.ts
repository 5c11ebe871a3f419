import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import type { PeerId } from '../kernel/ids.ts'

/** A question to the DHT is given up after this; what it found by then is the answer. */
const dhtTimeoutMs = 10_000
/** Multicodec of bytes without structure. */
const rawCodec = 0x55

/** Announces this node as a provider of the key; resolves also when no server could be told in time. */
export async function provide(node: Libp2p, key: Uint8Array): Promise<void> {
  if (isAlone(node)) return
  const cid = await contentId(key)
  try {
    await node.contentRouting.provide(cid, { signal: AbortSignal.timeout(dhtTimeoutMs) })
  } catch {
    // Nobody to tell just now; the DHT announces what it provides again by itself.
  }
}

/** Up to `limit` providers of the key, without doubles; none is an empty list. */
export async function findProviders(node: Libp2p, key: Uint8Array, limit: number): Promise<PeerId[]> {
  if (limit < 1 || isAlone(node)) return []
  const cid = await contentId(key)
  const found = new Set<PeerId>()
  try {
    const signal = AbortSignal.timeout(dhtTimeoutMs)
    for await (const provider of node.contentRouting.findProviders(cid, { signal })) {
      found.add(provider.id.toString() as PeerId)
      if (found.size >= limit) break
    }
  } catch {
    // Timed out, or no server is known: what was found stands.
  }
  return [...found]
}

/** Addresses of a peer; `undefined` when no one knows it. */
export async function findPeer(node: Libp2p, peer: PeerId): Promise<string[] | undefined> {
  if (isAlone(node)) return undefined
  try {
    const info = await node.peerRouting.findPeer(peerIdFromString(peer), {
      signal: AbortSignal.timeout(dhtTimeoutMs),
    })
    return info.multiaddrs.length === 0 ? undefined : info.multiaddrs.map((address) => address.toString())
  } catch {
    return undefined
  }
}

/** A question then waits out its time for someone to ask. */
function isAlone(node: Libp2p): boolean {
  return node.getConnections().length === 0
}

async function contentId(key: Uint8Array): Promise<CID> {
  return CID.createV1(rawCodec, await sha256.digest(key))
}
