import { OpenPolicy } from '../access/open-policy.ts'
import { OwnTasksPolicy } from '../access/own-tasks-policy.ts'
import type { PeerId, Sha256 } from '../kernel/ids.ts'
import { Random } from '../kernel/random.ts'
import { defaultMembershipConfig, Membership, type NodeKind } from '../membership/membership.ts'
import { Coordinator } from '../task/coordinator.ts'
import {
  type CoordinatorConfig,
  defaultCoordinatorConfig,
  homeCoordinatorConfig,
} from '../task/coordinator-ports.ts'
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
  /** The host says `submitter/kept` of ends of own tasks, which are on the disk until then. */
  readonly keepsEnds?: boolean
}

/** A relay coordinates; an agent works; a tab works and submits, and coordinates its own tasks where nobody else does. */
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
  const isTab = kind === 'tab'
  const coordinator = new Coordinator({
    config: isTab ? homeCoordinatorConfig : { ...defaultCoordinatorConfig, ...config.coordinator },
    random: random(3),
    sha256: config.sha256,
    standing: isTab
      ? new OwnTasksPolicy(config.self)
      : new OpenPolicy([config.self, ...(config.admins ?? [])]),
    reachability: membership,
    verifier: new VoteVerifier(config.sha256),
  })
  if (!isTab) return new Peer({ ...common, coordinator })
  const submitter = new Submitter({ ...defaultSubmitterConfig, keepsEnds: config.keepsEnds ?? false })
  return new Peer({ ...common, worker: worker!, submitter, coordinator })
}

const noLoad = { slots: 0, running: 0 }
