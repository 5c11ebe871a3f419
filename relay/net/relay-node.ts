import { isIPv6 } from 'node:net'
import { circuitRelayServer } from '@libp2p/circuit-relay-v2'
import type { ConnectionGater, PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'

import { createLibp2p } from 'libp2p'
import { guardedWebSockets } from '../../shared/host/guarded-websockets.ts'
import type { TabmeshLibp2p } from '../../shared/host/libp2p-network.ts'
import { Libp2pNetwork } from '../../shared/host/libp2p-network.ts'
import { commonParts, commonServices } from '../../shared/host/libp2p-services.ts'
import type { Network } from '../../shared/host/network.ts'
import { NetworkError } from '../../shared/host/network.ts'
import type { Hash, PeerId } from '../../shared/kernel/ids.ts'
import { firstFreePort, portCandidates } from './ports.ts'

export interface RelayNodeOptions {
  readonly privateKey: PrivateKey
  readonly networkId: Hash
  /** IP address to listen on, without a name lookup; `0.0.0.0` is every one of the machine. */
  readonly listenHost: string
  /** Ports to begin with (FORMATS: 9000 and 9001); 0 takes any free one. */
  readonly tcpPort: number
  readonly wsPort: number
  /** Ports got at the last start: tried first. */
  readonly preferred?: Partial<RelayPorts>
  /** Multiaddrs to tell others instead of those listened on, as behind a proxy. */
  readonly announce?: readonly string[]
  /** Connections at a time; the default leaves room for 2,000 peers. */
  readonly connectionsMax?: number
  readonly gater?: ConnectionGater
}

export interface RelayPorts {
  readonly tcp: number
  readonly ws: number
}

export interface RelayNode extends Network {
  /** The ports listened on; throws before `start` resolved. */
  ports(): RelayPorts
}

const defaultConnectionsMax = 4_000
/** New connections a second from one address. libp2p's own limit of 5 shuts out a class room behind one router. */
const connectionsPerSecondPerAddress = 1_000
const handshakesAtATimeMax = 500
/** Reservations: one for each peer that wants to be reached through this relay. */
const reservationsMax = 4_000
/**
 * What one relayed connection may carry and how long it may stand. Tabs use it to find one another and where WebRTC
 * cannot be had. A limit of any size also marks the connection as limited, which keeps gossip and DHT off it: their
 * streams would not move to the direct connection later.
 */
const relayedBytesMax = 1024n * 1024n * 1024n
const relayedMsMax = 24 * 60 * 60 * 1000
/** Relayed connections of one peer at a time, each way. */
const hopStreamsMax = 256
/** Someone else may take a port between our look and libp2p's bind; that often in a row is no accident. */
const bindTriesMax = 3

/**
 * The network of a relay: WebSocket and TCP, circuit relay, DHT server, gossip.
 * `start` rejects with NetworkError `ListenFailed` when every port of NET-02 is taken.
 */
export function createRelayNode(options: RelayNodeOptions): RelayNode {
  return new Libp2pRelayNode(options)
}

class Libp2pRelayNode extends Libp2pNetwork implements RelayNode {
  readonly #bound: { ports: RelayPorts | undefined }

  constructor(options: RelayNodeOptions) {
    const bound: { ports: RelayPorts | undefined } = { ports: undefined }
    let tries = 0
    super({
      self: peerIdFromPrivateKey(options.privateKey).toString() as PeerId,
      networkId: options.networkId,
      create: async () => {
        bound.ports = await choosePorts(options)
        return await createNode(options, bound.ports)
      },
      startAgain: (cause) => {
        tries++
        return tries < bindTriesMax && String(cause).includes('EADDRINUSE')
      },
    })
    this.#bound = bound
  }

  ports(): RelayPorts {
    if (this.#bound.ports === undefined) throw new NetworkError('NotStarted', 'The relay does not listen yet')
    return this.#bound.ports
  }
}

async function choosePorts(options: RelayNodeOptions): Promise<RelayPorts> {
  const { listenHost, tcpPort, wsPort, preferred } = options
  const tcpTaken = await firstFreePort(listenHost, portCandidates(tcpPort, preferred?.tcp), new Set())
  const wsCandidates = portCandidates(wsPort, preferred?.ws)
  const wsTaken =
    tcpTaken === undefined ? undefined : await firstFreePort(listenHost, wsCandidates, new Set([tcpTaken]))
  if (tcpTaken === undefined || wsTaken === undefined) {
    throw new NetworkError('ListenFailed', 'Failed to bind to network port')
  }
  return { tcp: tcpTaken, ws: wsTaken }
}

async function createNode(options: RelayNodeOptions, ports: RelayPorts): Promise<TabmeshLibp2p> {
  const { listenHost } = options
  const host = `/${isIPv6(listenHost) ? 'ip6' : 'ip4'}/${listenHost}`
  return await createLibp2p({
    ...commonParts(),
    privateKey: options.privateKey,
    start: false,
    addresses: {
      listen: [`${host}/tcp/${ports.tcp}`, `${host}/tcp/${ports.ws}/ws`],
      announce: [...(options.announce ?? [])],
    },
    transports: [tcp(), guardedWebSockets()],
    connectionManager: {
      maxConnections: options.connectionsMax ?? defaultConnectionsMax,
      inboundConnectionThreshold: connectionsPerSecondPerAddress,
      maxIncomingPendingConnections: handshakesAtATimeMax,
      reconnectRetries: 0,
    },
    connectionGater: options.gater ?? {},
    services: {
      ...commonServices(options.networkId, 'server'),
      relay: circuitRelayServer({
        maxInboundHopStreams: hopStreamsMax,
        maxOutboundStopStreams: hopStreamsMax,
        reservations: {
          maxReservations: reservationsMax,
          defaultDataLimit: relayedBytesMax,
          defaultDurationLimit: relayedMsMax,
        },
      }),
    },
  })
}
