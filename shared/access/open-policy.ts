import type { PeerId } from '../kernel/ids.ts'
import { type Refusal, refuse } from '../kernel/refusal.ts'
import type { PeerStanding } from '../task/coordinator-ports.ts'
import type { Priority } from '../task/task.ts'

/**
 * Network policy `open` (RBC-02): everyone may submit and work; critical priority is for the network's admins,
 * which are the relay's own key and the genesis' `adminKeys`.
 */
export class OpenPolicy implements PeerStanding {
  readonly #admins: ReadonlySet<PeerId>

  constructor(admins: Iterable<PeerId>) {
    this.#admins = new Set(admins)
  }

  maySubmit(peer: PeerId, priority: Priority): Refusal | undefined {
    if (priority !== 'critical' || this.#admins.has(peer)) return undefined
    return refuse('Forbidden', 'Forbidden: missing submit_critical_task permission')
  }

  mayExecute(_peer: PeerId): Refusal | undefined {
    return undefined
  }
}
