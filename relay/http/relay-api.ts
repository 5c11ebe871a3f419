import type { Hash, JobId, PeerId, TaskId } from '../../shared/kernel/ids.ts'
import type { BlobStore } from '../../shared/storage/blob-store.ts'
import type { CoordinatorEvent, TaskReport } from '../../shared/task/coordinator-ports.ts'
import type { JobReport } from '../../shared/task/coordinator-view.ts'
import type { Admittance, FinishedTask, Submission } from '../../shared/task/messages.ts'
import type { Priority, TaskStatus } from '../../shared/task/task.ts'

/** What the HTTP routes ask of a running relay. Every answer waits until the state it speaks of is durable. */
export interface RelayApi {
  readonly networkId: Hash
  readonly peerId: PeerId
  readonly version: string
  readonly policy: 'open' | 'curated'
  /** `storage.kind` of the settings. */
  readonly storeKind: string
  readonly blobs: BlobStore
  /** The other relays of the network. */
  readonly fleet?: FleetView
  multiaddrs(): string[]
  /** Admins see and cancel everyone's tasks. */
  isAdmin(peer: PeerId): boolean
  /** One admittance per item, in order. Signatures of tasks are verified inside. Rejects with an ElsewhereError. */
  submit(from: PeerId, items: readonly Submission[]): Promise<readonly Admittance[]>
  cancel(from: PeerId, taskIds: readonly TaskId[]): Promise<void>
  /** An unfinished task. */
  report(taskId: TaskId): Promise<TaskReport | undefined>
  /** A finished task, from the store. */
  finished(taskId: TaskId): Promise<FinishedTask | undefined>
  /** Finished tasks of a job (or of a task without one) with `index >= from`, in index order. */
  finishedOf(id: JobId | TaskId, from: number, limit: number): Promise<FinishedTask[]>
  job(id: JobId): Promise<JobReport | undefined>
  /** The jobs of a submitter that are counted here, in any order; `missingWorkers` is not told. */
  jobsOf(submitter: PeerId): Promise<readonly (readonly [JobId, JobReport])[]>
  /** Unfinished tasks of a job. */
  unfinishedOf(id: JobId): Promise<TaskId[]>
  status(): Promise<RelayStatus>
  /** Called when what it tells is durable, in the order in which it came about. Returns the unsubscription. */
  onNews(listener: (news: RelayNews) => void): () => void
}

export type RelayNews = Extract<
  CoordinatorEvent,
  { readonly type: 'taskAccepted' | 'taskFinished' | 'adopted' }
>

/** What a relay knows of the others of its network. */
export interface FleetView {
  /** Relays that live, as their pages are called, this one first. */
  relays(): string[]
  /** Rejects with an ElsewhereError where another relay has a job, or a task without one, or is taking it over. */
  mustBeHere(id: string): Promise<void>
  /** Resolves when this relay is as it was before it started, and what it says is its to say. */
  ready(): Promise<void>
}

export interface RelayStatus {
  readonly uptimeSeconds: number
  readonly peers: {
    readonly total: number
    readonly tabs: number
    readonly agents: number
    readonly relays: number
  }
  readonly workers: {
    readonly count: number
    readonly slots: number
    readonly busy: number
    readonly operators: number
  }
  readonly tasks: Readonly<Record<TaskStatus, number>>
  readonly queue: Readonly<Record<Priority, number>>
  /** Disagreements with a quorum, by peer. */
  readonly disagreements: Readonly<Record<string, number>>
}
