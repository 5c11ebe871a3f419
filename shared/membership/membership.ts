import { BoundedMap } from '../kernel/bounded.ts'
import { after, type Instant, type PeerId } from '../kernel/ids.ts'
import { unreachable } from '../kernel/invariant.ts'
import type { Machine, Out, Row } from '../kernel/machine.ts'
import type { Random } from '../kernel/random.ts'
import type { Admission } from '../task/messages.ts'

export type NodeKind = 'tab' | 'agent' | 'relay'
/** NET-09. */
export type NodeState = 'connecting' | 'online' | 'syncing' | 'offline'

export interface Presence {
  readonly type: 'member/presence'
  readonly kind: NodeKind
  readonly version: string
  readonly slots: number
  readonly running: number
  /** Whether an answer is wanted: it is how a relay is known to live. */
  readonly reply: boolean
}

export type MembershipInput =
  | { readonly kind: 'message'; readonly from: PeerId; readonly message: Presence }
  | { readonly kind: 'timer'; readonly key: string }
  | {
      readonly kind: 'peerUp'
      readonly peer: PeerId
      readonly direct: boolean
      /** What this node states of the peer when it admits it; `null` where nothing is known. */
      readonly admission: Admission | null
    }
  | { readonly kind: 'peerPath'; readonly peer: PeerId; readonly direct: boolean }
  | { readonly kind: 'peerDown'; readonly peer: PeerId }
  | { readonly kind: 'resumed'; readonly gapMs: number }

export type MembershipEvent =
  | { readonly type: 'memberJoined'; readonly peer: PeerId; readonly kind: NodeKind }
  | { readonly type: 'memberLost'; readonly peer: PeerId; readonly kind: NodeKind | undefined }

export type MembershipAsk = { readonly type: 'hangUp'; readonly peer: PeerId }
export type MembershipOut = Out<Presence, MembershipEvent, MembershipAsk>

/** A peer this node is connected to. `kind` is `undefined` until it has presented itself. */
export interface Member {
  readonly peer: PeerId
  direct: boolean
  kind: NodeKind | undefined
  version: string
  slots: number
  running: number
  readonly since: Instant
  heardAt: Instant
  readonly admission: Admission | null
}

export interface MembershipConfig {
  readonly kind: NodeKind
  readonly version: string
  readonly membersMax: number
  readonly beatMs: number
  /** Silence after which a peer counts as gone: three heartbeats. */
  readonly silenceMs: number
  /** A presentation that was lost is asked for again after this. */
  readonly introduceMs: number
}

export const defaultMembershipConfig: Omit<MembershipConfig, 'kind' | 'version'> = {
  membersMax: 20_000,
  beatMs: 20_000,
  silenceMs: 60_000,
  introduceMs: 2_000,
}

/** Asked of the worker: what to present. */
export interface Load {
  readonly slots: number
  readonly running: number
}

const beatTimer = 'membership/beat'
const introduceTimer = 'membership/introduce'

/**
 * Who this node is connected to, and what they are. Everyone sends heartbeats, relays only to one another: the others' they answer.
 *
 * Invariants: (1) `memberJoined` comes once per connection, after the peer presented itself; (2) every member that
 * joined or connected is lost exactly once.
 */
export class Membership implements Machine<MembershipInput, Presence, MembershipEvent, MembershipAsk> {
  readonly #config: MembershipConfig
  readonly #load: () => Load
  readonly #random: Random
  readonly #members: BoundedMap<PeerId, Member>
  /** Tabs that joined, for sampling; `#tabAt` is each one's position. */
  readonly #tabs: PeerId[] = []
  readonly #tabAt = new Map<PeerId, number>()
  #unintroduced = 0
  #beating = false
  #introducing = false
  #everUp = false

  constructor(config: MembershipConfig, load: () => Load, random: Random) {
    this.#config = config
    this.#load = load
    this.#random = random
    this.#members = new BoundedMap('members', config.membersMax)
  }

  get state(): NodeState {
    if (this.#members.size > 0) return 'online'
    return this.#everUp ? 'offline' : 'connecting'
  }

  isUp(peer: PeerId): boolean {
    return this.#members.has(peer)
  }

  admissionOf(peer: PeerId): Admission | null {
    return this.#members.get(peer)?.admission ?? null
  }

  *lenders(): Iterable<PeerId> {
    for (const { peer, slots } of this.#members.values()) if (slots > 0) yield peer
  }

  kindOf(peer: PeerId): NodeKind | undefined {
    return this.#members.get(peer)?.kind
  }

  all(): IterableIterator<Member> {
    return this.#members.values()
  }

  get size(): number {
    return this.#members.size
  }

  /** Up to `count` different tabs at random, `not` left out. */
  sampleTabs(count: number, not: PeerId): PeerId[] {
    const size = this.#tabs.length
    const others = size - (this.#tabAt.has(not) ? 1 : 0)
    if (others <= count) return this.#tabs.filter((tab) => tab !== not)
    const picked = new Set<PeerId>()
    while (picked.size < count) {
      const tab = this.#tabs[this.#random.below(size)]!
      if (tab !== not) picked.add(tab)
    }
    return [...picked]
  }

  /** Any frame of the peer is a sign of life. */
  heard(peer: PeerId, now: Instant): void {
    const member = this.#members.get(peer)
    if (member !== undefined) member.heardAt = now
  }

  handle(input: MembershipInput, now: Instant, out: MembershipOut): void {
    switch (input.kind) {
      case 'peerUp':
        return this.#up(input.peer, input.direct, input.admission, now, out)
      case 'peerPath': {
        const member = this.#members.get(input.peer)
        if (member !== undefined) member.direct = input.direct
        return
      }
      case 'peerDown':
        return this.#lost(input.peer, out)
      case 'message':
        return this.#presented(input.from, input.message, out)
      case 'timer':
        return input.key === introduceTimer ? this.#introduce(now, out) : this.#beat(now, out)
      case 'resumed':
        for (const member of this.#members.values()) member.heardAt = now
        return this.#beat(now, out)
      default:
        return unreachable(input)
    }
  }

  restore(_rows: Iterable<Row>): void {}
  restored(_now: Instant): void {}

  #up(peer: PeerId, direct: boolean, admission: Admission | null, now: Instant, out: MembershipOut): void {
    const known = this.#members.get(peer)
    if (known !== undefined) {
      known.direct = direct
      return
    }
    const member: Member = {
      peer,
      direct,
      kind: undefined,
      version: '',
      slots: 0,
      running: 0,
      since: now,
      heardAt: now,
      admission,
    }
    if (!this.#members.set(peer, member)) return out.ask({ type: 'hangUp', peer })
    this.#everUp = true
    this.#unintroduced++
    this.#sendPresence(peer, true, out)
    if (!this.#beating) {
      this.#beating = true
      out.timer(beatTimer, after(now, this.#random.jitter(this.#config.beatMs, 0.2)))
    }
    this.#introduceLater(now, out)
  }

  #presented(from: PeerId, presence: Presence, out: MembershipOut): void {
    const member = this.#members.get(from)
    if (member === undefined) return
    member.version = presence.version
    member.slots = presence.slots
    member.running = presence.running
    if (presence.reply) this.#sendPresence(from, false, out)
    if (member.kind !== undefined) return
    member.kind = presence.kind
    this.#unintroduced--
    if (presence.kind === 'tab') {
      this.#tabAt.set(from, this.#tabs.length)
      this.#tabs.push(from)
    }
    out.event({ type: 'memberJoined', peer: from, kind: presence.kind })
  }

  #lost(peer: PeerId, out: MembershipOut): void {
    const member = this.#members.get(peer)
    if (member === undefined) return
    this.#members.delete(peer)
    if (member.kind === undefined) this.#unintroduced--
    const at = this.#tabAt.get(peer)
    if (at !== undefined) {
      const last = this.#tabs.pop()!
      if (last !== peer) {
        this.#tabs[at] = last
        this.#tabAt.set(last, at)
      }
      this.#tabAt.delete(peer)
    }
    out.event({ type: 'memberLost', peer, kind: member.kind })
  }

  #beat(now: Instant, out: MembershipOut): void {
    this.#beating = this.#members.size > 0
    for (const member of [...this.#members.values()]) {
      if (after(member.heardAt, this.#config.silenceMs) <= now) {
        out.ask({ type: 'hangUp', peer: member.peer })
        this.#lost(member.peer, out)
      } else if (this.#config.kind !== 'relay' || member.kind === 'relay') {
        this.#sendPresence(member.peer, member.kind === 'relay', out)
      }
    }
    if (this.#beating) out.timer(beatTimer, after(now, this.#random.jitter(this.#config.beatMs, 0.2)))
  }

  /** Presence may get lost on the way: whoever has not presented itself is asked again. */
  #introduce(now: Instant, out: MembershipOut): void {
    this.#introducing = false
    if (this.#unintroduced === 0) return
    for (const member of this.#members.values()) {
      if (member.kind === undefined) this.#sendPresence(member.peer, true, out)
    }
    this.#introduceLater(now, out)
  }

  #introduceLater(now: Instant, out: MembershipOut): void {
    if (this.#introducing) return
    this.#introducing = true
    out.timer(introduceTimer, after(now, this.#config.introduceMs))
  }

  #sendPresence(to: PeerId, reply: boolean, out: MembershipOut): void {
    const { slots, running } = this.#load()
    const { kind, version } = this.#config
    out.sendVolatile(to, { type: 'member/presence', kind, version, slots, running, reply })
  }
}
