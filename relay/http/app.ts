import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { type FastifyRequest, fastify } from 'fastify'
import type { Metric } from 'prom-client'
import type { Counters } from '../../shared/host/counters.ts'
import { createVerify } from '../../shared/host/create-crypto-port.ts'
import type { HostLog } from '../../shared/host/host-log.ts'
import { nodeEngine } from '../keys/node-engine.ts'
import { Access } from './access.ts'
import { RequestAuthentication } from './authentication.ts'
import { blobRoutes } from './blob-routes.ts'
import { blobRequestMs, endSlowBodies, jobBytesMax, jsonOf, readBodies } from './bodies.ts'
import { CompletionEstimate } from './completion-estimate.ts'
import { refuseMalformed, refuseUnusual } from './connections.ts'
import { allowOrigins } from './cross-origin.ts'
import { docsRoutes } from './docs/routes.ts'
import { Draining } from './draining.ts'
import { eventRoutes } from './event-routes.ts'
import { FirstAnswers } from './first-answers.ts'
import { slowReaderMs } from './held-answer.ts'
import type { HttpApp } from './http-app.ts'
import { jobRoutes } from './job-routes.ts'
import { Metrics } from './metrics.ts'
import { OpenStreams } from './open-streams.ts'
import { servePage } from './page.ts'
import type { HttpParts } from './parts.ts'
import { answerWithProblems, Problem, problemOf, sendProblem } from './problem.ts'
import { publicRoutes } from './public-routes.ts'
import type { RelayApi } from './relay-api.ts'
import { RouteTable } from './route-table.ts'
import { compileValidator } from './schemas.ts'
import { StatusSnapshot } from './snapshot.ts'
import { RefusedSubmission, Submissions } from './submissions.ts'
import { TaskNews } from './task-news.ts'
import { taskRoutes } from './task-routes.ts'

export interface HttpAppInit {
  readonly api: RelayApi
  /** The built page. */
  readonly pageFolder: string
  readonly counters: Counters
  /** Metrics of other parts of the process, shown beside those of the host. */
  readonly metrics?: readonly Metric[]
  readonly log: HostLog
  readonly now?: () => number
  /** A held answer is cut whose reader takes nothing for so long. */
  readonly slowReaderMs?: number
  /** Pages of other origins that may use the API. */
  readonly allowedOrigins?: readonly string[]
}

export interface MadeApp {
  readonly app: HttpApp
  readonly parts: HttpParts
  readonly draining: Draining
  readonly table: RouteTable
}

/** All routes of a relay, listening nowhere yet. */
export async function makeApp(init: HttpAppInit): Promise<MadeApp> {
  const app: HttpApp = fastify({
    bodyLimit: jobBytesMax,
    requestTimeout: blobRequestMs,
    http: { requireHostHeader: false },
    routerOptions: { maxParamLength: 100 },
    frameworkErrors: (error, _request, reply) => sendProblem(reply as never, problemOf(error)),
    clientErrorHandler: refuseMalformed,
  }).withTypeProvider<TypeBoxTypeProvider>()
  const table = new RouteTable(app)
  const draining = new Draining()
  const parts = await makeParts(init, draining)
  app.setValidatorCompiler(compileValidator)
  const noted = (problem: Problem, request: FastifyRequest): void => {
    // TSK-02: a submission that did not even come to be looked at was refused all the same.
    const isSubmission = request.routeOptions.config.operation?.isSubmission ?? false
    if (isSubmission && !(problem instanceof RefusedSubmission)) {
      init.counters.add('tasks_rejected_total', problem.code)
    }
  }
  answerWithProblems(app, { log: init.log, noted, methodsAt: (path) => table.methodsAt(path) })
  refuseUnusual(app)
  allowOrigins(app, init.allowedOrigins ?? [])
  readBodies(app)
  endSlowBodies(app, (request) => noted(new Problem('RequestTimeout', ''), request))
  // What a relay says before it has its state, or after it may have lost its tasks to another, nobody must hear.
  const readyFor = async (path: string): Promise<void> => {
    if (path.startsWith('/api/')) await init.api.fleet?.ready()
  }
  app.addHook('onRequest', ({ url }) => readyFor(url))
  app.addHook('onSend', async ({ url }, reply) => {
    await readyFor(url)
    reply.header('x-content-type-options', 'nosniff').header('referrer-policy', 'no-referrer')
  })
  publicRoutes(app, parts)
  taskRoutes(app, parts)
  jobRoutes(app, parts)
  eventRoutes(app, parts)
  blobRoutes(app, parts)
  docsRoutes(app, parts, table)
  await servePage(app, init.pageFolder)
  return { app, parts, draining, table }
}

async function makeParts(init: HttpAppInit, draining: Draining): Promise<HttpParts> {
  const { api, counters, metrics, now } = init
  const authentication = new RequestAuthentication(api.networkId, createVerify(nodeEngine), now)
  const snapshot = new StatusSnapshot(api)
  const streams = new OpenStreams()
  return {
    api,
    access: new Access(api),
    authentication,
    submissions: new Submissions(api, counters),
    snapshot,
    estimate: new CompletionEstimate(() => snapshot.get(), now),
    streams,
    metrics: new Metrics({ snapshot, streams, counters, others: metrics }),
    news: new TaskNews(),
    slowReaderMs: init.slowReaderMs ?? slowReaderMs,
    firstAnswers: new FirstAnswers(now),
    signed: {
      async onRequest(request) {
        authentication.check(request)
      },
      async preValidation(request) {
        request.sender = await authentication.sender(request, request.rawBody)
        request.body = await jsonOf(request.rawBody)
      },
    },
    async refuseWhileDraining() {
      draining.refuse()
    },
  }
}
