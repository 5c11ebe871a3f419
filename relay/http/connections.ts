import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { HttpApp } from './http-app.ts'
import { Problem, problemBody } from './problem.ts'

/**
 * Closes all connections once no answer is under way. Node alone waits for connections on which no request ever came,
 * as browsers and fetch open them ahead of need.
 */
export function connectionCloser(server: Server): () => void {
  const answers = new Set<ServerResponse>()
  let isClosing = false
  const closeWhenDone = () => {
    if (isClosing && answers.size === 0) server.closeAllConnections()
  }
  server.on('request', (_request, response) => {
    answers.add(response)
    response.on('close', () => {
      answers.delete(response)
      closeWhenDone()
    })
  })
  return () => {
    isClosing = true
    closeWhenDone()
  }
}

/** What is no HTTP at all, or too large or slow to be. */
export function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return writeProblem(
        socket,
        new Problem('HeadersTooLarge', 'The headers of the request are larger than 16 KiB'),
      )
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return writeProblem(socket, new Problem('RequestTimeout', 'The request took too long to arrive'))
    default:
      return writeProblem(socket, new Problem('MalformedHttp', 'This is not an HTTP request'))
  }
}

/** A problem where there is no reply to write it to; ends the connection. */
function writeProblem(socket: Duplex, problem: Problem, headers = ''): void {
  const body = problemBody(problem)
  socket.end(
    `HTTP/1.1 ${problem.status} Refused\r\nContent-Type: application/problem+json\r\n${headers}` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}

/** What Node would answer by itself without a word, or not at all. */
export function refuseUnusual(app: HttpApp): void {
  const { server } = app
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
    socket.on('error', () => socket.destroy())
    writeProblem(socket, new Problem('MethodNotAllowed', 'This is no proxy: CONNECT is not known here'))
  })
  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    const problem = new Problem('ExpectationFailed', 'Of the header expect only 100-continue is known here')
    const body = problemBody(problem)
    response.writeHead(problem.status, {
      'content-type': 'application/problem+json',
      'content-length': Buffer.byteLength(body),
      connection: 'close',
    })
    response.end(body)
  })
  app.addHook('onRequest', async ({ raw }) => {
    if (raw.httpVersion === '1.1' && raw.headers.host === undefined) {
      throw new Problem('HostMissing', 'The header host is missing')
    }
    // Other upgrades may be ignored (RFC 9110, 7.8); who asks for a WebSocket cannot go on without.
    if (/\bwebsocket\b/i.test(raw.headers.upgrade ?? '')) {
      throw new Problem(
        'UpgradeUnsupported',
        'No WebSocket is served here: peers find its port in the multiaddrs of GET /api/v1/network',
      )
    }
  })
}
