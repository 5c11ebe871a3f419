import type { RouteShorthandOptions } from 'fastify'
import type { TObject, TSchema } from 'typebox'
import type { HttpParts } from './parts.ts'
import { commonProblems, type ProblemCode } from './problem-codes.ts'

export type Section = 'tasks' | 'jobs' | 'blobs' | 'network' | 'service'

/**
 * One route as it is told of in the OpenAPI document and the page made of it. `params`, `query` and `body` are what
 * requests are checked with.
 */
export interface Operation {
  /** Unique; what generated clients call it. */
  readonly id: string
  readonly section: Section
  readonly summary: string
  readonly text?: string
  readonly isSigned: boolean
  /** Hands in work: knows `Idempotency-Key`, and is refused while the relay ends. */
  readonly isSubmission?: boolean
  readonly params?: TObject
  readonly query?: TObject
  readonly headers?: Readonly<Record<string, Described>>
  readonly body?: { readonly type: string; readonly text: string; readonly schema: TSchema }
  readonly bodyBytesMax?: number
  readonly answers: Readonly<Record<number, Answer>>
  /** Beside those that its kind of route has anyway. */
  readonly problems?: readonly ProblemCode[]
}

export interface Described {
  readonly text: string
  readonly schema: TSchema
}

export interface Answer {
  readonly text: string
  /** Absent for an answer without a body. */
  readonly content?: {
    readonly type: string
    readonly schema: TSchema
    /** The schema is that of one line or of one event's data, by the event's name. */
    readonly each?: 'line' | Readonly<Record<string, TSchema>>
  }
  readonly headers?: Readonly<Record<string, Described>>
}

declare module 'fastify' {
  interface FastifyContextConfig {
    operation?: Operation
  }
}

/** For fastify: checks what the operation says, and asks for a signature where it is signed. */
export function optionsOf(operation: Operation, { signed, refuseWhileDraining }: HttpParts) {
  const { params, query, body } = operation
  return {
    ...(operation.isSigned ? signed : {}),
    ...(operation.isSubmission ? { onRequest: [refuseWhileDraining, signed.onRequest] } : {}),
    ...(operation.bodyBytesMax === undefined ? {} : { bodyLimit: operation.bodyBytesMax }),
    schema: {
      ...(params === undefined ? {} : { params }),
      ...(query === undefined ? {} : { querystring: query }),
      ...(body?.type === 'application/json' ? { body: body.schema } : {}),
    },
    config: { operation },
  } satisfies RouteShorthandOptions
}

/** Every code that the operation may be refused with. */
export function problemsOf(operation: Operation): readonly ProblemCode[] {
  const { isSigned, isSubmission, params, query, body, problems = [] } = operation
  const hasFields = params !== undefined || query !== undefined || body?.type === 'application/json'
  return [
    ...new Set<ProblemCode>([
      ...commonProblems.any,
      ...(isSigned ? commonProblems.signed : []),
      ...(body === undefined ? [] : commonProblems.body),
      ...(hasFields ? commonProblems.fields : []),
      ...(body?.type === 'application/json' ? commonProblems.json : []),
      ...(isSubmission ? commonProblems.submission : []),
      ...problems,
    ]),
  ]
}
