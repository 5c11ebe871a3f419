import type { CoordinatorEvent } from '../../task/coordinator-ports.ts'
import type { PeerCommand } from '../inputs.ts'

/** What a node coordinated for itself it need not send itself. A relay submits nothing, and has nobody to tell. */
export const endAtHomeIsReceived = (
  event: Extract<CoordinatorEvent, { type: 'taskFinished' }>,
): PeerCommand[] => [{ type: 'submitter/ended', finished: event.finished }]
