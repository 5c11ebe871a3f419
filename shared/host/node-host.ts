import { decodeCanonical } from '../kernel/codec.ts'
import type { Hash, Instant, PeerId } from '../kernel/ids.ts'
import { invariant } from '../kernel/invariant.ts'
import type { Row } from '../kernel/machine.ts'
import { Refusal } from '../kernel/refusal.ts'
import type { PeerAsk, PeerCommand, PeerEffect, PeerEvent } from '../peer/inputs.ts'
import type { Peer } from '../peer/peer.ts'
import type { WireMessage } from '../peer/wire.ts'
import type { ProgramRunner } from '../runtime/program-runner.ts'
import type { BlobStore } from '../storage/blob-store.ts'
import type { Store } from '../storage/store.ts'
import type { Admission, Admittance } from '../task/messages.ts'
import { admit } from './admission.ts'
import { AssignmentRunner } from './assignment-runner.ts'
import type { BlobExchange } from './blob-exchange.ts'
import type { BlobProgress } from './blob-fetch.ts'
import { Counters } from './counters.ts'
import type { CryptoPort } from './crypto-port.ts'
import type { HostLog } from './host-log.ts'
import { Inbound } from './inbound.ts'
import type { Network, NetworkListener, PeerPath } from './network.ts'
import { blobsInUse, createBlobExchange } from './node-blobs.ts'
import { Outbound } from './outbound.ts'
import { Run } from './run.ts'
import type { Timers } from './timers.ts'

export interface NodeHostParts {
  readonly peer: Peer
  readonly networkId: Hash
  readonly network: Network
  readonly crypto: CryptoPort
  readonly store: Store
  readonly blobs: BlobStore
  readonly log: HostLog
  /** Sandbox slots; absent on a node that runs nothing. */
  readonly runner?: ProgramRunner
  /** Whether this node states what it knows of peers that connect (relays). */
  readonly admits: boolean
  /** Dials a relay as it stands in the config; resolves to its id when it is up. */
  readonly dialRelay: (relay: string) => Promise<PeerId>
  readonly clock?: () => number
  /** When the runs before this one last saved anything, in Unix milliseconds. */
  readonly savedAt?: number | undefined
  /** Of the machine's loop; the platform's unless told. */
  readonly timers?: Timers
  readonly onEvent?: (event: PeerEvent) => void
  /** Keeps rows of finished tasks elsewhere before they are deleted; without it they are just deleted. */
  readonly archive?: (keys: readonly string[]) => Promise<void>
  /** Whether what this node says is still its to say; while it is not, no message leaves. */
  readonly isSure?: () => boolean
  /**
   * The last look at a message whose blobs are here: gives what of it may come to the machine, if any. `reply` answers
   * its sender for the rest.
   */
  readonly screen?: Screen
  /** After the machine is as it was, before others can reach it. */
  readonly beforeJoin?: () => Promise<void>
  /** The store failed: the node says nothing more and must end. */
  readonly failed: (error: unknown) => void
}

export type Screen = (
  from: PeerId,
  message: WireMessage,
  reply: (answer: WireMessage) => void,
) => Promise<WireMessage | undefined>

/** A peer machine on real ports: network, store, sandbox, clock. The same for tab, agent and relay. */
export class NodeHost {
  readonly counters = new Counters()
  readonly #parts: NodeHostParts
  readonly #run: Run
  readonly #exchange: BlobExchange
  readonly #inbound: Inbound
  readonly #outbound: Outbound
  readonly #assignments: AssignmentRunner | undefined
  readonly #replies = new Map<number, (items: readonly Admittance[]) => void>()
  readonly #adoptions = new Map<number, (adopted: Adopted) => void>()
  /** Peers whose admission is being signed. */
  readonly #admitting = new Map<PeerId, Promise<void>>()
  #nextRequest = 1

  constructor(parts: NodeHostParts) {
    this.#parts = parts
    const clock = parts.clock ?? Date.now
    const { crypto, networkId, network, store, blobs, log } = parts
    const isSure = parts.isSure ?? (() => true)
    const send = (peer: PeerId, frame: Uint8Array): boolean => isSure() && network.send(peer, frame)
    const exchange = createBlobExchange(parts, this.counters)
    this.#exchange = exchange
    blobs.protect(() => blobsInUse(parts.peer))
    this.#run = new Run({
      peer: parts.peer,
      store,
      clock,
      timers: parts.timers,
      perform: (effect) => this.#perform(effect),
      failed: parts.failed,
    })
    // What others hold against their clocks is our clock, not the machine's time, which may be ahead of it.
    const now = (): Instant => clock() as Instant
    this.#inbound = new Inbound({
      networkId,
      crypto,
      blobs: exchange,
      counters: this.counters,
      log,
      now,
      deliver: (from, message) => this.#run.post({ kind: 'message', from, message }),
      awaits: (worker, attempt, outputBytes) =>
        parts.peer.children.coordinator?.awaits(worker, attempt, outputBytes) ?? false,
      wantsCommitment: (taskId) => parts.peer.children.coordinator?.wantsCommitment(taskId) ?? false,
      screen: async (from, message) =>
        parts.screen === undefined
          ? message
          : await parts.screen(from, message, (answer) => this.#outbound.send(from, answer)),
    })
    this.#outbound = new Outbound({
      networkId,
      crypto,
      now,
      send,
      overflow: (to) => void network.hangUp(to),
    })
    this.#assignments =
      parts.runner === undefined
        ? undefined
        : new AssignmentRunner({
            runner: parts.runner,
            blobs,
            exchange,
            crypto,
            clock,
            log,
            ran: (runId, ran) => this.command({ type: 'worker/ran', runId, ran }),
            fetching: (runId, bytes) => this.command({ type: 'worker/fetching', runId, bytes }),
            began: (runId) => this.command({ type: 'worker/began', runId }),
          })
  }

  /** Restores the machine from the store, then joins the network. */
  async start(): Promise<void> {
    const restored = await this.#restore()
    const { savedAt, log } = this.#parts
    const time = savedAt === undefined ? 'an unknown time' : new Date(savedAt).toISOString()
    if (restored.rows > 0) log('info', `Recovered state from ${time}`, restored)
    await this.#parts.beforeJoin?.()
    await this.#parts.network.start(this.#listener())
    this.#run.post({ kind: 'start' })
  }

  /** SEC-04: message ids remembered now, for the gauge `message_cache_size`. */
  get messageCacheSize(): number {
    return this.#inbound.replayWindowSize
  }

  /** Calls back for every part of a blob that comes from a peer; returns the unsubscription. */
  onBlobProgress(listener: (progress: BlobProgress) => void): () => void {
    return this.#exchange.onProgress(listener)
  }

  command(command: PeerCommand): void {
    this.#run.post({ kind: 'command', command })
  }

  /** What the machine says, told when all it rests on is durable. */
  async ask<T>(question: (peer: Peer) => T): Promise<T> {
    return await this.#run.ask(question)
  }

  /** Hands a submission to this node's own coordinator; resolves when the admittances are durable. */
  async submit(
    from: PeerId,
    items: Extract<PeerCommand, { type: 'coordinator/submit' }>['items'],
  ): Promise<readonly Admittance[]> {
    const requestId = this.#nextRequest++
    return await new Promise((resolve) => {
      this.#replies.set(requestId, resolve)
      this.command({ type: 'coordinator/submit', requestId, from, items })
    })
  }

  /** Has this node's coordinator take over tasks of another; resolves when they are on record here. */
  async adopt(rows: readonly Row[]): Promise<Adopted> {
    const requestId = this.#nextRequest++
    return await new Promise((resolve) => {
      this.#adoptions.set(requestId, resolve)
      this.command({ type: 'coordinator/adopt', requestId, rows })
    })
  }

  /** Ends in order: no new runs, what was decided is durable and sent, then the network. */
  async stop(): Promise<void> {
    this.#assignments?.stopAll()
    await this.#run.stop()
    await this.#outbound.drained()
    await this.#parts.network.stop()
  }

  /** Some rows at a time, since a relay may have more than fit into memory. Resolves to what there was, in numbers. */
  async #restore(): Promise<{ readonly rows: number } & Readonly<Record<string, number>>> {
    const { peer, store } = this.#parts
    let count = 0
    let from: string | undefined
    for (;;) {
      const options = from === undefined ? { limit: rowsAtATime } : { limit: rowsAtATime, from }
      const page = await store.list('', options)
      const rows = page.map(({ key, value }): Row => {
        const decoded = decodeCanonical(value)
        invariant(!(decoded instanceof Refusal), `the stored row ${key} is not readable`)
        return { key, value: decoded }
      })
      peer.restore(rows)
      // Those of the host itself are nobody's state.
      count += rows.filter(({ key }) => !key.startsWith('host/')).length
      if (page.length < rowsAtATime) break
      from = page.at(-1)!.key
    }
    peer.restored(this.#run.now)
    const tasks = Object.entries(peer.children.coordinator?.counts().tasks ?? {})
    return { rows: count, ...Object.fromEntries(tasks.filter(([, number]) => number > 0)) }
  }

  #listener(): NetworkListener {
    return {
      peerUp: (peer, path) => this.#peerUp(peer, path),
      peerPath: (peer, path) => this.#run.post({ kind: 'peerPath', peer, direct: path.direct }),
      peerDown: (peer) => {
        this.#parts.log('info', `Peer disconnected: ${peer}`)
        this.#admitting.delete(peer)
        this.#inbound.peerDown(peer)
        this.#run.post({ kind: 'peerDown', peer })
      },
      frame: async (peer, frame) => {
        await this.#run.room()
        await this.#inbound.frame(peer, frame)
      },
      fault: (peer, reason) => {
        this.counters.add('messages_rejected_total', reason)
        this.#parts.log('warn', `Peer cut off for what it sent: ${peer}`, { reason })
      },
      gossip: async () => 'ignore',
    }
  }

  #peerUp(peer: PeerId, path: PeerPath): void {
    this.#parts.log('info', `Peer connected: ${peer}`)
    const up = (admission: Admission | null): void =>
      this.#run.post({ kind: 'peerUp', peer, direct: path.direct, admission })
    const { admits, networkId, crypto } = this.#parts
    if (!admits) {
      this.#inbound.peerUp(peer, Promise.resolve())
      return up(null)
    }
    const admitted = admit(peer, path.remoteAddress, networkId, crypto).then((admission) => {
      // The peer may have gone, or come anew, while its admission was signed.
      if (this.#admitting.get(peer) !== admitted) return
      this.#admitting.delete(peer)
      up(admission)
    })
    this.#admitting.set(peer, admitted)
    this.#inbound.peerUp(peer, admitted)
  }

  #perform(effect: Exclude<PeerEffect, { kind: 'save' | 'timer' }>): void {
    switch (effect.kind) {
      case 'send':
        return this.#outbound.send(effect.to, effect.message)
      case 'event':
        if (effect.event.type === 'adopted') this.#adopted(effect.event)
        return this.#parts.onEvent?.(effect.event)
      case 'ask':
        return this.#carryOut(effect.ask)
      case 'publish':
        return
    }
  }

  #carryOut(ask: PeerAsk): void {
    const { network, log } = this.#parts
    switch (ask.type) {
      case 'run':
        if (this.#assignments === undefined) {
          return this.command({ type: 'worker/ran', runId: ask.runId, ran: { kind: 'none', reason: 'host' } })
        }
        return this.#assignments.start(ask)
      case 'stopRun':
        return this.#assignments?.stop(ask.runId)
      case 'hangUp':
        return void network.hangUp(ask.peer)
      case 'dialRelay':
        return void this.#dialRelay(ask.relay)
      case 'dialPeer':
        network.dial({ peer: ask.peer }).catch((error: unknown) => {
          log('debug', `No connection to ${ask.peer} yet`, { error: String(error) })
          this.command({ type: 'topology/dialFailed', peer: ask.peer })
        })
        return
      case 'archive':
        return void this.#archive(ask.keys)
      case 'admittances': {
        this.#replies.get(ask.requestId)?.(ask.items)
        this.#replies.delete(ask.requestId)
        return
      }
    }
  }

  #adopted(adopted: Adopted): void {
    this.#adoptions.get(adopted.requestId)?.(adopted)
    this.#adoptions.delete(adopted.requestId)
  }

  async #archive(keys: readonly string[]): Promise<void> {
    const { archive, log } = this.#parts
    try {
      await archive?.(keys)
    } catch (error) {
      // The rows stay, and the machine asks again later.
      return log('warn', 'Finished tasks could not be archived yet', { error: String(error) })
    }
    this.command({ type: 'coordinator/archived', keys })
  }

  async #dialRelay(relay: string): Promise<void> {
    const { log } = this.#parts
    log('info', `Connecting to bootstrap node: ${relay}`)
    let peer: PeerId | undefined
    try {
      peer = await this.#parts.dialRelay(relay)
      log('info', `Connected to bootstrap node: ${peer}`)
    } catch (error) {
      log(
        'warn',
        `Failed to connect to bootstrap node: ${relay} - ${error instanceof Error ? error.message : error}`,
      )
    }
    this.command({ type: 'topology/relayDialed', relay, peer })
  }
}

type Adopted = Extract<PeerEvent, { type: 'adopted' }>

const rowsAtATime = 1_000
