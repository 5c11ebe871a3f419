import type { PeerCommand, PeerEvent } from '../inputs.ts'
import { cancelledAtHome } from './cancelled-at-home.ts'
import { dialledRelayCoordinates } from './dialled-relay-coordinates.ts'
import { endAtHomeIsReceived } from './end-at-home-is-received.ts'
import { joinedPeerIsMet } from './joined-peer-is-met.ts'
import { lostPeerLosesLeases } from './lost-peer-loses-leases.ts'
import { ownTasksComeHome } from './own-tasks-come-home.ts'
import { returnedCoordinatorHasTheTasks } from './returned-coordinator-has-the-tasks.ts'

type Flow<E> = (event: E) => readonly PeerCommand[]
type FlowTable = { readonly [T in PeerEvent['type']]: readonly Flow<Extract<PeerEvent, { type: T }>>[] }

/** The rules by which what happens in one domain has consequences in another; complete by the compiler's word. */
const flows: FlowTable = {
  memberJoined: [joinedPeerIsMet],
  memberLost: [lostPeerLosesLeases],
  relayJoined: [dialledRelayCoordinates],
  relayUnreachable: [],
  taskAccepted: [],
  taskRefused: [],
  taskAssigned: [],
  attemptLost: [],
  taskFinished: [endAtHomeIsReceived],
  verdict: [],
  conduct: [],
  badAnswer: [],
  adopted: [],
  runStarted: [],
  runEnded: [],
  submissionAccepted: [],
  submissionRefused: [],
  resultReceived: [],
  workersMissing: [],
  tasksTakenHome: [ownTasksComeHome],
  tasksHandedOver: [returnedCoordinatorHasTheTasks],
  homeTasksCancelled: [cancelledAtHome],
}

/** Commands that follow from the event, in the order of its rules. */
export function consequences(event: PeerEvent): PeerCommand[] {
  const rules = flows[event.type] as readonly Flow<PeerEvent>[]
  return rules.flatMap((rule) => rule(event))
}
