import type { FastifyRequest } from 'fastify'
import type { Access } from './access.ts'
import type { RequestAuthentication } from './authentication.ts'
import type { CompletionEstimate } from './completion-estimate.ts'
import type { FirstAnswers } from './first-answers.ts'
import type { Metrics } from './metrics.ts'
import type { OpenStreams } from './open-streams.ts'
import type { RelayApi } from './relay-api.ts'
import type { StatusSnapshot } from './snapshot.ts'
import type { Submissions } from './submissions.ts'
import type { TaskNews } from './task-news.ts'

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
  readonly news: TaskNews
  /** A held answer is cut whose reader takes nothing for so long. */
  readonly slowReaderMs: number
  readonly firstAnswers: FirstAnswers
  /** Options of a route that asks for a signature; `request.sender` is then who signed, and `body` is read. */
  readonly signed: { readonly onRequest: Hook; readonly preValidation: Hook }
  /** Throws a Problem when the relay takes no new work. */
  readonly refuseWhileDraining: Hook
}

type Hook = (request: FastifyRequest) => Promise<void>
