import type { Hash, PeerId, TaskId } from '../../shared/kernel/ids.ts'
import type { NodeKind, NodeState } from '../../shared/membership/membership.ts'
import type { ContributionState } from './contribution.ts'
import type { DownloadState } from './downloads.ts'

/** What a tab's node is and does at one moment. Plain data: it goes to other tabs of the profile as it is. */
export interface TabState {
  readonly peerId: PeerId
  readonly networkId: Hash
  readonly version: string
  readonly profile: string
  readonly node: NodeState
  readonly relay: RelayState
  readonly members: readonly MemberState[]
  readonly contribution: ContributionState
  readonly runs: readonly RunState[]
  /** What is on its way here for the programs of others. */
  readonly downloads: readonly DownloadState[]
  readonly counters: TabCounters
  /** Workers that the next task of this tab lacks. */
  readonly missingWorkers: number
  /** Why this node does nothing more, for people. */
  readonly ended: string | undefined
}

export interface RelayState {
  readonly isUp: boolean
  /** Dials that failed since the relay was last there. */
  readonly failures: number
  /** The relay at the page's address runs another network now. */
  readonly isOtherNetwork: boolean
}

/** A peer this tab is connected to. */
export interface MemberState {
  readonly peer: PeerId
  readonly kind: NodeKind | undefined
  /** False while what is said passes through a relay. */
  readonly direct: boolean
  readonly slots: number
  readonly running: number
  /** Unix milliseconds. */
  readonly since: number
  /** When the peer was last heard, in Unix milliseconds. */
  readonly heardAt: number
}

/** A program that runs here now. */
export interface RunState {
  readonly runId: number
  readonly taskId: TaskId
  readonly submitter: PeerId
  /** Unix milliseconds. */
  readonly startedAt: number
}

/** Since the page was opened. */
export interface TabCounters {
  readonly messagesReceived: number
  readonly messagesRejected: number
  /** Programs run here that came to an outcome. */
  readonly answered: number
  /** Runs that were stopped or had no outcome. */
  readonly handedBack: number
  /** Ends of own tasks. */
  readonly results: number
}
