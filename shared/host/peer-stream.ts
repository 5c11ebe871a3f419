import type { Connection, Stream, StreamMessageEvent } from '@libp2p/interface'
import type { PeerPath } from './network.ts'
import type { WireFault, WireRecord } from './peer-wire.ts'
import { RecordReader } from './peer-wire.ts'

export interface StreamEvents {
  record(record: WireRecord): void
  fault(reason: WireFault): void
  drained(): void
  closed(): void
}

/** One libp2p stream of the `peer` protocol, read as records. Its owner may change while it lives. */
export class PeerStream {
  readonly connectionId: string
  readonly path: PeerPath
  readonly #stream: Stream
  readonly #reader = new RecordReader()
  #events: StreamEvents | undefined

  constructor(stream: Stream, connection: Connection) {
    this.#stream = stream
    this.connectionId = connection.id
    this.path = pathOf(connection)
  }

  /** Starts reading, or hands what comes next to another owner. */
  listen(events: StreamEvents): void {
    const first = this.#events === undefined
    this.#events = events
    if (!first) return
    this.#stream.addEventListener('drain', () => this.#events?.drained())
    this.#stream.addEventListener('close', () => this.#closed())
    this.#stream.addEventListener('remoteCloseWrite', () => this.#closed())
    this.#stream.addEventListener('message', (event) => this.#read(event))
    // It may have died between its making and now, and says so only once.
    if (this.#stream.status !== 'open') queueMicrotask(() => this.#closed())
  }

  write(bytes: Uint8Array): boolean {
    try {
      return this.#stream.send(bytes)
    } catch {
      // Closed meanwhile: 'close' follows and tells the owner.
      return false
    }
  }

  /** Ends it after what was written; the other end sees a clean close. */
  close(): void {
    this.#events = silent
    this.#stream.close().catch((cause) => this.#stream.abort(asError(cause)))
  }

  abort(reason: string): void {
    this.#events = silent
    this.#stream.abort(new Error(reason))
  }

  #read(event: StreamMessageEvent): void {
    const { records, fault } = this.#reader.push(event.data.subarray())
    for (const record of records) this.#events?.record(record)
    if (fault !== undefined) this.#events?.fault(fault)
  }

  #closed(): void {
    const events = this.#events
    this.#events = silent
    events?.closed()
    if (this.#stream.status === 'open') this.close()
  }
}

/** Relayed paths are told by either sign: relays without limits set none, and addresses of other transports nest. */
export function pathOf(connection: Connection): PeerPath {
  return {
    direct: connection.direct && connection.limits === undefined,
    remoteAddress: connection.remoteAddr.toString(),
  }
}

const silent: StreamEvents = {
  record: () => undefined,
  fault: () => undefined,
  drained: () => undefined,
  closed: () => undefined,
}

function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause))
}
