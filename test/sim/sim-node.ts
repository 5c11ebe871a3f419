import type { Instant, PeerId } from '../../shared/kernel/ids.ts'
import { Outbox, type Row } from '../../shared/kernel/machine.ts'
import type { NodeKind } from '../../shared/membership/membership.ts'
import type { PeerAsk, PeerEvent } from '../../shared/peer/inputs.ts'
import type { Peer } from '../../shared/peer/peer.ts'
import type { WireMessage } from '../../shared/peer/wire.ts'

/** One way of a connection: frames arrive in the order they were sent. */
export interface Lane {
  /** Base latency of the way in ms. */
  readonly latencyMs: number
  arrivesAt: number
}

/** A simulated node: the real peer machine, a disk, timers and its connections. */
export class SimNode {
  readonly id: PeerId
  readonly kind: NodeKind
  readonly outbox = new Outbox<WireMessage, PeerEvent, PeerAsk>()
  /** Rows that are durable. */
  readonly disk = new Map<string, unknown>()
  readonly lanes = new Map<SimNode, Lane>()
  /** Due time of each timer; an event of another time is stale. */
  readonly timers = new Map<string, number>()
  /** Runs under way, by id, with when each started. */
  readonly runs = new Map<number, number>()
  /** What this worker answers instead of the truth. */
  lie: string | undefined
  /** What its clock says beyond the true time, in ms. */
  skewMs = 0
  /** Its runs take this share of their time: one who does not compute answers at once. */
  pace = 1
  peer: Peer
  up = true
  slots = 0
  joinedAt: Instant
  /** When the last tick that saved becomes durable. */
  durableAt = 0
  /** Until then it takes no input. */
  frozenUntil = 0
  /** Counts restarts: events of an earlier life are void. */
  life = 0

  constructor(id: PeerId, kind: NodeKind, peer: Peer, joinedAt: Instant) {
    this.id = id
    this.kind = kind
    this.peer = peer
    this.joinedAt = joinedAt
  }

  /** In key order, as a store lists them. */
  rows(): Row[] {
    return [...this.disk].map(([key, value]) => ({ key, value })).sort((a, b) => (a.key < b.key ? -1 : 1))
  }
}
