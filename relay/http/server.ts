import type { AddressInfo } from 'node:net'
import { StartError } from '../data-folder.ts'
import { type HttpAppInit, makeApp } from './app.ts'
import { connectionCloser } from './connections.ts'

export interface HttpServerInit extends HttpAppInit {
  /** IP address or name to listen on. */
  readonly host: string
  /** 0 is any free one. */
  readonly port: number
}

export interface HttpServer {
  /** As a user of this machine writes it. */
  readonly url: string
  readonly port: number
  /**
   * Takes no new work from now on: `/readyz` and submissions are answered with 503 `ShuttingDown`. Everything else goes
   * on until `close`, results under way among it.
   */
  drain(): void
  /** Ends answers that are held open, then waits for the others. */
  close(): Promise<void>
}

const closeEveryMs = 100

/** Rejects with a StartError of exit code 2 when the port cannot be had. */
export async function startHttpServer(init: HttpServerInit): Promise<HttpServer> {
  const { host, port } = init
  const { app, parts, draining } = await makeApp(init)
  const forget = init.api.onNews((news) => {
    if (news.type === 'taskFinished') parts.estimate.note(news.finished)
    parts.news.tell(news)
  })
  try {
    await app.listen({ host, port })
  } catch (error) {
    forget()
    await app.close()
    throw listenError(error, host, port)
  }
  const closeConnections = connectionCloser(app.server)
  const bound = (app.server.address() as AddressInfo).port
  return {
    url: `http://${shownHost(host)}:${bound}`,
    port: bound,
    drain: () => draining.begin(),
    async close() {
      draining.begin()
      forget()
      parts.streams.closeAll()
      // Again and again, since a connection may come in just before the server stops listening.
      const timer = setInterval(closeConnections, closeEveryMs)
      closeConnections()
      await app.close()
      clearInterval(timer)
    },
  }
}

function listenError(error: unknown, host: string, port: number): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return new StartError(
        `The HTTP port ${port} is in use. Stop what listens there, or choose another with --port N.`,
        2,
        error,
      )
    case 'EACCES':
      return new StartError(
        `This user may not listen on the HTTP port ${port}. Choose one over 1023 with --port N.`,
        2,
        error,
      )
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new StartError(`${host} is no address of this machine to listen on.`, 2, error)
    default:
      return error
  }
}

function shownHost(host: string): string {
  if (['127.0.0.1', '::1', '0.0.0.0', '::', 'localhost'].includes(host)) return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}
