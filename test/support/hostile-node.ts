import type { NodeIdentity } from '../../relay/keys/identity.ts'
import type { Envelope } from '../../shared/envelope/envelope.ts'
import { chunkFrame, frameKinds, hashFrame, parseBlobFrame } from '../../shared/host/blob-frames.ts'
import type { CryptoPort } from '../../shared/host/crypto-port.ts'
import { signParts } from '../../shared/host/nested-signatures.ts'
import type { Hash, PeerId } from '../../shared/kernel/ids.ts'
import type { WireMessage } from '../../shared/peer/wire.ts'
import type { Answer, Assignment } from '../../shared/task/messages.ts'
import { type OpenNode, startOpen } from '../host/network-nodes.ts'
import { frameOf, messagesIn, testNetworkId } from './host-parts.ts'
import { answerTo, type Said } from './task-fixtures.ts'

/** The relay that is attacked. */
interface Joined {
  readonly peerId: PeerId
  addresses(): string[]
}

/** More than this is not put in front of a relay that reads slowly, in bytes. */
const queuedBytesMax = 512 * 1024

/** A peer with a valid key and a real connection to a relay, that says what the test likes. */
export class HostileNode {
  readonly crypto: CryptoPort
  /** Every message the relay sent it. */
  readonly heard: WireMessage[] = []
  /** What it serves when it is asked; other blobs it says it has not got. */
  readonly blobs = new Map<Hash, Uint8Array>()
  onMessage: (message: WireMessage) => void = () => undefined
  readonly #node: OpenNode
  readonly #relay: PeerId

  private constructor(identity: NodeIdentity, node: OpenNode, relay: PeerId) {
    this.crypto = identity.crypto
    this.#node = node
    this.#relay = relay
    node.seen.handle = async (_from, frame) => this.#hear(frame)
  }

  static async join(identity: NodeIdentity, relay: Joined): Promise<HostileNode> {
    const node = await startOpen(identity.privateKey)
    const hostile = new HostileNode(identity, node, relay.peerId)
    await node.network.dial({ addresses: relay.addresses() })
    return hostile
  }

  get peerId(): PeerId {
    return this.crypto.self
  }

  get isUp(): boolean {
    return this.#node.seen.paths.has(this.#relay)
  }

  /** A frame as it is, right or wrong; waits while much is queued. */
  async sayRaw(frame: Uint8Array): Promise<void> {
    while (this.#node.network.queuedBytes(this.#relay) > queuedBytesMax) {
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    this.#node.network.send(this.#relay, frame)
  }

  /** An envelope that is right in every way, save for what `over` changes before it is signed. */
  async say(message: WireMessage | { readonly type: string }, over: Partial<Envelope> = {}): Promise<void> {
    await this.sayRaw(await frameOf(this.crypto, this.#relay, message, over))
  }

  async present(kind: 'tab' | 'agent' | 'relay' = 'agent', reply = false): Promise<void> {
    await this.say({ type: 'member/presence', kind, version: 'test', slots: 4, running: 0, reply })
  }

  async offer(capacity: number, holding: readonly Assignment[] = [], runningMs: number | null = null) {
    await this.say({
      type: 'task/offer',
      slots: Math.min(capacity, 4_096),
      capacity,
      holding: holding.map(({ taskId, epoch, attempt }) => ({
        taskId,
        epoch,
        attempt,
        runningMs,
        progress: 0,
      })),
    })
  }

  /** Answers under this node's own signatures. */
  async answer(answers: readonly Answer[]): Promise<void> {
    const message = { type: 'task/answers', items: answers, signature: new Uint8Array(0) } as const
    await this.say(await signParts(message, testNetworkId, this.crypto))
  }

  async answerAs(assignment: Assignment, said: Said): Promise<void> {
    await this.answer([answerTo(assignment, said)])
  }

  assignments(): Assignment[] {
    return this.heard.flatMap((message) => (message.type === 'task/assign' ? message.items : []))
  }

  /** Breaks every connection without a word, as the end of a process does. */
  vanish(): void {
    for (const connection of this.#node.libp2p.getConnections()) connection.abort(new Error('gone'))
  }

  async stop(): Promise<void> {
    await this.#node.network.stop()
  }

  #hear(frame: Uint8Array): void {
    const asked = frame[0] === frameKinds.want ? parseBlobFrame(frame[0], frame.subarray(1)) : undefined
    if (typeof asked === 'object' && asked.kind === 'want') return this.#serve(asked)
    for (const message of messagesIn(frame)) {
      this.heard.push(message)
      this.onMessage(message)
    }
  }

  #serve({ hash, offset, length }: { hash: Hash; offset: number; length: number }): void {
    const blob = this.blobs.get(hash)
    const reply =
      blob === undefined
        ? hashFrame('missing', hash)
        : chunkFrame(hash, offset, blob.length, blob.subarray(offset, offset + length))
    this.#node.network.send(this.#relay, reply)
  }
}
