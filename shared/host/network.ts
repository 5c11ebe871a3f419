import type { PeerId } from '../kernel/ids.ts'

/** How a peer is reached now: `direct` is false while traffic passes a relay. */
export interface PeerPath {
  readonly direct: boolean
  /** Multiaddr text of the far end. */
  readonly remoteAddress: string
}

/** What a network tells its owner. `frame` is awaited before the next frame of the same peer is read: backpressure. */
export interface NetworkListener {
  peerUp(peer: PeerId, path: PeerPath): void
  peerPath(peer: PeerId, path: PeerPath): void
  /** `reason` is one word for logs: `gone`, `bye`, `hungUp`, `lost`, `restarted`, `stalled`, … */
  peerDown(peer: PeerId, reason?: string): void
  /** The peer broke the stream protocol and is being disconnected; a penalty is in order. */
  fault?(peer: PeerId, reason: string): void
  frame(peer: PeerId, frame: Uint8Array): Promise<void>
  /** A gossip message; `from` is the forwarder. Resolves to whether it may be passed on. */
  gossip(topic: string, from: PeerId, frame: Uint8Array): Promise<'accept' | 'ignore' | 'reject'>
}

/**
 * One node of the network: one long-lived stream per peer carrying length-prefixed frames, in order.
 * A peer is up when a stream to it stands; a better path (direct after relayed) replaces the stream without a `peerDown`.
 */
export interface Network {
  readonly self: PeerId
  /** Multiaddrs this node can be reached at, with its peer id. */
  addresses(): string[]
  start(listener: NetworkListener): Promise<void>
  /** Queues a frame; false when the peer is not up. A peer over 8 MiB queued or 30 s stuck is reported down. */
  send(peer: PeerId, frame: Uint8Array): boolean
  queuedBytes(peer: PeerId): number
  /** Dials a peer by multiaddrs, or by id alone through the relays; resolves when it is up, rejects with a NetworkError. */
  dial(target: { readonly peer?: PeerId; readonly addresses?: readonly string[] }): Promise<PeerId>
  hangUp(peer: PeerId): Promise<void>
  publish(topic: string, frame: Uint8Array): Promise<void>
  subscribe(topic: string): void
  /** Announces this node as a provider of the key (DHT). */
  provide(key: Uint8Array): Promise<void>
  findProviders(key: Uint8Array, limit: number): Promise<PeerId[]>
  /** Addresses of a peer by DHT walk; `undefined` is "not found". */
  findPeer(peer: PeerId): Promise<string[] | undefined>
  stop(): Promise<void>
}

export class NetworkError extends Error {
  readonly code: 'DialFailed' | 'OtherNetwork' | 'ListenFailed' | 'NotStarted' | 'Stopped'

  constructor(code: NetworkError['code'], message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'NetworkError'
    this.code = code
  }
}
