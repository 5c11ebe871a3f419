import type { PeerId } from '../../shared/kernel/ids.ts'
import type { Assignment, AttemptKey, FromWorker } from '../../shared/task/messages.ts'
import { Worker } from '../../shared/task/worker.ts'
import {
  defaultWorkerConfig,
  type Ran,
  type WorkerAsk,
  type WorkerEvent,
  type WorkerInput,
} from '../../shared/task/worker-ports.ts'
import { sha256 } from '../sim/model-programs.ts'
import { MachineDriver } from './machine-driver.ts'
import { hashOf, inline, peerId, startMs } from './task-fixtures.ts'

/** Its first coordinator. */
export const relay = peerId(1)

/** A run that ended well. */
export const ran = {
  kind: 'outcome',
  outcome: { kind: 'ok', outputHash: hashOf('right') },
  output: inline('right'),
  error: null,
  durationMs: 12,
  at: new Date(startMs).toISOString(),
  salt: new Uint8Array(32).fill(9),
} satisfies Ran

/** A worker driven by hand. */
export class WorkerDriver extends MachineDriver<WorkerInput, FromWorker, WorkerEvent, WorkerAsk> {
  readonly worker: Worker

  /** Lends `slots` to `relay`. */
  constructor(slots: number) {
    const worker = new Worker(defaultWorkerConfig, sha256)
    super(worker)
    this.worker = worker
    this.lend(slots)
    this.up(relay)
    this.forget()
  }

  lend(slots: number) {
    return this.give({ kind: 'command', command: { type: 'worker/lend', slots } })
  }

  up(peer: PeerId) {
    return this.give({ kind: 'command', command: { type: 'worker/coordinatorUp', peer } })
  }

  lose(peer: PeerId) {
    return this.give({ kind: 'command', command: { type: 'worker/peerLost', peer } })
  }

  assign(from: PeerId, ...items: readonly Assignment[]) {
    return this.give({ kind: 'message', from, message: { type: 'task/assign', items } })
  }

  settle(from: PeerId, taken: readonly AttemptKey[], dropped: readonly AttemptKey[] = []) {
    return this.give({ kind: 'message', from, message: { type: 'task/settle', taken, dropped } })
  }

  finish(runId: number, how: Ran = ran) {
    return this.give({ kind: 'command', command: { type: 'worker/ran', runId, ran: how } })
  }

  /** Runs begun and neither ended nor stopped. */
  runs(): Extract<WorkerAsk, { type: 'run' }>[] {
    const stopped = new Set(this.asks().flatMap((ask) => (ask.type === 'stopRun' ? [ask.runId] : [])))
    const ended = new Set(this.events('runEnded').map((event) => event.runId))
    return this.asks().flatMap((ask) =>
      ask.type === 'run' && !stopped.has(ask.runId) && !ended.has(ask.runId) ? [ask] : [],
    )
  }

  answered(to: PeerId = relay) {
    return this.sends('task/answers', to).flatMap((message) => message.items)
  }

  lastOffer(to: PeerId = relay) {
    return this.sends('task/offer', to).at(-1)
  }
}
