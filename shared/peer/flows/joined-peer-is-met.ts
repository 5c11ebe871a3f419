import type { MembershipEvent } from '../../membership/membership.ts'
import type { PeerCommand } from '../inputs.ts'

/** A peer that joined gets the results that wait for it, and counts in the mesh. */
export const joinedPeerIsMet = (event: Extract<MembershipEvent, { type: 'memberJoined' }>): PeerCommand[] => [
  { type: 'coordinator/peerUp', peer: event.peer },
  { type: 'topology/memberJoined', peer: event.peer, kind: event.kind },
]
