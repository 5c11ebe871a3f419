import type { StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'
import { yamux } from '@libp2p/yamux'

/**
 * The Yamux muxer (@libp2p/yamux 8.0.3), which may write after its connection closed without ending the process.
 *
 * It announces a new stream in a microtask of its own. When the connection is closed in the same turn of the event loop,
 * which any peer can bring about, that write throws where nobody catches. Here such a write is as one that must wait:
 * the streams hear of the closed connection in the same moment anyway.
 */
export function guardedYamux(): () => StreamMuxerFactory {
  const make = yamux()
  return () => {
    const factory: StreamMuxerFactory = make()
    const create = factory.createStreamMuxer.bind(factory)
    factory.createStreamMuxer = (connection) => {
      const muxer = create(connection) as StreamMuxer & { send(data: unknown): boolean }
      const send = muxer.send.bind(muxer)
      muxer.send = (data) => {
        try {
          return send(data)
        } catch (error) {
          if (error instanceof Error && error.name === 'StreamStateError') return false
          throw error
        }
      }
      return muxer
    }
    return factory
  }
}
