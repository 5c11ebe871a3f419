import type { Connection, Stream } from '@libp2p/interface'
import { PeerStream } from './peer-stream.ts'
import type { Hello, WireFault } from './peer-wire.ts'
import { encodeHello } from './peer-wire.ts'

/** `foreign`: the other end does not speak the protocol at all. */
export type Opening = 'open' | 'foreign' | 'failed'

export interface Opener {
  /** Said first on the new stream; asked for once that stands. */
  hello(): Hello
  /** The other end's answer. Takes the stream over before it returns true; false gives the stream up. */
  answered(stream: PeerStream, asked: Hello, answer: Hello): boolean
  fault(reason: WireFault, stream: PeerStream): void
}

export interface Acceptor {
  /** The first thing said on the stream; to be answered, and the stream to be taken over or aborted. */
  hello(stream: PeerStream, hello: Hello): void
  fault(reason: WireFault, stream: PeerStream): void
}

/** Opening a stream and shaking hands on it may each take this long. */
const handshakeMs = 5_000

/** Opens a stream on the connection and shakes hands on it. */
export async function openPeerStream(
  connection: Connection,
  protocol: string,
  opener: Opener,
): Promise<Opening> {
  let raw: Stream
  try {
    raw = await connection.newStream(protocol, {
      signal: AbortSignal.timeout(handshakeMs),
      runOnLimitedConnection: true,
    })
  } catch (error) {
    return error instanceof Error && error.name === 'UnsupportedProtocolError' ? 'foreign' : 'failed'
  }
  const stream = new PeerStream(raw, connection)
  const asked = opener.hello()
  return await new Promise((resolve) => {
    const done = (outcome: 'open' | 'failed') => {
      clearTimeout(timeout)
      if (outcome === 'failed') stream.abort('the handshake failed')
      resolve(outcome)
    }
    const fault = (reason: WireFault) => {
      opener.fault(reason, stream)
      done('failed')
    }
    const timeout = setTimeout(() => done('failed'), handshakeMs)
    stream.listen({
      record: (record) => {
        if (record.kind !== 'hello') fault('malformed')
        else done(opener.answered(stream, asked, record.hello) ? 'open' : 'failed')
      },
      fault,
      drained: () => undefined,
      closed: () => done('failed'),
    })
    stream.write(encodeHello(asked))
  })
}

/** Waits for the hello on a stream that the other end opened. */
export function acceptPeerStream(raw: Stream, connection: Connection, acceptor: Acceptor): void {
  const stream = new PeerStream(raw, connection)
  const timeout = setTimeout(() => stream.abort('no hello in time'), handshakeMs)
  const fault = (reason: WireFault) => {
    clearTimeout(timeout)
    acceptor.fault(reason, stream)
  }
  stream.listen({
    record: (record) => {
      clearTimeout(timeout)
      if (record.kind === 'hello') acceptor.hello(stream, record.hello)
      else fault('malformed')
    },
    fault,
    drained: () => undefined,
    closed: () => clearTimeout(timeout),
  })
}
