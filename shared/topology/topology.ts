import { after, type Instant, type PeerId } from '../kernel/ids.ts'
import { unreachable } from '../kernel/invariant.ts'
import type { Machine, Out, Row } from '../kernel/machine.ts'
import type { Random } from '../kernel/random.ts'
import type { NodeKind } from '../membership/membership.ts'

/** Tab to relay: introduce me to some others. */
export interface NeighboursWanted {
  readonly type: 'mesh/neighboursWanted'
  readonly count: number
}

/** Relay to tab: tabs that are looking for company. */
export interface Neighbours {
  readonly type: 'mesh/neighbours'
  readonly peers: readonly PeerId[]
}

export type TopologyMessage = NeighboursWanted | Neighbours

export type TopologyCommand =
  /** Outcome of a `dialRelay`; `peer` when it is up. */
  | { readonly type: 'topology/relayDialed'; readonly relay: string; readonly peer: PeerId | undefined }
  /** The relays of the network that live, as one of them names them: they are dialled too. */
  | { readonly type: 'topology/relaysNamed'; readonly relays: readonly string[] }
  /** Outcome of a `dialPeer` that failed; success shows as the peer being up. */
  | { readonly type: 'topology/dialFailed'; readonly peer: PeerId }
  | { readonly type: 'topology/memberJoined'; readonly peer: PeerId; readonly kind: NodeKind }
  | { readonly type: 'topology/memberLost'; readonly peer: PeerId }

export type TopologyInput =
  | { readonly kind: 'message'; readonly from: PeerId; readonly message: TopologyMessage }
  | { readonly kind: 'command'; readonly command: TopologyCommand }
  | { readonly kind: 'timer'; readonly key: string }
  | { readonly kind: 'start' }
  | { readonly kind: 'resumed'; readonly gapMs: number }

export type TopologyAsk =
  | { readonly type: 'dialRelay'; readonly relay: string }
  | { readonly type: 'dialPeer'; readonly peer: PeerId }

export type TopologyEvent =
  | { readonly type: 'relayUnreachable'; readonly relay: string; readonly failures: number }
  /** A relay that was dialled from the config is up and says that it is one. */
  | { readonly type: 'relayJoined'; readonly peer: PeerId }

export type TopologyOut = Out<TopologyMessage, TopologyEvent, TopologyAsk>

/** Asked of membership. */
export interface Members {
  sampleTabs(count: number, not: PeerId): PeerId[]
  isUp(peer: PeerId): boolean
}

export interface TopologyConfig {
  readonly self: PeerId
  /** Configured relays, as the host dials them. */
  readonly relays: readonly string[]
  /** Other tabs this node wants to be connected to; 0 for agents and relays. */
  readonly neighboursWanted: number
  /** Introductions beyond this many tabs are declined. */
  readonly neighboursMax: number
  /** How often a node with too few neighbours asks. */
  readonly seekMs: number
}

/** Below ten nodes the mesh is full (NET-14): nine neighbours. */
export const tabNeighbours = { neighboursWanted: 9, neighboursMax: 16, seekMs: 5_000 }
export const noNeighbours = { neighboursWanted: 0, neighboursMax: 0, seekMs: 60_000 }

/**
 * Waits before a lost relay is dialled again, in seconds: soon at first, as a relay that restarts is back within
 * moments, then by NET-05's 60, 120, 240 … 600.
 */
const redialSeconds: readonly number[] = [0.5, 1, 2, 4, 8, 16, 60, 120, 240, 480, 600]
/** Relays that are dialled because others named them; what is named beyond is not. */
const relaysNamedMax = 16
/** One that is not named any more is let go after so many failures. */
const failuresMax = 6
/** Tabs one relay introduces at a time. */
const introductionsMax = 16

const seekTimer = 'topology/seek'
const redialTimer = 'topology/redial'

interface RelayLink {
  readonly relay: string
  /** From the config: never let go. */
  readonly isOwn: boolean
  /** Whether it was among those that were named last. */
  isNamed: boolean
  /** Whom a dial to it last led to. */
  lastPeer: PeerId | undefined
  peer: PeerId | undefined
  failures: number
  /** When to dial; `undefined` while a dial is under way or the relay is up. */
  dialAt: Instant | undefined
}

/**
 * Keeps this node connected: to its relays, redialled until they are back, and to some other tabs, so that the
 * network outlives the relays. Of two tabs the one with the lower id dials.
 */
export class Topology implements Machine<TopologyInput, TopologyMessage, TopologyEvent, TopologyAsk> {
  readonly #config: TopologyConfig
  readonly #members: Members
  readonly #random: Random
  #links: RelayLink[]
  /** Members that call themselves relays; only those that were dialled are believed. */
  readonly #claimed = new Set<PeerId>()
  readonly #relays = new Set<PeerId>()
  readonly #neighbours = new Set<PeerId>()
  readonly #dialling = new Set<PeerId>()
  #seeking = false

  constructor(config: TopologyConfig, members: Members, random: Random) {
    this.#config = config
    this.#members = members
    this.#random = random
    this.#links = config.relays.map((relay) => newLink(relay, true))
  }

  handle(input: TopologyInput, now: Instant, out: TopologyOut): void {
    switch (input.kind) {
      case 'start':
        for (const link of this.#links) out.ask({ type: 'dialRelay', relay: link.relay })
        return
      case 'command':
        return this.#command(input.command, now, out)
      case 'message':
        return this.#message(input.from, input.message, out)
      case 'timer':
        return input.key === redialTimer ? this.#redial(now, out) : this.#seek(now, out)
      case 'resumed':
        for (const link of this.#links) if (link.dialAt !== undefined) link.dialAt = now
        return this.#redial(now, out)
      default:
        return unreachable(input)
    }
  }

  restore(_rows: Iterable<Row>): void {}
  restored(_now: Instant): void {}

  #command(command: TopologyCommand, now: Instant, out: TopologyOut): void {
    switch (command.type) {
      case 'topology/relayDialed':
        return this.#relayDialed(command.relay, command.peer, now, out)
      case 'topology/relaysNamed':
        return this.#relaysNamed(command.relays, now, out)
      case 'topology/dialFailed':
        this.#dialling.delete(command.peer)
        return
      case 'topology/memberJoined':
        this.#dialling.delete(command.peer)
        if (command.kind === 'tab') this.#neighbours.add(command.peer)
        if (command.kind !== 'relay') return
        this.#claimed.add(command.peer)
        // The host may have found a relay again by itself, long before the next dial of it is due.
        for (const link of this.#links) if (link.lastPeer === command.peer) this.#linkedTo(link, command.peer)
        return this.#believe(command.peer, now, out)
      case 'topology/memberLost':
        return this.#memberLost(command.peer, now, out)
      default:
        return unreachable(command)
    }
  }

  #message(from: PeerId, message: TopologyMessage, out: TopologyOut): void {
    switch (message.type) {
      case 'mesh/neighboursWanted': {
        const peers = this.#members.sampleTabs(Math.min(message.count, introductionsMax), from)
        if (peers.length === 0) return
        out.sendVolatile(from, { type: 'mesh/neighbours', peers })
        for (const peer of peers) out.sendVolatile(peer, { type: 'mesh/neighbours', peers: [from] })
        return
      }
      case 'mesh/neighbours':
        if (this.#relays.has(from)) for (const peer of message.peers) this.#introduced(peer, out)
        return
      default:
        return unreachable(message)
    }
  }

  #introduced(peer: PeerId, out: TopologyOut): void {
    if (this.#neighbours.has(peer) || this.#dialling.has(peer) || this.#config.self >= peer) return
    if (this.#neighbours.size + this.#dialling.size >= this.#config.neighboursMax) return
    this.#dialling.add(peer)
    out.ask({ type: 'dialPeer', peer })
  }

  #relayDialed(relay: string, peer: PeerId | undefined, now: Instant, out: TopologyOut): void {
    const link = this.#links.find((candidate) => candidate.relay === relay)
    if (link === undefined) return
    // It may be lost again by the time the dial reports.
    if (peer !== undefined && this.#members.isUp(peer)) {
      this.#linkedTo(link, peer)
      return this.#believe(peer, now, out)
    }
    // It came up while the dial was under way.
    if (link.peer !== undefined) return
    link.failures++
    out.event({ type: 'relayUnreachable', relay, failures: link.failures })
    this.#redialLater(link, now, out)
  }

  #linkedTo(link: RelayLink, peer: PeerId): void {
    link.lastPeer = peer
    link.peer = peer
    link.failures = 0
    link.dialAt = undefined
  }

  #relaysNamed(relays: readonly string[], now: Instant, out: TopologyOut): void {
    const named = new Set(relays.slice(0, relaysNamedMax))
    this.#links = this.#links.filter(
      (link) => link.isOwn || named.has(link.relay) || link.failures < failuresMax,
    )
    for (const link of this.#links) {
      const isNamed = named.delete(link.relay)
      // It is back, by the word of others.
      if (isNamed && !link.isNamed && link.dialAt !== undefined) link.dialAt = now
      link.isNamed = isNamed
    }
    for (const relay of named) {
      if (this.#links.filter(({ isOwn }) => !isOwn).length >= relaysNamedMax) break
      this.#links.push({ ...newLink(relay, false), isNamed: true })
      out.ask({ type: 'dialRelay', relay })
    }
    this.#redial(now, out)
  }

  #believe(peer: PeerId, now: Instant, out: TopologyOut): void {
    const isOurs = this.#links.some((link) => link.peer === peer)
    if (!isOurs || !this.#claimed.has(peer) || this.#relays.has(peer)) return
    this.#relays.add(peer)
    out.event({ type: 'relayJoined', peer })
    this.#seek(now, out)
  }

  #memberLost(peer: PeerId, now: Instant, out: TopologyOut): void {
    this.#relays.delete(peer)
    this.#claimed.delete(peer)
    this.#dialling.delete(peer)
    if (this.#neighbours.delete(peer)) this.#seekLater(now, out)
    for (const link of this.#links) {
      if (link.peer !== peer) continue
      link.peer = undefined
      this.#redialLater(link, now, out)
    }
  }

  #redialLater(link: RelayLink, now: Instant, out: TopologyOut): void {
    const seconds = redialSeconds[Math.min(link.failures, redialSeconds.length - 1)]!
    link.dialAt = after(now, this.#random.jitter(seconds * 1_000, 0.25))
    this.#armRedial(out)
  }

  #armRedial(out: TopologyOut): void {
    let next: Instant | undefined
    for (const link of this.#links) {
      if (link.dialAt !== undefined && (next === undefined || link.dialAt < next)) next = link.dialAt
    }
    out.timer(redialTimer, next)
  }

  #redial(now: Instant, out: TopologyOut): void {
    for (const link of this.#links) {
      if (link.dialAt === undefined || link.dialAt > now) continue
      link.dialAt = undefined
      out.ask({ type: 'dialRelay', relay: link.relay })
    }
    this.#armRedial(out)
  }

  #seek(now: Instant, out: TopologyOut): void {
    this.#seeking = false
    const lacking = this.#config.neighboursWanted - this.#neighbours.size
    if (lacking <= 0) return
    for (const relay of this.#relays) {
      out.sendVolatile(relay, { type: 'mesh/neighboursWanted', count: Math.min(lacking, introductionsMax) })
      break
    }
    this.#seekLater(now, out)
  }

  #seekLater(now: Instant, out: TopologyOut): void {
    if (this.#seeking || this.#config.neighboursWanted === 0) return
    this.#seeking = true
    out.timer(seekTimer, after(now, this.#random.jitter(this.#config.seekMs, 0.3)))
  }
}

const newLink = (relay: string, isOwn: boolean): RelayLink => ({
  relay,
  isOwn,
  isNamed: false,
  lastPeer: undefined,
  peer: undefined,
  failures: 0,
  dialAt: undefined,
})
