import { unbundled } from '../envelope/bundle.ts'
import { type Envelope, envelopeSigningBytes, freshMs, openFrame } from '../envelope/envelope.ts'
import { ReplayWindow } from '../envelope/replay-window.ts'
import type { Hash, Instant, PeerId, TaskId } from '../kernel/ids.ts'
import { Refusal } from '../kernel/refusal.ts'
import type { WireMessage } from '../peer/wire.ts'
import { parseMessage } from '../peer/wire-shape.ts'
import type { AttemptKey } from '../task/messages.ts'
import { type BlobExchange, type BlobNeed, blobsNeeded } from './blob-exchange.ts'
import { frameKinds, isBlobKind } from './blob-frames.ts'
import type { Counters } from './counters.ts'
import type { CryptoPort } from './crypto-port.ts'
import type { HostLog } from './host-log.ts'
import { withoutUnwanted, wrongPart } from './nested-signatures.ts'

export interface InboundParts {
  readonly networkId: Hash
  readonly crypto: CryptoPort
  readonly blobs: BlobExchange
  readonly counters: Counters
  readonly log: HostLog
  readonly now: () => Instant
  /** Takes authenticated messages, in the order each peer sent them. */
  readonly deliver: (from: PeerId, message: WireMessage) => void
  /** Whether an answer to the attempt, with so many bytes of output, would count: blobs are fetched for no other. */
  readonly awaits: (worker: PeerId, attempt: AttemptKey, outputBytes: number) => boolean
  /** Whether the task has no answer yet: only the commitment of the first is kept. */
  readonly wantsCommitment: (taskId: TaskId) => boolean
  /** What of a message that has its blobs may come to the machine; `undefined` is nothing. */
  readonly screen?: (from: PeerId, message: WireMessage) => Promise<WireMessage | undefined>
}

/** Frames of one peer between arrival and delivery, and their bytes; beyond it no more are read from that peer. */
const underWayMax = 256
const underWayBytesMax = 4 * 1024 * 1024
/** SEC-02: the rejected sender learns little from when it is rejected; milliseconds. */
const rejectDelayMsMax = 5

/** What is between its arrival and its delivery: at most `underWayMax` and `underWayBytesMax`. */
interface Queue {
  count: number
  sizeBytes: number
  tail: Promise<void>
}

interface Lane extends Queue {
  readonly waiters: (() => void)[]
  /** Messages that are right and wait for blobs of their sender. */
  readonly parked: Queue
}

/**
 * Frames to messages: decoded, of the right network, fresh, signed by the peer that delivered them, new, of the
 * right shape, with their nested signatures and blobs in place. First in, first out per peer, verified concurrently.
 *
 * A message whose blobs are still to come is parked: what comes behind it passes it, heartbeats above all, and the
 * blobs themselves. Parked messages are first in, first out again, and a cancellation does not pass a submission.
 */
export class Inbound {
  readonly #parts: InboundParts
  readonly #replay = new ReplayWindow()
  readonly #lanes = new Map<PeerId, Lane>()

  constructor(parts: InboundParts) {
    this.#parts = parts
  }

  get replayWindowSize(): number {
    return this.#replay.size
  }

  /** From here on its frames are taken; none is delivered before `admitted` resolves. */
  peerUp(peer: PeerId, admitted: Promise<void>): void {
    const parked = { count: 0, sizeBytes: 0, tail: Promise.resolve() }
    this.#lanes.set(peer, { count: 0, sizeBytes: 0, tail: admitted, waiters: [], parked })
  }

  /** Resolves when the peer's next frame may be read. Frames of a peer that is not up are dropped. */
  async frame(from: PeerId, frame: Uint8Array): Promise<void> {
    const lane = this.#lanes.get(from)
    if (lane === undefined) return
    const kind = frame[0]
    if (isBlobKind(kind)) return this.#parts.blobs.frame(from, kind, frame.subarray(1))
    const checked =
      kind === frameKinds.envelope ? this.#checkSafely(from, frame.subarray(1)) : this.#malformed(from)
    enqueue(lane, frame.length, this.#inTurn(lane, from, checked, frame.length))
    while (isFull(lane)) await new Promise<void>((resolve) => lane.waiters.push(resolve))
  }

  peerDown(peer: PeerId): void {
    this.#lanes.delete(peer)
    this.#parts.blobs.peerDown(peer)
  }

  async #inTurn(
    lane: Lane,
    from: PeerId,
    checked: Promise<readonly WireMessage[]>,
    sizeBytes: number,
  ): Promise<void> {
    const [messages] = await Promise.all([checked, lane.tail])
    for (const message of messages) {
      const needed = blobsNeeded(message, (attempt, outputBytes) =>
        this.#parts.awaits(from, attempt, outputBytes),
      )
      const passes = needed.length === 0 && (message.type !== 'task/cancel' || lane.parked.count === 0)
      if (passes) this.#deliver(lane, from, message)
      else this.#park(lane, from, message, needed, sizeBytes)
    }
    dequeue(lane, sizeBytes)
    lane.waiters.shift()?.()
  }

  #park(
    lane: Lane,
    from: PeerId,
    message: WireMessage,
    needed: readonly BlobNeed[],
    sizeBytes: number,
  ): void {
    if (isFull(lane.parked))
      return this.#refused(from, 'overload', 'Message refused: too many wait for blobs')
    enqueue(lane.parked, sizeBytes, this.#withBlobs(lane, from, message, needed, sizeBytes))
  }

  async #withBlobs(
    lane: Lane,
    from: PeerId,
    message: WireMessage,
    needed: readonly BlobNeed[],
    sizeBytes: number,
  ): Promise<void> {
    await lane.parked.tail
    if (this.#lanes.get(from) === lane) {
      const came = await this.#parts.blobs.ensure(needed, from).catch(() => false)
      if (came) await this.#screen(lane, from, message)
      else this.#refused(from, 'blob_missing', 'Message refused: its sender does not serve a blob it names')
    }
    dequeue(lane.parked, sizeBytes)
  }

  /** A screen that breaks down lets nothing through: its sender repeats the message. */
  async #screen(lane: Lane, from: PeerId, message: WireMessage): Promise<void> {
    const { screen, log } = this.#parts
    try {
      const passed = screen === undefined ? message : await screen(from, message)
      if (passed !== undefined) this.#deliver(lane, from, passed)
    } catch (error) {
      log('warn', 'A message could not be taken now', { peer: from, error: String(error) })
    }
  }

  /** What was still being checked when its peer went says nothing any more: its machine has let the peer go. */
  #deliver(lane: Lane, from: PeerId, message: WireMessage): void {
    if (this.#lanes.get(from) !== lane) return
    this.#parts.counters.add('messages_received_total', message.type)
    this.#parts.deliver(from, message)
  }

  async #malformed(from: PeerId): Promise<readonly []> {
    return await this.#reject(from, 'malformed', 'Invalid message authentication')
  }

  /** As `#check`. What trips up the checking itself is refused too: no message may end the node. */
  async #checkSafely(from: PeerId, frame: Uint8Array): Promise<readonly WireMessage[]> {
    try {
      return await this.#check(from, frame)
    } catch (error) {
      const name = error instanceof Error ? error.name : 'unknown'
      return await this.#reject(from, 'uncheckable', `Message refused: its check broke down (${name})`)
    }
  }

  /** The messages of an envelope frame; none when any of it was refused. */
  async #check(from: PeerId, frame: Uint8Array): Promise<readonly WireMessage[]> {
    const opened = openFrame(frame)
    if (opened instanceof Refusal) return await this.#malformed(from)
    const { envelope, body, signature } = opened
    const misplaced = this.#misplaced(from, envelope)
    if (misplaced !== undefined) return await this.#reject(from, misplaced, `Message refused (${misplaced})`)
    const { crypto, networkId } = this.#parts
    if (!(await crypto.verify(from, envelopeSigningBytes(body), signature))) {
      return await this.#reject(from, 'invalid_signature', `Invalid signature from ${from}`)
    }
    if (!this.#replay.take(envelope.id, this.#parts.now())) {
      return await this.#reject(from, 'replay', `Replay attack detected from ${from}: ${envelope.id}`)
    }
    const values = unbundled(envelope)
    if (values === undefined) return await this.#reject(from, 'malformed', 'Message refused: not a bundle')
    const messages: WireMessage[] = []
    for (const value of values) {
      const parsed = parseMessage(value)
      if (parsed instanceof Refusal)
        return await this.#reject(from, 'malformed', `Message refused: ${parsed.code}`)
      messages.push(withoutUnwanted(parsed, this.#parts.wantsCommitment))
    }
    const wrong = await Promise.all(messages.map((message) => wrongPart(message, from, networkId, crypto)))
    if (wrong.some((reason) => reason !== undefined))
      return await this.#reject(from, 'invalid_signature', `Invalid signature from ${from}`)
    return messages
  }

  #misplaced(from: PeerId, envelope: Envelope): string | undefined {
    if (envelope.networkId !== this.#parts.networkId) return 'other_network'
    if (envelope.sender !== from) return 'not_the_sender'
    if (envelope.to !== this.#parts.crypto.self) return 'not_for_us'
    return Math.abs(envelope.time - this.#parts.now()) > freshMs ? 'stale' : undefined
  }

  async #reject(from: PeerId, reason: string, message: string): Promise<readonly []> {
    this.#refused(from, reason, message)
    const [random] = this.#parts.crypto.randomBytes(1)
    await new Promise((resolve) => setTimeout(resolve, (random! / 256) * rejectDelayMsMax))
    return []
  }

  #refused(from: PeerId, reason: string, message: string): void {
    this.#parts.counters.add('messages_rejected_total', reason)
    this.#parts.log('warn', message, { peer: from, reason })
  }
}

const isFull = ({ count, sizeBytes }: Queue): boolean => count >= underWayMax || sizeBytes >= underWayBytesMax

function enqueue(queue: Queue, sizeBytes: number, done: Promise<void>): void {
  queue.count++
  queue.sizeBytes += sizeBytes
  queue.tail = done
}

function dequeue(queue: Queue, sizeBytes: number): void {
  queue.count--
  queue.sizeBytes -= sizeBytes
}
