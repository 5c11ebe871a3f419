import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { JobId, TaskId } from '../../shared/kernel/ids.ts'
import { acceptedEventSchema, endEventSchema, jobProgressSchema, taskProgressSchema } from './answers.ts'
import { type EventCursor, isNew, readCursor } from './event-cursor.ts'
import { about } from './fields.ts'
import { holdAnswer } from './held-answer.ts'
import type { HttpApp } from './http-app.ts'
import { type Operation, optionsOf } from './operation.ts'
import type { HttpParts } from './parts.ts'
import { idParams } from './schemas.ts'
import { type Followed, taskEvents } from './task-events.ts'

const lastEventId = {
  'last-event-id': {
    text: 'The id of the last event that was seen: the stream goes on after it',
    schema: about(Type.String({ maxLength: 100 }), 'As it came'),
  },
}
const text =
  'Server-sent events, held open: `completed` or `failed` for each end, those that came before among them; `accepted` for each task that is open, and for each that comes; `progress` when the counts have changed. Come back with the header `Last-Event-ID` after a break: every end is told at least once, and again only what ended in that very millisecond. Where the relay was started anew, everything is told again: know a task by its id. Results are fetched, events are small. Browsers’ own EventSource cannot sign: read the stream with fetch.'
const ends = { completed: endEventSchema, failed: endEventSchema }
const schema = Type.String()

const operations = {
  job: {
    ...{ id: 'getJobEvents', section: 'jobs', isSigned: true, summary: 'Events of a job' },
    ...{ text, params: idParams, headers: lastEventId },
    answers: {
      200: {
        text: 'Events',
        content: {
          ...{ type: 'text/event-stream', schema },
          each: { accepted: acceptedEventSchema, progress: jobProgressSchema, ...ends },
        },
      },
    },
    problems: ['JobNotFound', 'Forbidden', 'TooManyStreams'],
  },
  task: {
    ...{ id: 'getTaskEvents', section: 'tasks', isSigned: true, summary: 'Events of a task' },
    text: `${text} The stream ends after the end of the task.`,
    ...{ params: idParams, headers: lastEventId },
    answers: {
      200: {
        text: 'Events',
        content: {
          ...{ type: 'text/event-stream', schema },
          each: { accepted: acceptedEventSchema, progress: taskProgressSchema, ...ends },
        },
      },
      204: { text: 'The end of the task was told already, nothing more will come' },
    },
    problems: ['TaskNotFound', 'Forbidden', 'TooManyStreams'],
  },
} as const satisfies Readonly<Record<string, Operation>>

/** Looks at progress become rarer where many are open: each costs a look at the queue. */
const progressMs = { least: 1_000, perStream: 10 }

export function eventRoutes(app: HttpApp, parts: HttpParts): void {
  const { api, access, news, streams, slowReaderMs } = parts

  async function send(request: FastifyRequest, reply: FastifyReply, followed: Followed, from: EventCursor) {
    const stream = streams.open(request.sender!, request.ip)
    const { signal } = stream
    const between = () => Math.max(progressMs.least, progressMs.perStream * streams.size)
    const events = taskEvents({ api, news, signal, progressMs: between }, followed, from)
    await holdAnswer(reply, stream, 'text/event-stream', events, slowReaderMs)
  }

  app.get(
    '/api/v1/jobs/:id/events',
    { ...optionsOf(operations.job, parts), exposeHeadRoute: false },
    async (request, reply) => {
      const { id, submitter } = await access.jobFor(request.sender!, (request.params as { id: JobId }).id)
      const from = readCursor(headerOf(request.headers['last-event-id']), news.time)
      await send(request, reply, { kind: 'job', id, submitter }, from)
    },
  )

  app.get(
    '/api/v1/tasks/:id/events',
    { ...optionsOf(operations.task, parts), exposeHeadRoute: false },
    async (request, reply) => {
      const { id } = request.params as { id: TaskId }
      const submitter = await access.taskFor(request.sender!, id)
      const from = readCursor(headerOf(request.headers['last-event-id']), news.time)
      const finished = await api.finished(id)
      if (finished !== undefined && !isNew(from, finished)) return reply.code(204).send()
      await send(request, reply, { kind: 'task', id, submitter }, from)
    },
  )
}

const headerOf = (value: string | string[] | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined
