import type { PeerId } from '../kernel/ids.ts'
import type { Effect, Outbox } from '../kernel/machine.ts'
import type { MembershipAsk, MembershipEvent } from '../membership/membership.ts'
import type { CoordinatorAsk, CoordinatorCommand, CoordinatorEvent } from '../task/coordinator-ports.ts'
import type { Admission } from '../task/messages.ts'
import type { SubmitterCommand, SubmitterEvent } from '../task/submitter.ts'
import type { WorkerAsk, WorkerCommand, WorkerEvent } from '../task/worker-ports.ts'
import type { TopologyAsk, TopologyCommand, TopologyEvent } from '../topology/topology.ts'
import type { WireMessage } from './wire.ts'

export type PeerCommand = CoordinatorCommand | WorkerCommand | SubmitterCommand | TopologyCommand
export type PeerEvent = MembershipEvent | CoordinatorEvent | WorkerEvent | SubmitterEvent | TopologyEvent
export type PeerAsk = MembershipAsk | CoordinatorAsk | WorkerAsk | TopologyAsk

export type PeerEffect = Effect<WireMessage, PeerEvent, PeerAsk>
export type PeerOutbox = Outbox<WireMessage, PeerEvent, PeerAsk>

/** Everything that can happen to a peer. Messages are authenticated and checked for shape before they come here. */
export type PeerInput =
  | { readonly kind: 'start' }
  | { readonly kind: 'message'; readonly from: PeerId; readonly message: WireMessage }
  | { readonly kind: 'command'; readonly command: PeerCommand }
  | { readonly kind: 'timer'; readonly key: string }
  | {
      readonly kind: 'peerUp'
      readonly peer: PeerId
      readonly direct: boolean
      readonly admission: Admission | null
    }
  | { readonly kind: 'peerPath'; readonly peer: PeerId; readonly direct: boolean }
  | { readonly kind: 'peerDown'; readonly peer: PeerId }
  /** The clock jumped forward by over 10 s: sleep, freeze, a hidden tab. Comes before anything else. */
  | { readonly kind: 'resumed'; readonly gapMs: number }
