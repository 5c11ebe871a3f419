import type { MembershipEvent } from '../../membership/membership.ts'
import type { PeerCommand } from '../inputs.ts'

/** What a lost peer held goes to others at once, and nothing more is sent its way. */
export const lostPeerLosesLeases = (
  event: Extract<MembershipEvent, { type: 'memberLost' }>,
): PeerCommand[] => [
  { type: 'coordinator/peerLost', peer: event.peer },
  { type: 'worker/peerLost', peer: event.peer },
  { type: 'submitter/peerLost', peer: event.peer },
  { type: 'topology/memberLost', peer: event.peer },
]
