import { Readable } from 'node:stream'
import type { JobId, PeerId, TaskId } from '../../shared/kernel/ids.ts'
import {
  jobAcceptedSchema,
  jobListSchema,
  jobReportSchema,
  receiptSchema,
  resultLineSchema,
} from './answers.ts'
import { jobBytesMax } from './bodies.ts'
import { holdAnswer } from './held-answer.ts'
import type { HttpApp } from './http-app.ts'
import { jobFields, pageOf } from './job-list.ts'
import { type Operation, optionsOf } from './operation.ts'
import type { HttpParts } from './parts.ts'
import { Problem } from './problem.ts'
import { receiptParts } from './receipt-text.ts'
import type { OutputsAs } from './result-line.ts'
import { endedLines, resultLines } from './results-stream.ts'
import { idParams, jobSchema, jobsQuery, resultsQuery, type SubmissionBody } from './schemas.ts'

interface ResultsQuery {
  readonly from?: string
  readonly held?: 'true' | 'false'
  readonly output?: OutputsAs
}

const aJob = { section: 'jobs', isSigned: true, params: idParams } as const

const operations = {
  submit: {
    ...{ id: 'submitJob', section: 'jobs', isSigned: true, isSubmission: true },
    summary: 'Submit tasks of a job',
    text: 'Up to 256 tasks at a time, in any order; again with the same tasks it changes nothing. Each task is taken or refused by itself: look at its item of the answer.',
    body: { type: 'application/json', text: 'The job and some of its tasks', schema: jobSchema },
    bodyBytesMax: jobBytesMax,
    answers: {
      200: {
        text: 'What became of each task of the request',
        content: { type: 'application/json', schema: jobAcceptedSchema },
      },
    },
  },
  list: {
    ...{ id: 'listJobs', section: 'jobs', isSigned: true, summary: 'Your jobs' },
    text: 'Newest first, by pages: a client that begins anew finds its jobs here. Those of which everything was deleted after 7 days are not among them.',
    query: jobsQuery,
    answers: { 200: { text: '', content: { type: 'application/json', schema: jobListSchema } } },
    problems: ['Forbidden'],
  },
  report: {
    ...{ ...aJob, id: 'getJob', summary: 'Progress of a job' },
    answers: { 200: { text: '', content: { type: 'application/json', schema: jobReportSchema } } },
    problems: ['JobNotFound', 'Forbidden'],
  },
  results: {
    ...{ ...aJob, id: 'getJobResults', summary: 'Results of a job, as they come' },
    text: 'One line for each item, in the order of the items, held open: a line comes when its task and all before it have ended. It does not end by itself; begin again with `from` where it broke off. With `held=false` it ends after those that have ended. For a task of its own the id is that of the task.',
    query: resultsQuery,
    answers: {
      200: {
        text: 'Lines of JSON',
        content: { type: 'application/x-ndjson', schema: resultLineSchema, each: 'line' },
      },
    },
    problems: ['JobNotFound', 'Forbidden', 'TooManyStreams'],
  },
  receipt: {
    ...{ ...aJob, id: 'getJobReceipt', summary: 'The receipt of a job' },
    text: 'Of all its tasks so far that a quorum stands behind. Large: 3 to 4 KB for each task.',
    answers: { 200: { text: '', content: { type: 'application/json', schema: receiptSchema } } },
    problems: ['JobNotFound', 'Forbidden', 'NoQuorum'],
  },
  cancel: {
    ...{ ...aJob, id: 'cancelJob', summary: 'Cancel what has not ended of a job' },
    answers: { 204: { text: 'All its tasks so far have ended' } },
    problems: ['JobNotFound', 'Forbidden'],
  },
} as const satisfies Readonly<Record<string, Operation>>

export function jobRoutes(app: HttpApp, parts: HttpParts): void {
  const { api, access, submissions, streams, firstAnswers, slowReaderMs } = parts

  app.post('/api/v1/jobs', optionsOf(operations.submit, parts), async (request, reply) =>
    firstAnswers.answer(request, reply, 200, async () => {
      const { jobId, tasks } = request.body as { jobId: JobId; tasks: SubmissionBody[] }
      const other = tasks.findIndex(({ task }) => task.jobId !== jobId)
      if (other >= 0)
        throw new Problem('MalformedRequest', `body.tasks[${other}].task.jobId: not the body's jobId`)
      return { jobId, items: await submissions.submit(request.sender!, tasks) }
    }),
  )

  app.get('/api/v1/jobs/:id', optionsOf(operations.report, parts), async (request) => {
    const { id } = await access.jobFor(request.sender!, (request.params as { id: JobId }).id)
    const job = await api.job(id as JobId)
    if (job === undefined) throw new Problem('JobNotFound', `Job ${id} is not counted here; its results are`)
    const missing = job.missingWorkers > 0 ? { missing: { workers: job.missingWorkers } } : {}
    return { ...jobFields(id as JobId, job), ...missing }
  })

  app.get('/api/v1/jobs', optionsOf(operations.list, parts), async (request) => {
    const query = request.query as { limit?: string; after?: string; submitter?: PeerId }
    const { limit = '100', after, submitter = request.sender! } = query
    access.check(request.sender!, submitter, 'the list of these jobs')
    return pageOf(await api.jobsOf(submitter), Number(limit), after)
  })

  app.get(
    '/api/v1/jobs/:id/results',
    { ...optionsOf(operations.results, parts), exposeHeadRoute: false },
    async (request, reply) => {
      const job = await access.jobFor(request.sender!, (request.params as { id: JobId }).id)
      const { from = '0', held, output = 'json' } = request.query as ResultsQuery
      if (held === 'false') {
        reply.type('application/x-ndjson').header('cache-control', 'no-store')
        return reply.send(Readable.from(endedLines(api, job, Number(from), output)))
      }
      const stream = streams.open(request.sender!, request.ip)
      const lines = resultLines(parts, job, Number(from), output, stream.signal)
      await holdAnswer(reply, stream, 'application/x-ndjson', lines, slowReaderMs)
    },
  )

  app.get('/api/v1/jobs/:id/receipt', optionsOf(operations.receipt, parts), async (request, reply) => {
    const job = await access.jobFor(request.sender!, (request.params as { id: JobId | TaskId }).id)
    const receipt = receiptParts(api, job)
    const head = await receipt.next()
    const first = await receipt.next()
    const next = await receipt.next()
    if (next.done) {
      throw new Problem('NoQuorum', `No task of job ${job.id} has ended with a quorum behind it yet`)
    }
    const parts = (async function* () {
      yield `${head.value}${first.value}${next.value}`
      yield* receipt
    })()
    return reply.type('application/json').send(Readable.from(parts))
  })

  app.delete('/api/v1/jobs/:id', optionsOf(operations.cancel, parts), async (request, reply) => {
    const { id, submitter } = await access.jobFor(request.sender!, (request.params as { id: JobId }).id)
    await api.cancel(submitter, await api.unfinishedOf(id as JobId))
    return reply.code(204).send()
  })
}
