import type { PeerId, TaskId } from '../kernel/ids.ts'
import type { Out } from '../kernel/machine.ts'
import type { Assignment, ErrorText, FromWorker, HandBackReason, ToWorker } from './messages.ts'
import type { Payload } from './payload.ts'
import type { Outcome } from './task.ts'

/** What the host found when it ran an assignment. `none`: no outcome, the attempt is handed back. */
export type Ran =
  | {
      readonly kind: 'outcome'
      readonly outcome: Outcome
      readonly output: Payload | null
      readonly error: ErrorText | null
      readonly durationMs: number
      /** ISO 8601 UTC. */
      readonly at: string
      /** 32 random bytes for the commitment. */
      readonly salt: Uint8Array
    }
  | { readonly kind: 'none'; readonly reason: HandBackReason }

export type WorkerCommand =
  | { readonly type: 'worker/ran'; readonly runId: number; readonly ran: Ran }
  /** The run waits for what it needs; so many bytes have come. */
  | { readonly type: 'worker/fetching'; readonly runId: number; readonly bytes: number }
  /** After `fetching`: all is here, the program runs. */
  | { readonly type: 'worker/began'; readonly runId: number }
  /** Slots to lend; 0 pauses: what is held goes back. */
  | { readonly type: 'worker/lend'; readonly slots: number }
  /** Leaving soon: what has not begun goes back, nothing more is taken, what runs is finished and answered. */
  | { readonly type: 'worker/drain' }
  | { readonly type: 'worker/coordinatorUp'; readonly peer: PeerId }
  | { readonly type: 'worker/peerLost'; readonly peer: PeerId }

export type WorkerInput =
  | { readonly kind: 'message'; readonly from: PeerId; readonly message: ToWorker }
  | { readonly kind: 'command'; readonly command: WorkerCommand }
  | { readonly kind: 'timer'; readonly key: string }
  | { readonly kind: 'resumed'; readonly gapMs: number }

export type WorkerAsk =
  /** Fetch program and input, check their hashes, run; comes back as `worker/ran`. */
  | {
      readonly type: 'run'
      readonly runId: number
      readonly from: PeerId
      readonly assignment: Assignment
      /** More run than there are slots: where it cannot begin in a moment, it ends as `none` with reason `paused`. */
      readonly isAhead: boolean
    }
  | { readonly type: 'stopRun'; readonly runId: number }

export type WorkerEvent =
  | {
      readonly type: 'runStarted'
      readonly runId: number
      readonly taskId: TaskId
      readonly submitter: PeerId
    }
  | { readonly type: 'runEnded'; readonly runId: number; readonly taskId: TaskId; readonly answered: boolean }

export type WorkerOut = Out<FromWorker, WorkerEvent, WorkerAsk>

export interface WorkerConfig {
  /** Attempts held per slot at least, the running one included, unless runs are long: hides the way to the coordinator and back. */
  readonly heldPerSlot: number
  /** Attempts held per slot take this long, as far as can be told: short ones are carried by the hundred. */
  readonly heldAheadMs: number
  /** What the host has at one time, for each slot, takes so long, as far as can be told; one run at least. */
  readonly startAheadMs: number
  /** What waits behind a run that takes longer than this is given back at the next heartbeat, but for `heldPerSlot`. */
  readonly blockedMs: number
  /** Nothing waits behind runs that take this long. */
  readonly longRunMs: number
  /** Most attempts held at one time, whatever the slots. */
  readonly heldMax: number
  readonly coordinatorsMax: number
  /** Submitters without a relay that are served at one time. */
  readonly guestsMax: number
  /** Heartbeat while work is held; a third of the coordinator's lease. */
  readonly busyBeatMs: number
  readonly idleBeatMs: number
  /** Repeats answers that were not acknowledged. */
  readonly resendMs: number
  /** Work of a coordinator that was lost for this long is dropped. */
  readonly forgetMs: number
  /** Answers wait this long for company under one signature: when no other run is to come, and when there is. */
  readonly gatherMs: number
  readonly gatherBusyMs: number
  /** What is held is told this often at most, unless less is lent. */
  readonly offerGapMs: number
}

export const defaultWorkerConfig: WorkerConfig = {
  heldPerSlot: 3,
  heldAheadMs: 200,
  startAheadMs: 16,
  blockedMs: 2_000,
  longRunMs: 10_000,
  heldMax: 256,
  coordinatorsMax: 64,
  guestsMax: 16,
  busyBeatMs: 5_000,
  idleBeatMs: 20_000,
  resendMs: 3_000,
  forgetMs: 5 * 60_000,
  gatherMs: 4,
  gatherBusyMs: 100,
  offerGapMs: 250,
}
