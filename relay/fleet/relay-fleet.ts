import type { HostLog } from '../../shared/host/host-log.ts'
import type { NodeHostParts, Screen } from '../../shared/host/node-host.ts'
import type { PeerId } from '../../shared/kernel/ids.ts'
import type { Row } from '../../shared/kernel/machine.ts'
import type { BlobStore } from '../../shared/storage/blob-store.ts'
import type { Admittance, AttemptKey, Submission } from '../../shared/task/messages.ts'
import { blobsOf } from '../../shared/task/payload.ts'
import type { FleetView } from '../http/relay-api.ts'
import { ElsewhereError } from './elsewhere-error.ts'
import { Fleet } from './fleet.ts'
import { FleetBlobs } from './fleet-blobs.ts'
import type { RelayAddress } from './fleet-rows.ts'
import type { Seat } from './open-seat.ts'
import { SharedBlobs } from './shared-blobs.ts'
import type { Adopted } from './takeovers.ts'

export interface RelayFleetParts {
  readonly seat: Seat
  /** This relay's own. */
  readonly blobs: BlobStore
  /** Of the blobs that the fleet shares, in bytes. */
  readonly sharedBytesMax: number
  readonly self: PeerId
  /** Has this relay's coordinator take over tasks; resolves when they are on record here. */
  readonly adopt: (rows: readonly Row[]) => Promise<Adopted>
  /** Whether an answer to the attempt would count: only then is its output worth sharing. */
  readonly awaits: (worker: PeerId, attempt: AttemptKey, outputBytes: number) => boolean
  readonly log: HostLog
  readonly failed: (error: unknown) => void
}

/** A relay's part in its fleet. One whose store is its own is a fleet of one: everything is at home, always. */
export class RelayFleet implements FleetView {
  /** This relay's blobs, and behind them those of the fleet. */
  readonly blobs: BlobStore
  readonly #shared: FleetBlobs | undefined
  readonly #awaits: RelayFleetParts['awaits']
  readonly #owned
  readonly #fleet: Fleet | undefined
  readonly #joined = Promise.withResolvers<void>()
  readonly #ended = Promise.withResolvers<never>()
  #address: RelayAddress | undefined
  #hasJoined = false

  constructor(parts: RelayFleetParts) {
    const { seat, blobs, sharedBytesMax, self, adopt, log, failed } = parts
    const { shared } = seat
    this.#awaits = parts.awaits
    // Nobody may be waiting.
    this.#ended.promise.catch(() => undefined)
    this.blobs = blobs
    this.#owned = shared?.owned
    if (shared === undefined) return
    const { store, lease } = shared
    const copies = new SharedBlobs({ store: store.common, totalBytesMax: sharedBytesMax })
    this.#shared = new FleetBlobs(blobs, copies)
    this.blobs = this.#shared
    this.#fleet = new Fleet({ ...store, self, lease, adopt, log, failed })
  }

  /** Whether what this relay says is still its to say. */
  get isSure(): boolean {
    return this.#owned?.isSure ?? true
  }

  async ready(): Promise<void> {
    if (this.#hasJoined && this.isSure) return
    const ready = this.#joined.promise.then(() => this.#owned?.assured())
    await Promise.race([ready, this.#ended.promise])
  }

  /** What the relay's host asks of it. */
  get hostParts(): Pick<NodeHostParts, 'isSure' | 'screen' | 'beforeJoin'> {
    return {
      isSure: () => this.isSure,
      screen: (...message) => this.#screen(...message),
      beforeJoin: async () => this.#fleet?.resume(),
    }
  }

  /** After it has joined. */
  async start(address: RelayAddress): Promise<void> {
    this.#address = address
    await this.#fleet?.start(address)
    this.#hasJoined = true
    this.#joined.resolve()
  }

  async stop(): Promise<void> {
    this.#ended.reject(new ElsewhereError('This relay is about to end', { retryAfterSeconds: 1 }))
    await this.#fleet?.stop()
  }

  relays(): string[] {
    return this.#fleet?.relays() ?? [this.#address?.url ?? []].flat()
  }

  async mustBeHere(id: string): Promise<void> {
    await this.#fleet?.mustBeHere(id)
  }

  /**
   * Makes this relay the home of what is submitted, and what it rests on outlive this relay. Rejects with an
   * ElsewhereError, or with a BlobRefusal where the fleet has no room.
   */
  async takeIn(items: readonly Submission[]): Promise<void> {
    for (const error of (await this.#claim(items)).values()) throw error
    await this.#shared?.share(items.flatMap(blobsOf), false)
  }

  /**
   * The same for peers: a submitter is told which tasks another relay has, and repeats the rest by itself. Outputs are
   * shared before they count.
   */
  readonly #screen: Screen = async (from, message, reply) => {
    if (message.type === 'task/answers') {
      const outputs = message.items.flatMap((item) => {
        const { output } = item
        return output?.kind === 'blob' && this.#awaits(from, item, output.sizeBytes) ? [output.hash] : []
      })
      await this.#shared?.share(outputs, true)
      return message
    }
    if (message.type !== 'task/submit') return message
    const elsewhere = await this.#claim(message.items)
    const refused = message.items.flatMap(({ task }): Admittance[] => {
      const error = elsewhere.get(homeOf(task))
      if (error?.relay === undefined) return []
      return [{ taskId: task.taskId, accepted: false, code: 'HeldElsewhere', message: error.message }]
    })
    if (refused.length > 0) reply({ type: 'task/submitReply', items: refused })
    const items = message.items.filter(({ task }) => !elsewhere.has(homeOf(task)))
    if (items.length === 0) return undefined
    await this.#shared?.share(items.flatMap(blobsOf), false)
    return { ...message, items }
  }

  async #claim(items: readonly Submission[]): Promise<ReadonlyMap<string, ElsewhereError>> {
    return (await this.#fleet?.claim(items.map(({ task }) => homeOf(task)))) ?? new Map()
  }
}

/** What has a home: a job, or a task without one. */
const homeOf = ({ jobId, taskId }: Submission['task']): string => jobId ?? taskId
