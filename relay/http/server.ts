import type { Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { type FastifyRequest, fastify } from 'fastify'
import type { Metric } from 'prom-client'
import type { Counters } from '../../shared/host/counters.ts'
import { chooseEngine, createVerify } from '../../shared/host/create-crypto-port.ts'
import type { HostLog } from '../../shared/host/host-log.ts'
import { StartError } from '../data-folder.ts'
import { Access } from './access.ts'
import { RequestAuthentication } from './authentication.ts'
import { blobRoutes } from './blob-routes.ts'
import { jobRoutes } from './job-routes.ts'
import { Metrics } from './metrics.ts'
import { OpenStreams } from './open-streams.ts'
import { servePage } from './page.ts'
import type { HttpApp, HttpParts } from './parts.ts'
import { answerWithProblems, Problem, problemBody, sendProblem } from './problem.ts'
import { publicRoutes } from './public-routes.ts'
import type { RelayApi } from './relay-api.ts'
import { compileValidator } from './schemas.ts'
import { CompletionEstimate, StatusSnapshot } from './snapshot.ts'
import { RefusedSubmission, Submissions } from './submissions.ts'
import { taskRoutes } from './task-routes.ts'

export interface HttpServerInit {
  readonly api: RelayApi
  /** IP address or name to listen on. */
  readonly host: string
  /** 0 is any free one. */
  readonly port: number
  /** The built page. */
  readonly pageFolder: string
  readonly counters: Counters
  /** Metrics of other parts of the process, shown beside those of the host. */
  readonly metrics?: readonly Metric[]
  readonly log: HostLog
  readonly now?: () => number
}

export interface HttpServer {
  /** As a user of this machine writes it. */
  readonly url: string
  readonly port: number
  /** Ends answers that are held open, then waits for the others. */
  close(): Promise<void>
}

/** 256 submissions with 4 KiB of input each fit well. */
const bodyBytesMax = 4 * 1024 * 1024
const submissionRoutes = new Set(['/api/v1/tasks', '/api/v1/jobs', '/api/v1/tasks/:id/resubmit'])
/** For the whole of a request to arrive; a blob is given longer: 64 MiB at 110 KB/s. */
const requestMs = 30_000
const blobRequestMs = 600_000
const blobRoute = '/api/v1/blobs/:hash'
const closeEveryMs = 100

/** Rejects with a StartError of exit code 2 when the port cannot be had. */
export async function startHttpServer(init: HttpServerInit): Promise<HttpServer> {
  const { api, host, port, log } = init
  const app = fastify({
    bodyLimit: bodyBytesMax,
    requestTimeout: blobRequestMs,
    routerOptions: { maxParamLength: 100 },
    frameworkErrors: (error, _request, reply) =>
      sendProblem(reply as never, new Problem(400, 'BadUrl', error.message)),
    clientErrorHandler: refuseMalformed,
  }).withTypeProvider<TypeBoxTypeProvider>()
  const parts = await makeParts(init)
  const forget = api.onFinished((finished) => parts.estimate.note(finished))
  app.setValidatorCompiler(compileValidator)
  answerWithProblems(app, log, (problem, request) => {
    // TSK-02: a submission that did not even come to be looked at was refused all the same.
    const isSubmission = request.method === 'POST' && submissionRoutes.has(request.routeOptions.url ?? '')
    if (isSubmission && !(problem instanceof RefusedSubmission)) {
      init.counters.add('tasks_rejected_total', problem.code)
    }
  })
  readBodies(app)
  endSlowBodies(app)
  app.addHook('onSend', async (_request, reply) => {
    reply.header('x-content-type-options', 'nosniff').header('referrer-policy', 'no-referrer')
  })
  publicRoutes(app, parts)
  taskRoutes(app, parts)
  jobRoutes(app, parts)
  blobRoutes(app, parts)
  await servePage(app, init.pageFolder)
  try {
    await app.listen({ host, port })
  } catch (error) {
    await app.close()
    throw listenError(error, host, port)
  }
  const closeConnections = connectionCloser(app.server)
  const bound = (app.server.address() as AddressInfo).port
  return {
    url: `http://${shownHost(host)}:${bound}`,
    port: bound,
    async close() {
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

async function makeParts({ api, counters, metrics, now }: HttpServerInit): Promise<HttpParts> {
  const authentication = new RequestAuthentication(api.networkId, createVerify(await chooseEngine()), now)
  const snapshot = new StatusSnapshot(api)
  return {
    api,
    access: new Access(api),
    authentication,
    submissions: new Submissions(api, counters),
    snapshot,
    estimate: new CompletionEstimate(snapshot),
    streams: new OpenStreams(),
    metrics: new Metrics(snapshot, counters, metrics),
    signed: {
      async preValidation(request) {
        request.sender = await authentication.sender(request, request.rawBody)
      },
    },
  }
}

/** Bodies are kept as they came, since that is what was signed. */
function readBodies(app: HttpApp): void {
  app.decorateRequest('sender', undefined)
  app.decorateRequest('rawBody', undefined)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (request: FastifyRequest, body: Buffer) => {
      request.rawBody = body
      // An empty body stands for none, as clients send it with DELETE.
      if (body.length === 0) return undefined
      try {
        return JSON.parse(body.toString('utf8'))
      } catch {
        throw new Problem(400, 'MalformedJson', 'body: not a JSON text')
      }
    },
  )
  app.addContentTypeParser(
    'application/octet-stream',
    { parseAs: 'buffer' },
    async (request: FastifyRequest, body: Buffer) => {
      request.rawBody = body
      return undefined
    },
  )
}

/** Node knows one time limit for all requests, and blobs need a longer one. */
function endSlowBodies(app: HttpApp): void {
  app.addHook('onRequest', async (request) => {
    const { raw } = request
    const hasBody = 'transfer-encoding' in raw.headers || Number(raw.headers['content-length'] ?? 0) > 0
    if (!hasBody || request.routeOptions.url === blobRoute) return
    const timer = setTimeout(() => {
      refuseMalformed(Object.assign(new Error(), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), raw.socket)
    }, requestMs)
    raw.once('end', () => clearTimeout(timer))
    raw.once('close', () => clearTimeout(timer))
  })
}

/**
 * Closes all connections once no answer is under way. Node alone waits for connections on which no request ever came,
 * as browsers and fetch open them ahead of need.
 */
function connectionCloser(server: Server): () => void {
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

/** What is no HTTP at all, or too large or slow to be. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const problem =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? new Problem(431, 'HeadersTooLarge', 'The headers of the request are too large')
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? new Problem(408, 'RequestTimeout', 'The request took too long to arrive')
        : new Problem(400, 'MalformedHttp', 'This is not an HTTP request')
  const body = problemBody(problem)
  socket.end(
    `HTTP/1.1 ${problem.status} Refused\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}
