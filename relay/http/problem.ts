import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { HostLog } from '../../shared/host/host-log.ts'

/** An answer that says why not (RFC 9457). `code` is stable, `message` is for people and names what was wrong. */
export class Problem extends Error {
  readonly status: number
  readonly code: string
  /** Seconds after which trying again makes sense. */
  readonly retryAfterSeconds: number | undefined

  constructor(status: number, code: string, message: string, retryAfterSeconds?: number) {
    super(message)
    this.name = 'Problem'
    this.status = status
    this.code = code
    this.retryAfterSeconds = retryAfterSeconds
  }
}

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  411: 'Length Required',
  413: 'Content Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  416: 'Range Not Satisfiable',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
  507: 'Insufficient Storage',
}

export function problemBody({ status, code, message }: Problem): string {
  const title = titles[status] ?? 'Error'
  return JSON.stringify({ type: 'about:blank', title, status, code, detail: message })
}

export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  if (problem.retryAfterSeconds !== undefined) reply.header('retry-after', problem.retryAfterSeconds)
  return reply.code(problem.status).type('application/problem+json').send(problemBody(problem))
}

/** Every error leaves in one form; what is our own defect is logged and told to nobody. */
export function answerWithProblems(
  app: FastifyInstance,
  log: HostLog,
  noted: (problem: Problem, request: FastifyRequest) => void,
): void {
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error, request)
    if (problem.status >= 500 && !(error instanceof Problem)) {
      const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) }
      log('error', 'A request failed', { error_type: name, error_message: message })
    }
    noted(problem, request)
    return sendProblem(reply, problem)
  })
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, new Problem(404, 'NotFound', `Nothing answers to ${request.method} here`)),
  )
}

/** Errors of fastify itself, by its documented codes. */
const known: Readonly<Record<string, readonly [status: number, code: string, message: string]>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    415,
    'UnsupportedMediaType',
    'Send application/json, or application/octet-stream for blobs',
  ],
  FST_ERR_CTP_EMPTY_TYPE: [
    415,
    'UnsupportedMediaType',
    'Send application/json, or application/octet-stream for blobs',
  ],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [
    400,
    'BadContentLength',
    'The body has not the length that its header says',
  ],
  FST_ERR_MAX_PARAM_LENGTH: [414, 'UriTooLong', 'The address is too long'],
  FST_ERR_BAD_URL: [400, 'BadUrl', 'The address cannot be decoded'],
}

function problemOf(error: unknown, request: FastifyRequest): Problem {
  if (error instanceof Problem) return error
  if ((error as Partial<FastifyError>).code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return request.routeOptions.url === '/api/v1/jobs'
      ? new Problem(413, 'BodyTooLarge', 'The request exceeds 4 MB: post fewer tasks at a time')
      : new Problem(413, 'PayloadTooLarge', 'Task payload exceeds 1 MB limit')
  }
  const { code, statusCode, message } = (error ?? {}) as Partial<FastifyError>
  const found = code === undefined ? undefined : known[code]
  if (found !== undefined) return new Problem(...found)
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new Problem(statusCode, 'BadRequest', message ?? 'The request is malformed')
  }
  return new Problem(500, 'Internal', 'The relay failed to answer; its log says why')
}
