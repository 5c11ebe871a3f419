import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** Stands between a client and a server, and loses answers when told. */
export class LossyProxy {
  readonly port: number
  readonly #listener: Server
  readonly #sockets: Set<Socket>
  /** Answers still to be lost, each together with its connection. */
  answersToLose = 0

  private constructor(listener: Server, sockets: Set<Socket>) {
    this.#listener = listener
    this.#sockets = sockets
    this.port = (listener.address() as { port: number }).port
  }

  static async start(serverPort: number): Promise<LossyProxy> {
    const sockets = new Set<Socket>()
    const listener = createServer((client) => {
      const server = connect(serverPort, '127.0.0.1')
      for (const socket of [client, server]) {
        sockets.add(socket)
        socket.on('error', () => undefined)
        socket.on('close', () => {
          sockets.delete(socket)
          client.destroy()
          server.destroy()
        })
      }
      client.pipe(server)
      server.on('data', (answer) => {
        if (proxy.answersToLose === 0) return void client.write(answer)
        proxy.answersToLose -= 1
        client.destroy()
      })
    }).listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const proxy = new LossyProxy(listener, sockets)
    return proxy
  }

  async stop(): Promise<void> {
    const closed = once(this.#listener, 'close')
    this.#listener.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}
