import type { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FastifyRequest } from 'fastify'
import { Slots } from '../../shared/host/slots.ts'
import { refuseMalformed } from './connections.ts'
import type { HttpApp } from './http-app.ts'
import { Problem } from './problem.ts'

/** 256 submissions with 4 KiB of input each fit well. */
export const jobBytesMax = 4 * 1024 * 1024
/** One submission with 1 MiB of input in hex; a larger one is refused unread. */
export const taskBytesMax = 2 * 1024 * 1024 + 16 * 1024
/** Of bodies that come or are worked on, all requests together. */
const allBytesMax = 64 * 1024 * 1024
/** For the whole of a request to arrive; a blob is given longer: 64 MiB at 110 KB/s. */
const requestMs = 30_000
export const blobRequestMs = 600_000
export const blobRoute = '/api/v1/blobs/:hash'
/** Reading a JSON text of this length takes the event loop for a millisecond or more. */
const largeJsonBytes = 128 * 1024

/**
 * Memory for bodies. When it is full, the body that has been coming for longest is given up: whoever sends at the usual
 * pace is never that one.
 */
class BodyRoom {
  readonly #bytesMax: number
  readonly #held = new Map<FastifyRequest, number>()
  readonly #coming = new Map<FastifyRequest, (reason: Problem) => void>()
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** The body begins to come; `giveUp` may be called until it is `complete`. */
  begin(request: FastifyRequest, giveUp: (reason: Problem) => void): void {
    this.#coming.set(request, giveUp)
  }

  add(request: FastifyRequest, bytes: number): void {
    this.#held.set(request, (this.#held.get(request) ?? 0) + bytes)
    this.#bytes += bytes
    for (const [slowest, giveUp] of this.#coming) {
      if (this.#bytes <= this.#bytesMax) return
      this.release(slowest)
      giveUp(new Problem('Busy', 'Too many large requests are under way, try again later', 5))
    }
  }

  complete(request: FastifyRequest): void {
    this.#coming.delete(request)
  }

  release(request: FastifyRequest): void {
    this.#coming.delete(request)
    this.#bytes -= this.#held.get(request) ?? 0
    this.#held.delete(request)
  }
}

/** Bodies are kept as they came, since that is what was signed; what they say is read when it is known who sent them. */
export function readBodies(app: HttpApp): void {
  const room = new BodyRoom(allBytesMax)
  app.decorateRequest('sender', undefined)
  app.decorateRequest('rawBody', undefined)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', async (request: FastifyRequest, body: Readable) => {
    request.rawBody = await wholeBody(request, body, room)
    return undefined
  })
  app.addHook('onRequest', async (request, reply) => {
    reply.raw.once('close', () => room.release(request))
  })
}

function wholeBody(request: FastifyRequest, body: Readable, room: BodyRoom): Promise<Buffer> {
  const bytesMax = request.routeOptions.bodyLimit
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) throw tooLarge(request)
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let length = 0
    const fail = (reason: Error): void => {
      room.release(request)
      parts.length = 0
      // What still comes is read and dropped: were the connection closed, the answer might never be seen.
      body.off('data', take).resume()
      reject(reason)
    }
    const take = (part: Buffer): void => {
      length += part.length
      if (length > bytesMax) return fail(tooLarge(request))
      parts.push(part)
      room.add(request, part.length)
    }
    room.begin(request, fail)
    body.on('data', take)
    body.once('end', () => {
      room.complete(request)
      resolve(Buffer.concat(parts, length))
    })
    body.once('error', () => fail(new Problem('MalformedHttp', 'The body broke off')))
  })
}

const tooLarge = (request: FastifyRequest): Problem =>
  request.routeOptions.url === '/api/v1/jobs'
    ? new Problem('BodyTooLarge', 'The request exceeds 4 MB: post fewer tasks at a time')
    : new Problem('PayloadTooLarge', 'Task payload exceeds 1 MB limit')

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const largeJson = new Slots(1)

/** The JSON value of a body; an empty one stands for none, as clients send it with DELETE. */
export async function jsonOf(body: Buffer | undefined): Promise<unknown> {
  if (body === undefined || body.length === 0) return undefined
  if (body.length <= largeJsonBytes) return parse(body)
  // One at a time, and a turn for everybody else in between.
  return largeJson.run(async () => {
    await nextTurn()
    return parse(body)
  })
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(utf8.decode(body))
  } catch {
    throw new Problem('MalformedJson', 'body: not a JSON text in UTF-8')
  }
}

/** Node knows one time limit for all requests, and blobs need a longer one. `ended` is told of those that are refused. */
export function endSlowBodies(app: HttpApp, ended: (request: FastifyRequest) => void): void {
  app.addHook('onRequest', async (request, reply) => {
    const { raw } = request
    const hasBody = 'transfer-encoding' in raw.headers || Number(raw.headers['content-length'] ?? 0) > 0
    if (!hasBody || request.routeOptions.url === blobRoute) return
    const timer = setTimeout(() => {
      if (reply.raw.headersSent) {
        raw.socket.destroy()
        return
      }
      ended(request)
      refuseMalformed(Object.assign(new Error(), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), raw.socket)
    }, requestMs)
    raw.once('end', () => clearTimeout(timer))
    raw.once('close', () => clearTimeout(timer))
  })
}
