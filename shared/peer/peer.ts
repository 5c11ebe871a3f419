import type { Instant, PeerId } from '../kernel/ids.ts'
import { invariant, unreachable } from '../kernel/invariant.ts'
import type { Row } from '../kernel/machine.ts'
import type { Membership } from '../membership/membership.ts'
import type { Coordinator } from '../task/coordinator.ts'
import type { CoordinatorCommand } from '../task/coordinator-ports.ts'
import type { FromSubmitter, FromWorker, ToSubmitter, ToWorker } from '../task/messages.ts'
import type { Submitter, SubmitterCommand } from '../task/submitter.ts'
import type { Worker } from '../task/worker.ts'
import type { WorkerCommand } from '../task/worker-ports.ts'
import type { Topology, TopologyCommand, TopologyMessage } from '../topology/topology.ts'
import { consequences } from './flows/table.ts'
import type { PeerCommand, PeerInput, PeerOutbox } from './inputs.ts'
import { ownerOf, type WireMessage } from './wire.ts'

/** The children of a peer; which it has is its role. */
export interface Children {
  readonly membership: Membership
  readonly topology: Topology
  readonly coordinator?: Coordinator
  readonly worker?: Worker
  readonly submitter?: Submitter
}

/** More steps than any honest tick takes: a rule that feeds itself. */
const stepsMax = 1_000_000

/**
 * The parent machine: gives an input to the one child that owns its kind, then runs the events of the children
 * through the flow table, first in first out, until none is left.
 */
export class Peer {
  readonly children: Children

  constructor(children: Children) {
    this.children = children
  }

  handle(input: PeerInput, now: Instant, out: PeerOutbox): void {
    let looked = out.length
    this.#route(input, now, out)
    let steps = 0
    for (; looked < out.length; looked++) {
      const effect = out.at(looked)
      if (effect.kind !== 'event') continue
      for (const command of consequences(effect.event)) {
        invariant(++steps <= stepsMax, `one ${input.kind} led to over ${stepsMax} steps`)
        this.#command(command, now, out)
      }
    }
  }

  /** Gives each child those of some rows that are under its own prefix; `restored` when there are no more. */
  restore(rows: readonly Row[]): void {
    const under = (prefix: string) => rows.filter((row) => row.key.startsWith(prefix))
    this.children.coordinator?.restore(under('coordinator/'))
    this.children.submitter?.restore(under('submitter/'))
  }

  restored(now: Instant): void {
    this.children.coordinator?.restored(now)
    this.children.submitter?.restored(now)
  }

  #route(input: PeerInput, now: Instant, out: PeerOutbox): void {
    const { membership, topology, coordinator, worker, submitter } = this.children
    switch (input.kind) {
      case 'start':
        return topology.handle(input, now, out)
      case 'message':
        membership.heard(input.from, now)
        return this.#message(input.from, input.message, now, out)
      case 'command':
        return this.#command(input.command, now, out)
      case 'timer':
        return this.#timer(input.key, now, out)
      case 'peerUp':
      case 'peerPath':
      case 'peerDown':
        return membership.handle(input, now, out)
      case 'resumed':
        membership.handle(input, now, out)
        coordinator?.handle(input, now, out)
        worker?.handle(input, now, out)
        submitter?.handle(input, now, out)
        return topology.handle(input, now, out)
      default:
        return unreachable(input)
    }
  }

  /** A message for a child this role does not have is ignored: its sender takes us for something else. */
  #message(from: PeerId, message: WireMessage, now: Instant, out: PeerOutbox): void {
    const { membership, topology, coordinator, worker, submitter } = this.children
    switch (ownerOf[message.type]) {
      case 'membership':
        return membership.handle({ kind: 'message', from, message: message as never }, now, out)
      case 'topology':
        return topology.handle({ kind: 'message', from, message: message as TopologyMessage }, now, out)
      case 'coordinator':
        return coordinator?.handle(
          { kind: 'message', from, message: message as FromWorker | FromSubmitter },
          now,
          out,
        )
      case 'worker':
        return worker?.handle({ kind: 'message', from, message: message as ToWorker }, now, out)
      case 'submitter':
        return submitter?.handle({ kind: 'message', from, message: message as ToSubmitter }, now, out)
    }
  }

  #command(command: PeerCommand, now: Instant, out: PeerOutbox): void {
    const { topology, coordinator, worker, submitter } = this.children
    const owner = command.type.slice(0, command.type.indexOf('/'))
    if (owner === 'coordinator') {
      coordinator?.handle({ kind: 'command', command: command as CoordinatorCommand }, now, out)
    } else if (owner === 'worker') {
      worker?.handle({ kind: 'command', command: command as WorkerCommand }, now, out)
    } else if (owner === 'submitter') {
      submitter?.handle({ kind: 'command', command: command as SubmitterCommand }, now, out)
    } else {
      topology.handle({ kind: 'command', command: command as TopologyCommand }, now, out)
    }
  }

  #timer(key: string, now: Instant, out: PeerOutbox): void {
    const { membership, topology, coordinator, worker, submitter } = this.children
    const owners = { membership, topology, coordinator, worker, submitter }
    const name = key.slice(0, key.indexOf('/')) as keyof typeof owners
    owners[name]?.handle({ kind: 'timer', key }, now, out)
  }
}
