import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import type { HostLog } from '../../shared/host/host-log.ts'
import { ElsewhereError } from '../fleet/elsewhere-error.ts'
import type { HttpApp } from './http-app.ts'
import { type ProblemCode, type ProblemMeaning, problemCodes } from './problem-codes.ts'

/** An answer that says why not (RFC 9457). `code` is stable, `message` is for people and names what was wrong. */
export class Problem extends Error {
  readonly status: number
  readonly code: string
  /** Seconds after which trying again makes sense. */
  readonly retryAfterSeconds: number | undefined
  /** The relay to ask instead, as its page is called. */
  relay: string | undefined

  constructor(code: ProblemCode, message: string, retryAfterSeconds?: number, status?: number) {
    super(message)
    this.name = 'Problem'
    this.status = status ?? problemCodes[code].status
    this.code = code
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** What a code that came from elsewhere means; `undefined` for one that is not documented. */
export const meaningOf = (code: string): ProblemMeaning | undefined =>
  Object.hasOwn(problemCodes, code) ? problemCodes[code as ProblemCode] : undefined

export function problemBody({ status, code, message, relay }: Problem): string {
  const title = STATUS_CODES[status] ?? 'Error'
  return JSON.stringify({ type: 'about:blank', title, status, code, detail: message, relay })
}

export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  if (problem.retryAfterSeconds !== undefined) reply.header('retry-after', problem.retryAfterSeconds)
  return reply.code(problem.status).type('application/problem+json').send(problemBody(problem))
}

export interface ProblemHooks {
  readonly log: HostLog
  /** Told of every refusal of a route. */
  readonly noted: (problem: Problem, request: FastifyRequest) => void
  /** Methods that an address knows; none for one that is not there. */
  readonly methodsAt: (path: string) => readonly string[]
}

/** Every error leaves in one form; what is our own defect is logged and told to nobody. */
export function answerWithProblems(app: HttpApp, { log, noted, methodsAt }: ProblemHooks): void {
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error)
    if (problem.code === 'Internal') {
      const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) }
      log('error', 'A request failed', { error_type: name, error_message: message })
    }
    noted(problem, request)
    return sendProblem(reply, problem)
  })
  app.setNotFoundHandler((request, reply) => {
    const methods = methodsAt(request.url.split('?', 1)[0]!)
    if (methods.length === 0) {
      return sendProblem(
        reply,
        new Problem('NotFound', `Nothing answers to ${request.method} here: GET /docs lists what there is`),
      )
    }
    const allowed = methods.join(', ')
    reply.header('allow', allowed)
    return sendProblem(
      reply,
      new Problem('MethodNotAllowed', `This address does not know ${request.method}, only ${allowed}`),
    )
  })
}

/** Errors of fastify itself, by its documented codes. */
const known: Readonly<Record<string, readonly [code: ProblemCode, message: string]>> = {
  FST_ERR_MAX_PARAM_LENGTH: ['UriTooLong', 'A part of the address is too long'],
  FST_ERR_BAD_URL: ['BadUrl', 'The address cannot be decoded'],
}
const mediaTypeErrors = ['FST_ERR_CTP_INVALID_MEDIA_TYPE', 'FST_ERR_CTP_EMPTY_TYPE']

export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof ElsewhereError) return elsewhere(error)
  const { code = '', statusCode } = (error ?? {}) as Partial<FastifyError>
  const found = known[code]
  if (found !== undefined) return new Problem(...found)
  if (mediaTypeErrors.includes(code)) {
    return new Problem(
      'UnsupportedMediaType',
      'Send application/json, or application/octet-stream for blobs, and name it in content-type',
    )
  }
  if (statusCode === 403 || statusCode === 404) return new Problem('NotFound', 'Nothing is here')
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new Problem('BadRequest', 'The request is malformed', undefined, statusCode)
  }
  return new Problem('Internal', 'The relay failed to answer; its log says why')
}

function elsewhere({ message, relay, retryAfterSeconds }: ElsewhereError): Problem {
  const code = relay === undefined ? 'TakeoverPending' : 'HeldElsewhere'
  const problem = new Problem(code, message, retryAfterSeconds)
  problem.relay = relay
  return problem
}
