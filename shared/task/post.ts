import { chunks } from '../kernel/chunks.ts'
import type { PeerId, TaskId } from '../kernel/ids.ts'
import type { CoordinatorOut } from './coordinator-ports.ts'
import type { Admittance, Assignment, AttemptKey, CommittedItem, FinishedTask } from './messages.ts'
import { type Payload, sizeOf } from './payload.ts'

/** SEC-08: a batch envelope holds at most 256 items and 64 KiB; some of it is the envelope's own. */
export const batchItemsMax = 256
export const batchBytesMax = 60 * 1024

/** Upper bounds of the encoded fixed parts, in bytes. */
const taskBytes = 1_100
const keyBytes = 80
const committedBytes = 220
const voteBytes = 1_400
const transitionBytes = 32

export const carriedBytes = (payload: Payload | null): number =>
  payload === null || payload.kind === 'blob' ? 120 : sizeOf(payload)

const assignmentBytes = (item: Assignment): number => taskBytes + carriedBytes(item.input)
const finishedBytes = (item: FinishedTask): number =>
  taskBytes +
  voteBytes * (1 + item.votes.length) +
  transitionBytes * item.transitions.length +
  carriedBytes(item.output) +
  item.votes.reduce((sum, vote) => sum + (vote.output?.length ?? 0), 0) +
  4 * ((item.error?.message.length ?? 0) + (item.error?.stack?.length ?? 0))

interface Parcel {
  readonly assigned: Assignment[]
  readonly taken: AttemptKey[]
  readonly dropped: AttemptKey[]
  readonly committed: CommittedItem[]
  readonly admitted: Admittance[]
  readonly finished: FinishedTask[]
  readonly withdrawn: TaskId[]
}

/** What a coordinator has to say to each peer at the end of a tick, in as few messages as fit. */
export class Post {
  readonly #parcels = new Map<PeerId, Parcel>()

  to(peer: PeerId): Parcel {
    let parcel = this.#parcels.get(peer)
    if (parcel === undefined) {
      parcel = {
        assigned: [],
        taken: [],
        dropped: [],
        committed: [],
        admitted: [],
        finished: [],
        withdrawn: [],
      }
      this.#parcels.set(peer, parcel)
    }
    return parcel
  }

  flush(out: CoordinatorOut): void {
    if (this.#parcels.size === 0) return
    for (const [peer, parcel] of this.#parcels) this.#send(peer, parcel, out)
    this.#parcels.clear()
  }

  #send(peer: PeerId, parcel: Parcel, out: CoordinatorOut): void {
    if (parcel.taken.length + parcel.dropped.length > 0) {
      for (const taken of chunks(parcel.taken, () => keyBytes, batchItemsMax, batchBytesMax)) {
        out.send(peer, { type: 'task/settle', taken, dropped: [] })
      }
      for (const dropped of chunks(parcel.dropped, () => keyBytes, batchItemsMax, batchBytesMax)) {
        out.send(peer, { type: 'task/settle', taken: [], dropped })
      }
    }
    for (const items of chunks(parcel.committed, () => committedBytes, batchItemsMax, batchBytesMax)) {
      out.send(peer, { type: 'task/committed', items })
    }
    for (const items of chunks(parcel.assigned, assignmentBytes, batchItemsMax, batchBytesMax)) {
      out.send(peer, { type: 'task/assign', items })
    }
    for (const items of chunks(parcel.admitted, () => 4 * keyBytes, batchItemsMax, batchBytesMax)) {
      out.send(peer, { type: 'task/submitReply', items })
    }
    for (const taskIds of chunks(parcel.withdrawn, () => keyBytes, batchItemsMax, batchBytesMax)) {
      out.send(peer, { type: 'task/withdrawn', taskIds })
    }
    for (const items of chunks(parcel.finished, finishedBytes, batchItemsMax, batchBytesMax)) {
      out.send(peer, { type: 'task/finished', items })
    }
  }
}
