import type { PeerId } from '../kernel/ids.ts'
import type { CoordinatorOut } from './coordinator-ports.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { TaskRecord } from './task-record.ts'

/** Waiting tasks looked at per notice; with more, some submitters learn later. */
const lookMax = 2_000

/** Tells submitters that are peers, once per change, how many workers their waiting tasks lack. */
export class WaitingNotices {
  readonly #dispatcher: Dispatcher
  readonly #told = new Map<PeerId, number>()

  constructor(dispatcher: Dispatcher) {
    this.#dispatcher = dispatcher
  }

  tell(waiting: Iterable<TaskRecord>, out: CoordinatorOut): void {
    const missing = new Map<PeerId, number>()
    let looked = 0
    for (const record of waiting) {
      if (++looked > lookMax) break
      const { submitter } = record.submission.task
      if (record.origin !== 'peer' || missing.has(submitter)) continue
      const workers = this.#dispatcher.missingWorkers(record)
      if (workers > 0) missing.set(submitter, workers)
    }
    for (const peer of this.#told.keys()) if (!missing.has(peer)) this.#say(peer, 0, out)
    for (const [peer, workers] of missing) if (this.#told.get(peer) !== workers) this.#say(peer, workers, out)
  }

  forget(peer: PeerId): void {
    this.#told.delete(peer)
  }

  #say(peer: PeerId, missingWorkers: number, out: CoordinatorOut): void {
    if (missingWorkers === 0) this.#told.delete(peer)
    else this.#told.set(peer, missingWorkers)
    out.sendVolatile(peer, { type: 'task/waiting', missingWorkers })
  }
}
