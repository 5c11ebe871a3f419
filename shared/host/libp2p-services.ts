import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import type { ConnectionGater } from '@libp2p/interface'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import type { Libp2pOptions } from 'libp2p'
import type { Hash, PeerId } from '../kernel/ids.ts'
import type { DialPace } from './dial-pace.ts'
import { guardedYamux } from './guarded-yamux.ts'
import { networkNames } from './network-names.ts'

/** What every node speaks, whatever its transports. Spread into `createLibp2p`. */
export function commonParts(): Pick<
  Libp2pOptions,
  'connectionEncrypters' | 'streamMuxers' | 'nodeInfo' | 'connectionMonitor'
> {
  return {
    connectionEncrypters: [noise()],
    streamMuxers: [guardedYamux()],
    nodeInfo: { userAgent: 'tabmesh' },
    // Sessions ask for a sign of life themselves; a data channel per ping and peer would be made for nothing, and
    // a busy machine that answers late would lose its connections.
    connectionMonitor: { enabled: false },
  }
}

/** Lets the services of a node dial peers that are away at this pace, and whatever else `gater` lets. */
export function paced(pace: DialPace, gater: ConnectionGater = {}): ConnectionGater {
  return {
    ...gater,
    denyDialPeer: async (peer) =>
      !(await pace.allows(peer.toString() as PeerId)) || ((await gater.denyDialPeer?.(peer)) ?? false),
  }
}

/** Gossip, DHT, identify and ping. A server answers the DHT's questions and passes gossip on to all who ask it to. */
export function commonServices(networkId: Hash, role: 'server' | 'client') {
  const names = networkNames(networkId)
  return {
    identify: identify(),
    ping: ping(),
    pubsub: gossipsub({
      // Envelopes carry our own signature, and the validator of each topic checks it.
      globalSignaturePolicy: 'StrictNoSign',
      allowPublishToZeroTopicPeers: true,
      ignoreDuplicatePublishError: true,
      emitSelf: false,
      fallbackToFloodsub: false,
      // A hub has hundreds of neighbours that have no other. Those beyond the usual 12 would only be told of messages
      // now and then: of 200, 95 got one that went to all.
      ...(role === 'server' ? { Dhi: gossipNeighboursMax } : {}),
      maxInboundDataLength: gossipRpcBytesMax,
      maxOutboundBufferSize: gossipOutboundBytesMax,
      // Hundreds of tabs behind one address are ordinary here; what one address may do is for admission to say.
      scoreParams: { IPColocationFactorWeight: 0 },
    }),
    dht: kadDHT({
      protocol: names.protocol('kad'),
      clientMode: role === 'client',
      // The default drops private addresses, and with them every network on one machine or LAN.
      peerInfoMapper: passthroughMapper,
      // Beside the default names, so that two DHTs in one process never share a metric or a store key.
      logPrefix: 'libp2p:tabmesh-dht',
      datastorePrefix: '/tabmesh-dht',
      metricsPrefix: 'libp2p_tabmesh_dht',
    }),
  }
}

const gossipNeighboursMax = 4_000
/** One gossip RPC holds several messages of at most 64 KiB. */
const gossipRpcBytesMax = 1024 * 1024
/** What may wait for one slow peer before its gossip stream is cut. */
const gossipOutboundBytesMax = 4 * 1024 * 1024
