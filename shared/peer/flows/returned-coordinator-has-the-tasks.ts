import type { SubmitterEvent } from '../../task/submitter.ts'
import type { PeerCommand } from '../inputs.ts'

/** One coordinator at a time: what is handed over is let go of here. */
export const returnedCoordinatorHasTheTasks = (
  event: Extract<SubmitterEvent, { type: 'tasksHandedOver' }>,
): PeerCommand[] => [{ type: 'coordinator/release', taskIds: event.taskIds }]
