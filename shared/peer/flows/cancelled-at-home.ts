import type { SubmitterEvent } from '../../task/submitter.ts'
import type { PeerCommand } from '../inputs.ts'

/** Whoever coordinates a task is told that it is wanted no more; here that is this node. */
export const cancelledAtHome = (
  event: Extract<SubmitterEvent, { type: 'homeTasksCancelled' }>,
): PeerCommand[] => [{ type: 'coordinator/cancel', from: event.submitter, taskIds: event.taskIds }]
