import { newUuid } from '../../shared/client/new-submission.ts'
import { unbundled } from '../../shared/envelope/bundle.ts'
import {
  type Envelope,
  encodeBody,
  encodeFrame,
  envelopeSigningBytes,
  openFrame,
} from '../../shared/envelope/envelope.ts'
import { BlobExchange } from '../../shared/host/blob-exchange.ts'
import { frameKinds } from '../../shared/host/blob-frames.ts'
import { Counters } from '../../shared/host/counters.ts'
import type { CryptoPort } from '../../shared/host/crypto-port.ts'
import type { HostLog } from '../../shared/host/host-log.ts'
import { Inbound } from '../../shared/host/inbound.ts'
import { concatBytes } from '../../shared/kernel/bytes.ts'
import type { Hash, Instant, PeerId, TaskId } from '../../shared/kernel/ids.ts'
import { Refusal } from '../../shared/kernel/refusal.ts'
import type { WireMessage } from '../../shared/peer/wire.ts'
import { MemoryBlobs } from '../relay/http/memory-blobs.ts'
import { newKeys } from '../relay/http/test-keys.ts'

export const testNetworkId = 'ab'.repeat(32) as Hash

/** Log lines as they were written, for tests of their exact words. */
export class LogLines {
  readonly lines: { readonly level: string; readonly message: string }[] = []
  readonly log: HostLog = (level, message) => this.lines.push({ level, message })

  get messages(): string[] {
    return this.lines.map(({ message }) => message)
  }
}

/** The frame of an envelope that is right in every way, save for what `over` changes before it is signed. */
export async function frameOf(
  from: CryptoPort,
  to: PeerId,
  message: WireMessage | { readonly type: string },
  over: Partial<Envelope> = {},
): Promise<Uint8Array> {
  const { type, ...payload } = message
  const id = newUuid(from)
  const body = encodeBody({
    version: 1,
    networkId: testNetworkId,
    id,
    time: Date.now(),
    sender: from.self,
    to,
    type,
    correlationId: id,
    payload,
    ...over,
  })
  return await frameOfBody(from, body)
}

/** A frame with any body under a right signature. */
export async function frameOfBody(from: CryptoPort, body: Uint8Array): Promise<Uint8Array> {
  const signature = await from.sign(envelopeSigningBytes(body))
  return concatBytes(Uint8Array.of(frameKinds.envelope), encodeFrame(body, signature))
}

/** What an envelope frame brings; nothing for a frame of another kind. */
export function messagesIn(frame: Uint8Array): readonly WireMessage[] {
  const opened = frame[0] === frameKinds.envelope ? openFrame(frame.subarray(1)) : undefined
  if (opened === undefined || opened instanceof Refusal) return []
  return (unbundled(opened.envelope) ?? []) as readonly WireMessage[]
}

/** An `Inbound` with what stands around it: `me` receives, `others` are up. */
export class InboundRig {
  readonly me: CryptoPort
  readonly others: readonly CryptoPort[]
  readonly inbound: Inbound
  readonly exchange: BlobExchange
  readonly blobs = new MemoryBlobs()
  readonly counters = new Counters()
  readonly logged = new LogLines()
  readonly delivered: { readonly from: PeerId; readonly message: WireMessage }[] = []
  /** Frames that went out, as blob exchanges send them. */
  readonly sent: { readonly to: PeerId; readonly frame: Uint8Array }[] = []
  readonly down = new Set<PeerId>()
  /** Bytes said to wait for a peer. */
  queued: (to: PeerId) => number = () => 0
  wantsCommitment: (taskId: TaskId) => boolean = () => true
  now = Date.now()

  private constructor(me: CryptoPort, others: readonly CryptoPort[], crypto: CryptoPort) {
    this.me = me
    this.others = others
    this.exchange = new BlobExchange({
      store: this.blobs,
      sha256: me.sha256,
      send: (to, frame) => {
        if (this.down.has(to)) return false
        this.sent.push({ to, frame })
        return true
      },
      queuedBytes: (to) => this.queued(to),
    })
    this.inbound = new Inbound({
      networkId: testNetworkId,
      crypto,
      blobs: this.exchange,
      counters: this.counters,
      log: this.logged.log,
      now: () => this.now as Instant,
      awaits: () => true,
      wantsCommitment: (task) => this.wantsCommitment(task),
      deliver: (from, message) => this.delivered.push({ from, message }),
    })
    for (const other of others) this.inbound.peerUp(other.self, Promise.resolve())
  }

  /** `crypto` may replace parts of the receiving node's own. */
  static async create(others = 1, crypto: Partial<CryptoPort> = {}): Promise<InboundRig> {
    const [me, ...rest] = await newKeys(others + 1)
    return new InboundRig(me!, rest, { ...me!, ...crypto })
  }

  get other(): CryptoPort {
    return this.others[0]!
  }

  types(): string[] {
    return this.delivered.map(({ message }) => message.type)
  }

  rejected(reason: string): number {
    return this.counters.of('messages_rejected_total').get(reason) ?? 0
  }

  /** A frame from the first of the others to this node. */
  async message(
    message: WireMessage | { readonly type: string },
    over: Partial<Envelope> = {},
  ): Promise<Uint8Array> {
    return await frameOf(this.other, this.me.self, message, { time: this.now, ...over })
  }

  async receive(frame: Uint8Array, from: CryptoPort = this.other): Promise<void> {
    await this.inbound.frame(from.self, frame)
  }

  /** Resolves when all that came in so far was delivered or refused: a last message has come through every lane. */
  async settled(): Promise<void> {
    const last = { type: 'mesh/neighboursWanted', count: 64 } as const
    const before = this.delivered.length
    for (const other of this.others) {
      await this.receive(await frameOf(other, this.me.self, last, { time: this.now }), other)
    }
    const ends = () => this.delivered.slice(before).filter(({ message }) => message.type === last.type)
    while (ends().length < this.others.length) await new Promise((resolve) => setTimeout(resolve, 1))
    for (const end of ends()) this.delivered.splice(this.delivered.indexOf(end), 1)
  }
}
