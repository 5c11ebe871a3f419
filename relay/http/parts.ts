import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest, RawServerDefault } from 'fastify'
import type { PeerId } from '../../shared/kernel/ids.ts'
import type { Access } from './access.ts'
import type { RequestAuthentication } from './authentication.ts'
import type { Metrics } from './metrics.ts'
import type { OpenStreams } from './open-streams.ts'
import type { RelayApi } from './relay-api.ts'
import type { CompletionEstimate, StatusSnapshot } from './snapshot.ts'
import type { Submissions } from './submissions.ts'

export type HttpApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

/** What the routes lean on. */
export interface HttpParts {
  readonly api: RelayApi
  readonly access: Access
  readonly authentication: RequestAuthentication
  readonly submissions: Submissions
  readonly snapshot: StatusSnapshot
  readonly estimate: CompletionEstimate
  readonly streams: OpenStreams
  readonly metrics: Metrics
  /** Options of a route that asks for a signature; `request.sender` is then who signed. */
  readonly signed: { readonly preValidation: (request: FastifyRequest) => Promise<void> }
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on signed routes. */
    sender?: PeerId
    /** As it came; set when there is a body. */
    rawBody?: Buffer
  }
}
