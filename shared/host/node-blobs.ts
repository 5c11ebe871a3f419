import { fromHex } from '../kernel/bytes.ts'
import type { Hash, PeerId } from '../kernel/ids.ts'
import type { Peer } from '../peer/peer.ts'
import type { BlobStore } from '../storage/blob-store.ts'
import { BlobExchange } from './blob-exchange.ts'
import type { Counters } from './counters.ts'
import type { CryptoPort } from './crypto-port.ts'
import type { HostLog } from './host-log.ts'
import type { Network } from './network.ts'

/** Peers that are dialled for one blob. */
const providersMax = 4

/** The exchange of a node: it asks the relays and peers that the node's machine knows, and the DHT last. */
export function createBlobExchange(
  parts: {
    readonly peer: Peer
    readonly network: Network
    readonly crypto: CryptoPort
    readonly blobs: BlobStore
    readonly log: HostLog
  },
  counters: Counters,
): BlobExchange {
  const { peer, network, crypto, blobs, log } = parts
  return new BlobExchange({
    store: blobs,
    sha256: crypto.sha256,
    send: (to, frame) => network.send(to, frame),
    queuedBytes: (to) => network.queuedBytes(to),
    peers: () => {
      const members = [...peer.children.membership.all()]
      const idsOf = (areRelays: boolean): PeerId[] =>
        members.filter(({ kind }) => (kind === 'relay') === areRelays).map((member) => member.peer)
      return { relays: idsOf(true), others: idsOf(false) }
    },
    find: (hash) => findProviders(network, hash),
    provide: (hash) => void network.provide(fromHex(hash)).catch(() => undefined),
    misbehaved: (from, reason) => {
      counters.add('messages_rejected_total', `blob_${reason}`)
      // A part that came too late is no wrong of its sender, and worth no line.
      if (reason !== 'unasked') log('warn', `Blob refused (${reason})`, { peer: from })
    },
  })
}

/** What must not go from the blob store while this node has to do with it. */
export function* blobsInUse({ children }: Peer): Iterable<Hash> {
  if (children.coordinator !== undefined) yield* children.coordinator.blobs()
  if (children.worker !== undefined) yield* children.worker.blobs()
  if (children.submitter !== undefined) yield* children.submitter.blobs()
}

/** Peers that the DHT knows to have the blob, as far as they can be reached. */
async function findProviders(network: Network, hash: Hash): Promise<readonly PeerId[]> {
  const found = await network.findProviders(fromHex(hash), providersMax)
  const dialled = found
    .filter((peer) => peer !== network.self)
    .map((peer) =>
      network.dial({ peer }).then(
        (reached) => [reached],
        () => [],
      ),
    )
  return (await Promise.all(dialled)).flat()
}
