import type { Connection, Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { PeerId } from '../kernel/ids.ts'
import * as dht from './dht.ts'
import type { DialPace } from './dial-pace.ts'
import type { PeerPath } from './network.ts'
import { NetworkError } from './network.ts'
import type { PeerLink } from './peer-link.ts'
import { Slots } from './slots.ts'

export interface DialTarget {
  readonly peer?: PeerId
  readonly addresses?: readonly string[]
}

export interface DialerOwner {
  /** The link to a peer, made if there is none. */
  link(peer: PeerId): PeerLink
  /** Peers that are up, and how. */
  paths(): Iterable<readonly [PeerId, PeerPath]>
  readonly pace: DialPace
}

/** A dialled peer has this long to be connected, and again to be up. */
const dialTimeoutMs = 10_000
const dialsAtATime = 8
/** The protocol by which a relay takes reservations and passes connections on (circuit relay v2, hop). */
const hopProtocol = '/libp2p/circuit/relay/0.2.0/hop'

/** Where the peer store keeps what a peer told by identify. */
const identifiedKey = 'AgentVersion'

interface Waiter {
  up(): void
  failed(why: string): void
}

/** Makes connections to peers, and waits until they are up. */
export class Dialer {
  readonly #owner: DialerOwner
  readonly #slots = new Slots(dialsAtATime)
  readonly #waiters = new Map<PeerId, Set<Waiter>>()

  constructor(owner: DialerOwner) {
    this.#owner = owner
  }

  /** Resolves when the peer is up, rejects with NetworkError `DialFailed`. */
  dial(node: Libp2p, target: DialTarget): Promise<PeerId> {
    return this.#slots.run(async () => {
      try {
        const connection = await this.#connect(node, target)
        const peer = connection.remotePeer.toString() as PeerId
        await this.#untilUp(peer, connection)
        return peer
      } catch (cause) {
        const asked = target.peer ?? target.addresses?.join(', ') ?? 'nothing'
        throw new NetworkError('DialFailed', `Could not reach ${asked}: ${messageOf(cause)}`, cause)
      }
    })
  }

  #connect(node: Libp2p, target: DialTarget): Promise<Connection> {
    const peer = target.peer ?? peerOf(target.addresses?.[0])
    const connecting = () => connect(node, target, this.#owner)
    return peer === undefined ? connecting() : this.#owner.pace.ours(peer, connecting)
  }

  /** The peer is up. */
  up(peer: PeerId): void {
    for (const waiter of this.#waiters.get(peer) ?? []) waiter.up()
  }

  /** The peer will not be up by what is under way. */
  failed(peer: PeerId, why: string): void {
    for (const waiter of this.#waiters.get(peer) ?? []) waiter.failed(why)
  }

  #untilUp(peer: PeerId, connection: Connection): Promise<void> {
    const link = this.#owner.link(peer)
    link.addConnection(connection)
    if (link.isUp) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const waiters = this.#waiters.get(peer) ?? new Set()
      this.#waiters.set(peer, waiters)
      const done = () => {
        clearTimeout(timer)
        waiters.delete(waiter)
        if (waiters.size === 0) this.#waiters.delete(peer)
      }
      const waiter: Waiter = {
        up: () => {
          done()
          resolve()
        },
        failed: (why) => {
          done()
          reject(new Error(why))
        },
      }
      const timer = setTimeout(() => waiter.failed('it opened no stream in time'), dialTimeoutMs)
      waiters.add(waiter)
      link.retry()
    })
  }
}

/** Dials a peer by WebRTC, over the relayed address it is reached at. */
export async function dialDirect(node: Libp2p, peer: PeerId, relayed: string): Promise<void> {
  const relay = multiaddr(relayed.slice(0, relayed.lastIndexOf('/p2p/')))
  await node.dial(relay.encapsulate(`/webrtc/p2p/${peer}`), { signal: AbortSignal.timeout(dialTimeoutMs) })
}

/** Browsers throw bare events where a socket could not be opened, and say no more. */
export function messageOf(cause: unknown): string {
  if (cause instanceof AggregateError) return cause.errors.map(messageOf).join('; ')
  return cause instanceof Error ? cause.message : 'no connection could be made'
}

/** By the addresses given; else by those known and through every relay; else by what the DHT says. */
async function connect(
  node: Libp2p,
  { peer, addresses }: DialTarget,
  owner: DialerOwner,
): Promise<Connection> {
  if (addresses !== undefined && addresses.length > 0) {
    return await dialAny(
      node,
      addresses.map((address) => withPeer(address, peer)),
    )
  }
  if (peer === undefined) throw new Error('neither a peer nor an address was given')
  const known = [...(await knownAddresses(node, peer)), ...(await throughRelays(node, peer, owner))]
  let failure: unknown = new Error('no relay is connected, and no address of it is known')
  if (known.length > 0) {
    try {
      return await dialAny(node, known)
    } catch (error) {
      failure = error
    }
  }
  const found = (await dht.findPeer(node, peer))?.filter(withoutWebRtc) ?? []
  const fresh = found.map((address) => withPeer(address, peer)).filter((address) => !known.includes(address))
  if (fresh.length === 0) throw failure
  return await dialAny(node, fresh)
}

function dialAny(node: Libp2p, addresses: readonly string[]): Promise<Connection> {
  const targets = addresses.map((address) => multiaddr(address))
  return node.dial(targets, { signal: AbortSignal.timeout(dialTimeoutMs) })
}

async function knownAddresses(node: Libp2p, peer: PeerId): Promise<string[]> {
  try {
    const { addresses } = await node.peerStore.get(peerIdFromString(peer))
    return addresses.map((address) => withPeer(address.multiaddr.toString(), peer)).filter(withoutWebRtc)
  } catch {
    return []
  }
}

/** One address through every relay this node is up with. */
async function throughRelays(node: Libp2p, peer: PeerId, owner: DialerOwner): Promise<string[]> {
  const ways: string[] = []
  for (const [relay, path] of [...owner.paths()]) {
    if (relay === peer || !path.direct) continue
    if (await mayRelay(node, relay)) ways.push(`${path.remoteAddress}/p2p-circuit/p2p/${peer}`)
  }
  return ways
}

/** A peer that has not said yet what it speaks is worth a try. */
async function mayRelay(node: Libp2p, peer: PeerId): Promise<boolean> {
  try {
    const { protocols, metadata } = await node.peerStore.get(peerIdFromString(peer))
    return protocols.includes(hopProtocol) || !metadata.has(identifiedKey)
  } catch {
    return true
  }
}

/** The last one that the address names: those before it are on the way. */
function peerOf(address: string | undefined): PeerId | undefined {
  const [, peer] = /\/p2p\/([^/]+)$/.exec(address ?? '') ?? []
  return peer as PeerId | undefined
}

/** The address with the peer's id at its end. */
function withPeer(address: string, peer: PeerId | undefined): string {
  return peer === undefined || address.endsWith(`/p2p/${peer}`) ? address : `${address}/p2p/${peer}`
}

/** WebRTC is dialled by one end only, once the relayed link stands. */
function withoutWebRtc(address: string): boolean {
  return !/\/webrtc(\/|$)/.test(address)
}
