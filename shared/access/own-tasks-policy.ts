import type { PeerId } from '../kernel/ids.ts'
import { type Refusal, refuse } from '../kernel/refusal.ts'
import type { PeerStanding } from '../task/coordinator-ports.ts'

/** Of a submitter that coordinates its own tasks: those and no others; whoever it asked may work. */
export class OwnTasksPolicy implements PeerStanding {
  readonly #self: PeerId

  constructor(self: PeerId) {
    this.#self = self
  }

  maySubmit(peer: PeerId): Refusal | undefined {
    return peer === this.#self
      ? undefined
      : refuse('NotACoordinator', 'this peer coordinates its own tasks only')
  }

  mayExecute(_peer: PeerId): Refusal | undefined {
    return undefined
  }
}
