import { circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import type { ConnectionGater, PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'

import { createLibp2p } from 'libp2p'
import { guardedWebSockets } from '../../shared/host/guarded-websockets.ts'
import { Libp2pNetwork } from '../../shared/host/libp2p-network.ts'
import { commonParts, commonServices, paced } from '../../shared/host/libp2p-services.ts'
import type { Network } from '../../shared/host/network.ts'
import type { Hash, PeerId } from '../../shared/kernel/ids.ts'

export interface AgentNodeOptions {
  readonly privateKey: PrivateKey
  readonly networkId: Hash
  /** Multiaddrs to listen on; an agent is reached through its relay when there are none. */
  readonly listen?: readonly string[]
  readonly gater?: ConnectionGater
}

const connectionsMax = 300

/** The network of a headless worker: dials relays over TCP or WebSocket, asks the DHT, is reached through its relay. */
export function createAgentNode(options: AgentNodeOptions): Network {
  return new Libp2pNetwork({
    self: peerIdFromPrivateKey(options.privateKey).toString() as PeerId,
    networkId: options.networkId,
    create: (pace) =>
      createLibp2p({
        ...commonParts(),
        privateKey: options.privateKey,
        start: false,
        addresses: { listen: [...(options.listen ?? []), '/p2p-circuit'] },
        transports: [tcp(), guardedWebSockets(), circuitRelayTransport()],
        connectionManager: { maxConnections: connectionsMax, reconnectRetries: 0 },
        connectionGater: paced(pace, options.gater),
        services: commonServices(options.networkId, 'client'),
      }),
  })
}
