import type { MembershipEvent } from '../../membership/membership.ts'
import type { PeerCommand } from '../inputs.ts'

/** A relay that joined takes submissions and hands out work. */
export const joinedRelayCoordinates = (
  event: Extract<MembershipEvent, { type: 'memberJoined' }>,
): PeerCommand[] =>
  event.kind === 'relay'
    ? [
        { type: 'worker/coordinatorUp', peer: event.peer },
        { type: 'submitter/coordinatorUp', peer: event.peer },
      ]
    : []
