import type { JobId } from '../kernel/ids.ts'
import type { RelayHttp } from './relay-http.ts'
import { isUnknownJob } from './results-reader.ts'

export interface Progress {
  /** Items the relay has taken so far. */
  readonly accepted: number
  readonly completed: number
  readonly failed: number
  /** Workers the network lacks for the next task; 0 when it has enough. */
  readonly missingWorkers: number
  /** Executions handed out so far, as the relay counts them. */
  readonly executions: number
}

/** What only the relay knows of a job under way. */
export async function askCount(
  http: RelayHttp,
  jobId: JobId,
  signal: AbortSignal,
): Promise<Pick<Progress, 'missingWorkers'> & Partial<Progress>> {
  const request = { method: 'GET', path: `/api/v1/jobs/${jobId}` }
  const answer = await http.json(request, signal).catch((error: unknown) => {
    if (isUnknownJob(error)) return undefined
    throw error
  })
  const { executions, missing } = (answer ?? {}) as { executions?: unknown; missing?: { workers?: unknown } }
  const missingWorkers = typeof missing?.workers === 'number' ? missing.workers : 0
  return { missingWorkers, ...(typeof executions === 'number' ? { executions } : {}) }
}
