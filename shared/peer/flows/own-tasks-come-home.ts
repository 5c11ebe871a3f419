import type { SubmitterEvent } from '../../task/submitter.ts'
import type { PeerCommand } from '../inputs.ts'

/** A submitter that has been without a coordinator for too long is its own. */
export const ownTasksComeHome = (
  event: Extract<SubmitterEvent, { type: 'tasksTakenHome' }>,
): PeerCommand[] => [{ type: 'coordinator/takeHome', items: event.items }]
