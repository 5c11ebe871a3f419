import type { Connection, Stream } from '@libp2p/interface'
import { toHex } from '../kernel/bytes.ts'
import type { PeerId } from '../kernel/ids.ts'
import type { PeerPath } from './network.ts'
import type { Opening } from './peer-handshake.ts'
import { acceptPeerStream, openPeerStream } from './peer-handshake.ts'
import type { SessionEnd, SessionFault } from './peer-session.ts'
import { PeerSession } from './peer-session.ts'
import type { PeerStream } from './peer-stream.ts'
import { pathOf } from './peer-stream.ts'
import type { Hello, WireRecord } from './peer-wire.ts'
import { encodeHello, encodeSignal, noSession } from './peer-wire.ts'

/** Why a peer went down: its connections went, it said goodbye, we did, or the link could not go on. */
export type DownReason = 'gone' | 'bye' | 'hungUp' | 'lost' | 'restarted' | SessionEnd | SessionFault

export interface LinkOwner {
  /** Full name of the `peer` protocol. */
  readonly protocol: string
  up(path: PeerPath): void
  path(path: PeerPath): void
  down(reason: DownReason): void
  /** It broke the protocol; its connections are being closed. */
  fault(reason: SessionFault): void
  frame(frame: Uint8Array): Promise<void>
  /** No stream can be opened on any of its connections: it is no node of this network. */
  refused(): void
}

/** A stream that broke has this long to come back before its peer is reported down. */
const recoveryMs = 2_000
const openTriesMax = 4
const firstRetryMs = 100
/** The other end has this long to close connections after a goodbye. */
const goodbyeMs = 300
/** A relayed connection is kept this long beside a direct one, in case that one does not last. */
const spareMs = 5_000

/**
 * The one stream to a peer, over whatever connections there are.
 *
 * 1. Only the end with the lower peer id opens streams, whoever dialled: two ends that dial at once never make two.
 * 2. It keeps the stream on the best connection: direct before relayed, else the one it is on. When a better one
 *    comes, it opens a stream there while the old one goes on. Its hello says which session it continues and how many
 *    frames it has; from the answer on, the other end reads and writes the new stream only, and both send again what
 *    the other had not received. So nothing is lost, doubled or reordered, and no one goes down.
 * 3. The same mends a stream that broke while a connection stands. After `recoveryMs` without one the session ends.
 * 4. A session is named by a nonce of each end. An end that does not know the session (it restarted, or gave up)
 *    answers with a fresh nonce, and the other reports the peer down and up again.
 */
export class PeerLink {
  readonly #opens: boolean
  readonly #owner: LinkOwner
  readonly #connections = new Map<string, Connection>()
  /** Connections on which no stream can be opened. */
  readonly #hopeless = new Set<string>()
  #session: PeerSession | undefined
  #stream: PeerStream | undefined
  #own = freshNonce()
  #theirs = noSession
  #attempt = 0
  #seeking = false
  #cutFor: DownReason | undefined
  #recovery: ReturnType<typeof setTimeout> | undefined
  #spare: ReturnType<typeof setTimeout> | undefined

  constructor(self: PeerId, peer: PeerId, owner: LinkOwner) {
    this.#opens = self < peer
    this.#owner = owner
  }

  /** Whether this end is the one that opens streams and looks for better paths. */
  get opens(): boolean {
    return this.#opens
  }

  get isUp(): boolean {
    return this.#session !== undefined
  }

  get isIdle(): boolean {
    return this.#session === undefined && this.#connections.size === 0
  }

  get path(): PeerPath | undefined {
    return this.#session === undefined ? undefined : this.#stream?.path
  }

  get queuedBytes(): number {
    return this.#session?.unsentBytes ?? 0
  }

  send(frame: Uint8Array): boolean {
    return this.#session?.send(frame) ?? false
  }

  tick(): void {
    this.#session?.tick()
  }

  addConnection(connection: Connection): void {
    if (connection.status !== 'open') return
    this.#connections.set(connection.id, connection)
    if (this.#opens) void this.#seek()
    this.#dropSpares()
  }

  removeConnection(connection: Connection): void {
    this.#connections.delete(connection.id)
    this.#hopeless.delete(connection.id)
    if (this.#stream?.connectionId === connection.id) this.#lostStream(this.#stream)
    if (this.#connections.size === 0) this.#end('gone')
  }

  /** Tries connections again that were given up. */
  retry(): void {
    this.#hopeless.clear()
    if (this.#opens) void this.#seek()
  }

  /** A stream the other end opened. */
  accept(raw: Stream, connection: Connection): void {
    if (this.#opens) {
      raw.abort(new Error('the other end opens the streams of this pair'))
      return
    }
    acceptPeerStream(raw, connection, {
      hello: (stream, hello) => this.#answer(stream, hello),
      fault: (reason, stream) => this.#fault(reason, stream),
    })
  }

  /**
   * Says goodbye and closes every connection to the peer. The other end closes them too, when it reads the goodbye; to
   * come first with that could take the goodbye away from it (a TCP reset discards what was not read yet).
   */
  async hangUp(): Promise<void> {
    const stream = this.#stream
    this.#stream = undefined
    stream?.write(encodeSignal('bye'))
    stream?.close()
    this.#end('hungUp')
    const open = [...this.#connections.values()]
    for (const { id } of open) this.#hopeless.add(id)
    if (stream !== undefined) await Promise.race([Promise.all(open.map(closed)), pause(goodbyeMs)])
    await Promise.all(open.map(closeConnection))
  }

  /** Moves to the best connection, and again until there is no better. */
  async #seek(): Promise<void> {
    if (this.#seeking) return
    this.#seeking = true
    let tries = 0
    for (let next = this.#better(); next !== undefined; next = this.#better()) {
      const outcome = await this.#openOn(next)
      if (outcome === 'open') {
        tries = 0
        continue
      }
      tries++
      if (outcome === 'foreign' || tries === openTriesMax) {
        this.#hopeless.add(next.id)
        tries = 0
      } else {
        await pause(firstRetryMs * 2 ** (tries - 1))
      }
    }
    this.#seeking = false
    if (this.#session === undefined && this.#connections.size > 0) this.#owner.refused()
  }

  #better(): Connection | undefined {
    const current = this.#stream === undefined ? -1 : rank(this.#stream.path)
    let best: Connection | undefined
    let bestRank = current
    for (const connection of this.#connections.values()) {
      if (connection.status !== 'open' || this.#hopeless.has(connection.id)) continue
      const candidate = rank(pathOf(connection))
      if (candidate > bestRank) {
        best = connection
        bestRank = candidate
      }
    }
    return best
  }

  #openOn(connection: Connection): Promise<Opening> {
    return openPeerStream(connection, this.#owner.protocol, {
      hello: () => ({
        own: this.#own,
        peer: this.#theirs,
        attempt: ++this.#attempt,
        received: this.#session?.received ?? 0,
      }),
      answered: (stream, asked, answer) => this.#answered(stream, asked, answer),
      fault: (reason, stream) => this.#fault(reason, stream),
    })
  }

  /** The opener's side of the handshake. */
  #answered(stream: PeerStream, asked: Hello, hello: Hello): boolean {
    if (!this.#connections.has(stream.connectionId)) return false
    if (hello.peer !== asked.own || hello.own === noSession) {
      this.#fault('malformed', stream)
      return false
    }
    // The session ended on this side while the hello was under way.
    if (asked.own !== this.#own) return false
    if (this.#session === undefined || hello.own !== this.#theirs) {
      if (this.#session !== undefined) this.#end('restarted')
      this.#own = asked.own
      this.#begin(stream, hello)
      return true
    }
    return this.#move(stream, hello.received, asked.received)
  }

  /** The other side of it. */
  #answer(stream: PeerStream, hello: Hello): void {
    const continues = this.#session !== undefined && hello.own === this.#theirs && hello.peer === this.#own
    if (hello.own === noSession) {
      this.#fault('malformed', stream)
      return
    }
    if (continues && hello.attempt <= this.#attempt) {
      stream.abort('overtaken by a later stream')
      return
    }
    if (!continues) this.#end('restarted')
    this.#attempt = hello.attempt
    const received = this.#session?.received ?? 0
    stream.write(encodeHello({ own: this.#own, peer: hello.own, attempt: hello.attempt, received }))
    if (continues) this.#move(stream, hello.received, received)
    else this.#begin(stream, hello)
  }

  #begin(stream: PeerStream, hello: Hello): void {
    this.#theirs = hello.own
    const session = new PeerSession({
      deliver: (frame) => this.#owner.frame(frame),
      fault: (reason) => this.#fault(reason, this.#stream),
      end: (reason) => this.#cut(reason),
    })
    this.#session = session
    this.#attach(stream)
    this.#owner.up(stream.path)
    if (this.#session === session) session.carryOn(stream, 0, 0)
  }

  #move(stream: PeerStream, theyReceived: number, weStated: number): boolean {
    const before = this.#stream
    this.#attach(stream)
    before?.abort('gave way to another stream')
    if (this.#session?.carryOn(stream, theyReceived, weStated) !== true) {
      this.#fault('malformed', stream)
      return false
    }
    this.#owner.path(stream.path)
    return true
  }

  #attach(stream: PeerStream): void {
    clearTimeout(this.#recovery)
    this.#recovery = undefined
    this.#stream = stream
    stream.listen({
      record: (record) => this.#take(record, stream),
      fault: (reason) => this.#fault(reason, stream),
      drained: () => this.#session?.drained(),
      closed: () => this.#lostStream(stream),
    })
    this.#dropSpares()
  }

  #take(record: WireRecord, stream: PeerStream): void {
    if (record.kind === 'hello') {
      this.#fault('malformed', stream)
    } else if (record.kind === 'bye') {
      // The other end is closing them; one that still seems open would be taken for a way to dial it again.
      this.#cut('bye')
    } else if (this.#stream === stream) {
      this.#session?.take(record)
    }
  }

  #lostStream(stream: PeerStream): void {
    if (this.#stream !== stream) return
    this.#stream = undefined
    this.#session?.detach()
    this.#recovery ??= setTimeout(() => this.#cut('lost'), recoveryMs)
    if (this.#opens) void this.#seek()
  }

  #fault(reason: SessionFault, stream: PeerStream | undefined): void {
    stream?.abort(`refused: ${reason}`)
    this.#owner.fault(reason)
    this.#cut(reason)
  }

  /** Ends the session and every connection with it, so that nothing half-dead is left. */
  #cut(reason: DownReason): void {
    // Aborting tells of closed connections before it returns; that is not why.
    this.#cutFor = reason
    for (const connection of [...this.#connections.values()]) {
      this.#hopeless.add(connection.id)
      connection.abort(new Error(`the link to this peer ended: ${reason}`))
    }
    this.#end(reason)
    this.#cutFor = undefined
  }

  #end(reason: DownReason): void {
    clearTimeout(this.#recovery)
    clearTimeout(this.#spare)
    this.#recovery = undefined
    this.#spare = undefined
    this.#stream?.abort('the session ended')
    this.#stream = undefined
    this.#own = freshNonce()
    this.#theirs = noSession
    if (this.#session === undefined) return
    this.#session.stop()
    this.#session = undefined
    this.#owner.down(this.#cutFor ?? reason)
  }

  /** Gives relayed connections back once a direct one has carried the stream for a while. */
  #dropSpares(): void {
    if (!this.#opens || this.#stream?.path.direct !== true || this.#connections.size < 2) return
    this.#spare ??= setTimeout(() => {
      this.#spare = undefined
      if (this.#stream?.path.direct !== true) return
      for (const connection of this.#connections.values()) {
        if (!pathOf(connection).direct) void closeConnection(connection)
      }
    }, spareMs)
  }
}

function rank(path: PeerPath): number {
  return path.direct ? 1 : 0
}

function closed(connection: Connection): Promise<unknown> {
  if (connection.status !== 'open') return Promise.resolve()
  return new Promise((resolve) => connection.addEventListener('close', resolve, { once: true }))
}

async function closeConnection(connection: Connection): Promise<void> {
  try {
    await connection.close()
  } catch (cause) {
    connection.abort(cause instanceof Error ? cause : new Error(String(cause)))
  }
}

function freshNonce(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(16)))
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
