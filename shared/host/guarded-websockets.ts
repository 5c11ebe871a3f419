import type {
  CreateListenerOptions,
  Listener,
  MultiaddrConnection,
  Transport,
  Upgrader,
} from '@libp2p/interface'
import { webSockets } from '@libp2p/websockets'

type WebSocketTransport = ReturnType<typeof webSockets>

/** What a WebSocket is on Node and in a browser alike, as far as it is needed here. */
interface Socket {
  addEventListener(type: 'error', listener: () => void): void
  close(): void
  /** Of `ws` only: without waiting for the other end. */
  terminate?(): void
}

/** Noise messages have at most 64 KiB; `ws` alone would collect 100 MiB for anyone who asks. */
const messageBytesMax = 1024 * 1024

/**
 * The WebSocket transport of libp2p (@libp2p/websockets 10.1.21) with three holes closed.
 *
 * 1. Nobody listens to the `error` of an accepted socket: one malformed WebSocket frame from anyone ends the process.
 * 2. A connection that is aborted closes its socket with code 1006, which the WebSocket API forbids; the throw is
 *    swallowed, and the socket stays open at both ends.
 * 3. An accepted socket may send a message of 100 MiB, which is kept in memory before anyone has said who he is.
 */
export function guardedWebSockets(): WebSocketTransport {
  const make = webSockets()
  return (components) => {
    const transport: Transport = make(components)
    const dial = transport.dial.bind(transport)
    const createListener = transport.createListener.bind(transport)
    transport.dial = (address, options) => dial(address, { ...options, upgrader: guarded(options.upgrader) })
    transport.createListener = (options: CreateListenerOptions) => {
      const listener = createListener({ ...options, upgrader: guarded(options.upgrader) })
      limitMessages(listener)
      return listener
    }
    return transport
  }
}

function guarded(upgrader: Upgrader): Upgrader {
  return new Proxy(upgrader, {
    get: (target, name) => {
      if (name === 'upgradeInbound' || name === 'upgradeOutbound') {
        return (connection: MultiaddrConnection, options: never) => {
          guard(connection)
          return target[name](connection, options)
        }
      }
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

function guard(connection: MultiaddrConnection): void {
  const { websocket } = connection as unknown as { websocket?: Socket }
  if (websocket === undefined)
    throw new Error('@libp2p/websockets has changed: its connection holds no websocket')
  const end = () => {
    if (websocket.terminate === undefined) websocket.close()
    else websocket.terminate()
  }
  websocket.addEventListener('error', end)
  connection.addEventListener('close', (event) => {
    if (event.error === undefined) websocket.close()
    else end()
  })
}

function limitMessages(listener: Listener): void {
  const { wsServer } = listener as unknown as { wsServer?: { options: { maxPayload: number } } }
  if (wsServer === undefined) throw new Error('@libp2p/websockets has changed: its listener holds no server')
  wsServer.options.maxPayload = messageBytesMax
}
