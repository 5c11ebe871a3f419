import type { TopologyEvent } from '../../topology/topology.ts'
import type { PeerCommand } from '../inputs.ts'

/** A relay of the config takes submissions and hands out work; whoever else says that it is one does not. */
export const dialledRelayCoordinates = (
  event: Extract<TopologyEvent, { type: 'relayJoined' }>,
): PeerCommand[] => [
  { type: 'worker/coordinatorUp', peer: event.peer },
  { type: 'submitter/coordinatorUp', peer: event.peer },
]
