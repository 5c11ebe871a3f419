import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { FastifyReply } from 'fastify'
import type { JobId, TaskId } from '../../shared/kernel/ids.ts'
import type { OpenStream } from './open-streams.ts'
import type { HttpApp, HttpParts } from './parts.ts'
import { Problem } from './problem.ts'
import { receiptParts } from './receipt-text.ts'
import type { OutputsAs } from './result-line.ts'
import { endedLines, resultLines } from './results-stream.ts'
import { idParams, jobSchema, resultsQuery, type SubmissionBody } from './schemas.ts'

interface ResultsQuery {
  readonly from?: string
  readonly held?: 'true' | 'false'
  readonly output?: OutputsAs
}

/** A client that vanished without a word is noticed after this. */
const keepAliveMs = 30_000

export function jobRoutes(app: HttpApp, parts: HttpParts): void {
  const { api, access, submissions, signed, streams } = parts

  app.post('/api/v1/jobs', { ...signed, schema: { body: jobSchema } }, async (request) => {
    const { jobId, tasks } = request.body as { jobId: JobId; tasks: SubmissionBody[] }
    const other = tasks.findIndex(({ task }) => task.jobId !== jobId)
    if (other >= 0)
      throw new Problem(400, 'MalformedRequest', `body.tasks[${other}].task.jobId: not the body's jobId`)
    return { jobId, items: await submissions.submit(request.sender!, tasks) }
  })

  app.get('/api/v1/jobs/:id', { ...signed, schema: { params: idParams } }, async (request) => {
    const { id } = await access.jobFor(request.sender!, (request.params as { id: JobId }).id)
    const job = await api.job(id as JobId)
    if (job === undefined)
      throw new Problem(404, 'JobNotFound', `Job ${id} is not counted here; its results are`)
    const { accepted, completed, failed, executions, missingWorkers } = job
    const missing = missingWorkers > 0 ? { missing: { workers: missingWorkers } } : {}
    return { jobId: id, accepted, completed, failed, executions, ...missing }
  })

  app.get(
    '/api/v1/jobs/:id/results',
    { ...signed, schema: { params: idParams, querystring: resultsQuery } },
    async (request, reply) => {
      const job = await access.jobFor(request.sender!, (request.params as { id: JobId }).id)
      const { from = '0', held, output = 'json' } = request.query as ResultsQuery
      if (held === 'false') {
        reply.type('application/x-ndjson').header('cache-control', 'no-store')
        return reply.send(Readable.from(endedLines(api, job, Number(from), output)))
      }
      const stream = streams.open(request.sender!)
      try {
        hold(reply, stream)
        await pipeline(Readable.from(resultLines(api, job, Number(from), output, stream.signal)), reply.raw, {
          signal: stream.signal,
        })
      } catch {
        // The reader left, or the relay is closing: either way nobody is there to be told.
        reply.raw.destroy()
      } finally {
        stream.close()
      }
    },
  )

  app.get('/api/v1/jobs/:id/receipt', { ...signed, schema: { params: idParams } }, async (request, reply) => {
    const job = await access.jobFor(request.sender!, (request.params as { id: JobId | TaskId }).id)
    const receipt = receiptParts(api, job)
    const head = await receipt.next()
    const first = await receipt.next()
    const next = await receipt.next()
    if (next.done) {
      throw new Problem(409, 'NoQuorum', `No task of job ${job.id} has ended with a quorum behind it yet`)
    }
    const parts = (async function* () {
      yield `${head.value}${first.value}${next.value}`
      yield* receipt
    })()
    return reply.type('application/json').send(Readable.from(parts))
  })

  app.delete('/api/v1/jobs/:id', { ...signed, schema: { params: idParams } }, async (request, reply) => {
    const { id, submitter } = await access.jobFor(request.sender!, (request.params as { id: JobId }).id)
    await api.cancel(submitter, await api.unfinishedOf(id as JobId))
    return reply.code(204).send()
  })
}

/** Headers at once, since the first line may be long in coming; and no waiting for a line nobody reads. */
function hold(reply: FastifyReply, stream: OpenStream): void {
  reply.hijack()
  reply.raw.on('close', () => stream.close())
  reply.raw.writeHead(200, {
    'content-type': 'application/x-ndjson',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-accel-buffering': 'no',
  })
  reply.raw.flushHeaders()
  reply.raw.socket?.setKeepAlive(true, keepAliveMs)
}
