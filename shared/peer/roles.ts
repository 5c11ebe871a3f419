import { OpenPolicy } from '../access/open-policy.ts'
import type { PeerId, Sha256 } from '../kernel/ids.ts'
import { Random } from '../kernel/random.ts'
import { defaultMembershipConfig, Membership, type NodeKind } from '../membership/membership.ts'
import { Coordinator } from '../task/coordinator.ts'
import { type CoordinatorConfig, defaultCoordinatorConfig } from '../task/coordinator-ports.ts'
import { defaultSubmitterConfig, Submitter } from '../task/submitter.ts'
import { Worker } from '../task/worker.ts'
import { defaultWorkerConfig } from '../task/worker-ports.ts'
import { noNeighbours, Topology, tabNeighbours } from '../topology/topology.ts'
import { VoteVerifier } from '../verification/vote-verifier.ts'
import { Peer } from './peer.ts'

export interface PeerConfig {
  readonly self: PeerId
  readonly version: string
  /** Relays as the host dials them: URLs. */
  readonly relays: readonly string[]
  /** Seed of this node's choices (spreading, jitter); not secret. */
  readonly seed: number
  readonly sha256: Sha256
  /** Peers that may submit critical tasks. */
  readonly admins?: readonly PeerId[]
  readonly coordinator?: Partial<CoordinatorConfig>
}

/** A relay coordinates; an agent works; a tab works and submits. */
export function makePeer(kind: NodeKind, config: PeerConfig): Peer {
  const random = (stream: number) => new Random(config.seed, stream)
  const worker = kind === 'relay' ? undefined : new Worker(defaultWorkerConfig, config.sha256)
  const membership = new Membership(
    { ...defaultMembershipConfig, kind, version: config.version },
    () => worker ?? noLoad,
    random(1),
  )
  const topology = new Topology(
    { self: config.self, relays: config.relays, ...(kind === 'tab' ? tabNeighbours : noNeighbours) },
    membership,
    random(2),
  )
  const common = { membership, topology }
  if (kind === 'agent') return new Peer({ ...common, worker: worker! })
  if (kind === 'tab') {
    return new Peer({ ...common, worker: worker!, submitter: new Submitter(defaultSubmitterConfig) })
  }
  const coordinator = new Coordinator({
    config: { ...defaultCoordinatorConfig, ...config.coordinator },
    random: random(3),
    sha256: config.sha256,
    standing: new OpenPolicy([config.self, ...(config.admins ?? [])]),
    reachability: membership,
    verifier: new VoteVerifier(config.sha256),
  })
  return new Peer({ ...common, coordinator })
}

const noLoad = { slots: 0, running: 0 }
