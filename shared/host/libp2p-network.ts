import type { GossipSub, TopicValidatorResult } from '@libp2p/gossipsub'
import type { Connection, IdentifyResult, PeerId as LibPeerId, Libp2p, Stream } from '@libp2p/interface'
import type { Hash, PeerId } from '../kernel/ids.ts'
import * as dht from './dht.ts'
import { DialPace } from './dial-pace.ts'
import type { DialTarget } from './dialer.ts'
import { Dialer, dialDirect, messageOf } from './dialer.ts'
import { DirectUpgrade } from './direct-upgrade.ts'
import type { Network, NetworkListener, PeerPath } from './network.ts'
import { NetworkError } from './network.ts'
import type { NetworkNames } from './network-names.ts'
import { networkNames } from './network-names.ts'
import type { DownReason } from './peer-link.ts'
import { PeerLink } from './peer-link.ts'
import { tickMs } from './peer-session.ts'

export type TabmeshLibp2p = Libp2p<{ pubsub: GossipSub }>

export interface Libp2pNetworkOptions {
  readonly self: PeerId
  /** 64 hex digits; names of protocols and topics start with the first 8. */
  readonly networkId: Hash
  /** Makes the node, not started; its services may dial peers by themselves at this pace. */
  create(pace: DialPace): Promise<TabmeshLibp2p>
  /** Whether to make another node because this one could not start, as when a port was taken meanwhile. */
  startAgain?(cause: unknown): boolean
  /** Whether relayed links are to be turned into WebRTC ones. */
  readonly webrtc?: boolean
}

/** Gossip is for small things; the rest goes by stream. */
const gossipBytesMax = 64 * 1024

/** The network over a libp2p node, whatever its transports; `createRelayNode` and its like make the node. */
export class Libp2pNetwork implements Network {
  readonly self: PeerId
  readonly #options: Libp2pNetworkOptions
  readonly #names: NetworkNames
  readonly #links = new Map<PeerId, PeerLink>()
  readonly #topics = new Set<string>()
  readonly #pace = new DialPace()
  readonly #dialer: Dialer
  readonly #upgrade: DirectUpgrade | undefined
  #node: TabmeshLibp2p | undefined
  #listener: NetworkListener | undefined
  #ticker: ReturnType<typeof setInterval> | undefined
  #stopped = false

  constructor(options: Libp2pNetworkOptions) {
    this.self = options.self
    this.#options = options
    this.#names = networkNames(options.networkId)
    this.#dialer = new Dialer({
      link: (peer) => this.#link(peer),
      paths: () => this.#paths(),
      pace: this.#pace,
    })
    if (options.webrtc === true) {
      this.#upgrade = new DirectUpgrade({
        relayedAddress: (peer) => {
          const path = this.#links.get(peer)?.path
          return path === undefined || path.direct ? undefined : path.remoteAddress
        },
        dialDirect: (peer, address) =>
          this.#pace.ours(peer, () => dialDirect(this.#running(), peer, address)),
      })
    }
  }

  addresses(): string[] {
    return this.#node?.getMultiaddrs().map((address) => address.toString()) ?? []
  }

  async start(listener: NetworkListener): Promise<void> {
    if (this.#stopped) throw new NetworkError('Stopped', 'This network node was stopped; make a new one')
    this.#listener = listener
    const node = await this.#startNode()
    this.#node = node
    for (const topic of this.#topics) this.#join(node, topic)
    this.#ticker = setInterval(() => {
      for (const link of this.#links.values()) link.tick()
    }, tickMs)
  }

  send(peer: PeerId, frame: Uint8Array): boolean {
    return this.#links.get(peer)?.send(frame) ?? false
  }

  queuedBytes(peer: PeerId): number {
    return this.#links.get(peer)?.queuedBytes ?? 0
  }

  async dial(target: DialTarget): Promise<PeerId> {
    const node = this.#running()
    if (target.peer !== undefined && this.#links.get(target.peer)?.isUp === true) return target.peer
    return await this.#dialer.dial(node, target)
  }

  async hangUp(peer: PeerId): Promise<void> {
    await this.#links.get(peer)?.hangUp()
  }

  async publish(topic: string, frame: Uint8Array): Promise<void> {
    if (frame.length > gossipBytesMax) {
      throw new RangeError(`a gossip message of ${frame.length} bytes is over the limit of ${gossipBytesMax}`)
    }
    await this.#running().services.pubsub.publish(this.#names.topic(topic), frame)
  }

  subscribe(topic: string): void {
    if (this.#topics.has(topic)) return
    this.#topics.add(topic)
    if (this.#node !== undefined) this.#join(this.#node, topic)
  }

  provide(key: Uint8Array): Promise<void> {
    return dht.provide(this.#running(), key)
  }

  findProviders(key: Uint8Array, limit: number): Promise<PeerId[]> {
    return dht.findProviders(this.#running(), key, limit)
  }

  findPeer(peer: PeerId): Promise<string[] | undefined> {
    return dht.findPeer(this.#running(), peer)
  }

  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    clearInterval(this.#ticker)
    this.#upgrade?.stop()
    await Promise.all([...this.#links.values()].map((link) => link.hangUp()))
    await this.#node?.stop()
  }

  get #peerProtocol(): string {
    return this.#names.protocol('peer')
  }

  #running(): TabmeshLibp2p {
    if (this.#stopped) throw new NetworkError('Stopped', 'This network node was stopped')
    if (this.#node === undefined)
      throw new NetworkError('NotStarted', 'This network node was not started yet')
    return this.#node
  }

  async #startNode(): Promise<TabmeshLibp2p> {
    for (;;) {
      const node = await this.#options.create(this.#pace)
      // Before it starts, so that no connection comes unnoticed.
      node.addEventListener('connection:open', ({ detail }) => this.#opened(detail))
      node.addEventListener('connection:close', ({ detail }) => this.#closed(detail))
      node.addEventListener('peer:identify', ({ detail }) => this.#identified(detail))
      await node.handle(this.#peerProtocol, (stream, connection) => this.#accept(stream, connection), {
        runOnLimitedConnection: true,
        maxInboundStreams: 8,
        maxOutboundStreams: 8,
      })
      try {
        await node.start()
        return node
      } catch (cause) {
        if (this.#options.startAgain?.(cause) === true) continue
        throw new NetworkError('ListenFailed', `The network could not start: ${messageOf(cause)}`, cause)
      }
    }
  }

  #opened(connection: Connection): void {
    if (this.#stopped) return
    this.#link(nameOf(connection.remotePeer)).addConnection(connection)
  }

  #closed(connection: Connection): void {
    const peer = nameOf(connection.remotePeer)
    const link = this.#links.get(peer)
    if (link === undefined) return
    link.removeConnection(connection)
    if (!link.isIdle) return
    this.#links.delete(peer)
    this.#dialer.failed(peer, 'the connection was closed')
  }

  #identified(result: IdentifyResult): void {
    if (result.protocols.includes(this.#peerProtocol)) return
    const peer = nameOf(result.peerId)
    if (this.#links.get(peer)?.isUp !== true) this.#dialer.failed(peer, foreign)
  }

  #accept(stream: Stream, connection: Connection): void {
    if (this.#stopped) {
      stream.abort(new Error('this node stops'))
      return
    }
    const link = this.#link(nameOf(connection.remotePeer))
    link.addConnection(connection)
    link.accept(stream, connection)
  }

  #link(peer: PeerId): PeerLink {
    let link = this.#links.get(peer)
    if (link === undefined) {
      link = new PeerLink(this.self, peer, {
        protocol: this.#peerProtocol,
        up: (path) => this.#up(peer, path),
        path: (path) => this.#path(peer, path),
        down: (reason) => this.#down(peer, reason),
        fault: (reason) => this.#listener?.fault?.(peer, reason),
        frame: (frame) => this.#listener?.frame(peer, frame) ?? Promise.resolve(),
        refused: () => this.#dialer.failed(peer, foreign),
      })
      this.#links.set(peer, link)
    }
    return link
  }

  *#paths(): Iterable<readonly [PeerId, PeerPath]> {
    for (const [peer, { path }] of this.#links) if (path !== undefined) yield [peer, path]
  }

  #up(peer: PeerId, path: PeerPath): void {
    this.#listener?.peerUp(peer, path)
    this.#dialer.up(peer)
    this.#seekDirect(peer, path)
  }

  #path(peer: PeerId, path: PeerPath): void {
    this.#listener?.peerPath(peer, path)
    this.#seekDirect(peer, path)
  }

  #down(peer: PeerId, reason: DownReason): void {
    this.#upgrade?.settled(peer)
    this.#listener?.peerDown(peer, reason)
  }

  #seekDirect(peer: PeerId, path: PeerPath): void {
    if (path.direct) this.#upgrade?.settled(peer)
    else if (this.#links.get(peer)?.opens === true) this.#upgrade?.wanted(peer)
  }

  #join(node: TabmeshLibp2p, name: string): void {
    const topic = this.#names.topic(name)
    node.services.pubsub.topicValidators.set(topic, async (from, { data }) => {
      const verdict = await this.#listener?.gossip(name, nameOf(from), data)
      // Its own names for the same three words.
      return (verdict ?? 'ignore') as TopicValidatorResult
    })
    node.services.pubsub.subscribe(topic)
  }
}

const foreign = 'it is no node of this network'

function nameOf(peer: LibPeerId): PeerId {
  return peer.toString() as PeerId
}
