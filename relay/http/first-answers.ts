import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Recent } from '../../shared/kernel/recent.ts'
import { Problem } from './problem.ts'

/** What was answered to a submission that was taken. */
interface Taken {
  readonly status: number
  readonly body: string
}

interface Kept {
  readonly request: string
  readonly at: number
  readonly answer: Taken
}

export const idempotencyHeader = 'idempotency-key'
export const replayedHeader = 'idempotent-replayed'
const idempotencyKeyPattern = /^[\x20-\x7e]{1,128}$/
/** All kept answers together, in bytes of their texts. */
const bytesMax = 16 * 1024 * 1024
/** What an entry takes besides its text. */
const entryBytes = 600
const keptMs = 24 * 60 * 60_000

/**
 * The first answers to submissions, by the key that their sender gave with them. The same request under the same key is
 * given the first answer again; another one under that key is refused. Refusals are not kept: nothing was done, and the
 * next try may fare better. After a restart the ids of the tasks say what was done before.
 */
export class FirstAnswers {
  readonly #now: () => number
  readonly #kept = new Recent<string, Kept>(bytesMax, ({ answer }) => answer.body.length + entryBytes)
  readonly #underWay = new Map<string, { readonly request: string; readonly answer: Promise<Taken> }>()

  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** Does the work unless it was done under the request's key. Throws a Problem when that key was for another request. */
  async answer(
    request: FastifyRequest,
    reply: FastifyReply,
    status: number,
    work: () => Promise<unknown>,
  ): Promise<FastifyReply> {
    const key = keyOf(request)
    const first = async (): Promise<Taken> => ({ status, body: JSON.stringify(await work()) })
    const taken = key === undefined ? await first() : await this.#once(key, request, reply, first)
    return reply.code(taken.status).type('application/json').send(taken.body)
  }

  async #once(
    key: string,
    request: FastifyRequest,
    reply: FastifyReply,
    first: () => Promise<Taken>,
  ): Promise<Taken> {
    const name = `${request.sender}/${key}`
    const digest = fingerprint(request)
    const before = this.#underWay.get(name) ?? this.#keptUnder(name)
    if (before !== undefined) {
      if (before.request !== digest) {
        throw new Problem(
          'IdempotencyKeyReused',
          'The idempotency key was used with another request: take a new one for each',
        )
      }
      const answer = await before.answer
      reply.header(replayedHeader, 'true')
      return answer
    }
    const answer = first()
    this.#underWay.set(name, { request: digest, answer })
    try {
      this.#kept.set(name, { request: digest, at: this.#now(), answer: await answer })
    } finally {
      this.#underWay.delete(name)
    }
    return answer
  }

  #keptUnder(name: string): Kept | undefined {
    const kept = this.#kept.get(name)
    return kept === undefined || this.#now() - kept.at >= keptMs ? undefined : kept
  }
}

function keyOf(request: FastifyRequest): string | undefined {
  const key = request.headers[idempotencyHeader]
  if (key === undefined) return undefined
  if (typeof key === 'string' && idempotencyKeyPattern.test(key)) return key
  throw new Problem(
    'BadIdempotencyKey',
    `The header ${idempotencyHeader} is not 1 to 128 printable ASCII characters`,
  )
}

function fingerprint({ method, url, rawBody = noBody }: FastifyRequest): string {
  return createHash('sha256').update(`${method} ${url}\n`).update(rawBody).digest('base64')
}

const noBody = Buffer.alloc(0)
