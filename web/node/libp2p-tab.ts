import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import type { ConnectionGater, PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { webRTC } from '@libp2p/webrtc'

import { createLibp2p } from 'libp2p'
import { guardedWebSockets } from '../../shared/host/guarded-websockets.ts'
import { Libp2pNetwork } from '../../shared/host/libp2p-network.ts'
import { commonParts, commonServices, paced } from '../../shared/host/libp2p-services.ts'
import type { Network } from '../../shared/host/network.ts'
import type { Hash, PeerId } from '../../shared/kernel/ids.ts'
import { installInitChannelFix } from './webrtc-init-fix.ts'

export interface TabNodeOptions {
  readonly privateKey: PrivateKey
  readonly networkId: Hash
  /** STUN and TURN servers; none is enough on one machine or LAN. */
  readonly iceServers?: readonly RTCIceServer[]
  readonly gater?: ConnectionGater
}

const connectionsMax = 300

/**
 * The network of a tab: WebSocket to relays, and through them WebRTC to other tabs. Tabs meet over a relayed connection;
 * the end with the lower peer id then dials WebRTC, and the link moves over.
 */
export function createTabNode(options: TabNodeOptions): Network {
  installInitChannelFix()
  const iceServers = [...(options.iceServers ?? [])]
  const network = new Libp2pNetwork({
    self: peerIdFromPrivateKey(options.privateKey).toString() as PeerId,
    networkId: options.networkId,
    webrtc: true,
    create: (pace) =>
      createLibp2p({
        ...commonParts(),
        privateKey: options.privateKey,
        start: false,
        // The bare circuit address finds a relay among those connected, and again when one came back.
        addresses: { listen: ['/p2p-circuit', '/webrtc'] },
        transports: [
          guardedWebSockets(),
          circuitRelayTransport(),
          webRTC({ rtcConfiguration: { iceServers } }),
        ],
        // A relay that went is dialled again by the protocol above, at its own pace.
        connectionManager: { maxConnections: connectionsMax, reconnectRetries: 0 },
        // libp2p refuses ws:// and private addresses in browsers, and with them every local network.
        connectionGater: paced(pace, { denyDialMultiaddr: () => false, ...options.gater }),
        services: commonServices(options.networkId, 'client'),
      }),
  })
  // Else the others notice by ICE alone, which takes Chromium up to half a minute.
  addEventListener('pagehide', (event) => {
    if (!event.persisted) void network.stop()
  })
  return network
}
